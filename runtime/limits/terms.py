"""The terms of requests at an endpoint: where its limiter begins, and the limits that are set."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import dataclass

from ..vocabulary.traffic import Traffic
from .breaker import COOLING
from .ramp import Pacing


@dataclass(frozen=True, slots=True)
class EndpointTerms:
    """The terms of requests at an endpoint, beside the most that may be in flight.

    ``start`` is the number in flight at first, ``trusted`` says that the server took it in an earlier run, and
    ``refused_at`` is the number that it refused then. Up to ``further`` requests may leave before the first answer;
    those above ``start`` leave at the pace of a server that has answered. ``pacing`` is the speed at which places open;
    without it all open at once. ``traffic`` is that of the endpoint's providers; it is empty if they do not tell.
    ``rpm`` and ``tpm`` are requests and tokens a minute. A server that serves nobody is tried every ``cooling``
    seconds, and requests wait for it for ``patience`` seconds.
    """

    start: int | None = None
    trusted: bool = False
    refused_at: int | None = None
    further: int | None = None
    pacing: Pacing | None = None
    traffic: Sequence[Traffic] = ()
    rpm: int | None = None
    tpm: int | None = None
    patience: float = 900.0
    cooling: float = COOLING


UNKNOWN_TERMS = EndpointTerms()
"""The terms of an endpoint about which nothing is known or set."""
