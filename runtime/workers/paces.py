"""The paces of endpoints over all processes of a run: each process learns a part of what a server takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..dispatch.endpoint import Endpoint
from ..vocabulary.json_value import Json
from ..vocabulary.pace import Pace

Paces = Mapping[str, Pace]
"""The paces that one process has found, by the address of the endpoint with its account."""


def paces_json(endpoints: Iterable[Endpoint]) -> Json:
    """Return the paces of endpoints whose number of requests is learnt.

    A process may have had the places of others for a while. So it tells no more than it has at the end.
    """
    found: dict[str, Json] = {}
    for one in endpoints:
        limiter = one.limiter
        if limiter.limit is None:
            pace = limiter.pace
            width = min(pace.width, limiter.width)
            found[one.provider.endpoint] = [width, pace.refused, pace.requests, pace.tokens, pace.rising]
    return found


def paces_of(form: Any) -> Paces:
    found = {}
    for endpoint, (width, refused, requests, tokens, rising) in form.items():
        found[str(endpoint)] = Pace(
            int(width), refused is True, _amount(requests), _amount(tokens), rising=rising is True
        )
    return found


def _amount(found: Any) -> int | None:
    return None if found is None else int(found)


def joined(own: Pace, theirs: Sequence[Pace]) -> Pace:
    """Join the pace of the driver with those of its workers. Their requests were in flight side by side.

    The driver sends alone before its workers are ready, and hardly anything afterwards.
    """
    if not theirs:
        return own
    every = (own, *theirs)
    refused = any(one.refused for one in every)
    return Pace(
        max(own.width, sum(one.width for one in theirs)),
        refused,
        _largest(one.requests for one in every),
        _largest(one.tokens for one in every),
        rising=not refused and all(one.rising for one in theirs),
    )


def _largest(found: Iterable[int | None]) -> int | None:
    return max((one for one in found if one is not None), default=None)
