"""The waiting of a run over all of its processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..vocabulary.json_value import Json
from ..vocabulary.waits import BlockWaits, Cause, EndpointWaits, Waits


def waits_json(waits: Waits) -> Json:
    return [
        [[one.endpoint, list(one.models), dict(one.seconds), *_width(one)] for one in waits.endpoints],
        [[one.block, one.concurrency, one.seconds] for one in waits.blocks],
    ]


def _width(one: EndpointWaits) -> list[Json]:
    return [one.narrowest, one.widest, one.ceiling, one.paced, one.next, one.runs]


def waits_of(form: Any) -> Waits:
    return Waits(
        tuple(
            EndpointWaits(name, tuple(models), {Cause(cause): one for cause, one in seconds.items()}, *rest)
            for name, models, seconds, *rest in form[0]
        ),
        tuple(BlockWaits(*one) for one in form[1]),
    )


def joined(own: Waits, others: Sequence[Waits]) -> Waits:
    """Join the waiting of the driver with that of its workers.

    Processes wait side by side, so the longest time of each cause counts. The requests that were allowed at once add
    up, but never to more than the flow's own limit.
    """
    endpoints: dict[tuple[str, ...], list[EndpointWaits]] = {}
    for waits in others:
        for one in waits.endpoints:
            endpoints.setdefault(one.models, []).append(one)
    mine = {one.models: one for one in own.endpoints}
    found = [_endpoint(mine.get(models), several) for models, several in endpoints.items()]
    found += [one for models, one in mine.items() if models not in endpoints]
    return Waits(tuple(found), (*own.blocks, *_blocks(one for waits in others for one in waits.blocks)))


def _endpoint(own: EndpointWaits | None, several: Sequence[EndpointWaits]) -> EndpointWaits:
    every = several if own is None else (own, *several)
    seconds: dict[Cause, float] = {}
    for one in every:
        for cause, time in one.seconds.items():
            seconds[cause] = max(seconds.get(cause, 0.0), time)
    first, most = several[0], several[0].ceiling
    narrowest, widest = sum(one.narrowest for one in several), sum(one.widest for one in several)
    if most is not None:
        narrowest, widest = min(narrowest, most), min(widest, most)
    next_ = None if own is None else own.next
    return replace(
        first, seconds=seconds, narrowest=narrowest, widest=widest, next=next_, runs=max(one.runs for one in every)
    )


def _blocks(several: Iterable[BlockWaits]) -> list[BlockWaits]:
    longest: dict[str, BlockWaits] = {}
    for one in several:
        if one.block not in longest or one.seconds > longest[one.block].seconds:
            longest[one.block] = one
    return list(longest.values())
