"""The meaning of rounds: a body that runs again until its condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrun.dsl import syntax as s

from .meaning_blocks import Blocks
from .meaning_values import Got, Place, lines_of
from .meaning_votes import Lost

Json = Any


def rounds(reader: Blocks, node: s.Rounds, place: Place, options: Mapping[str, Any]) -> Got:
    """Run round after round. Each begins when all calls of the round before have ended."""
    retries = reader.value(options["retries"], place) if "retries" in options else place.retries
    base, last = place.base | reader.used[-1], Got(None)
    ends: list[tuple[Json, Got]] = []
    for number in range(int(node.most.value)):
        inner = Place(lines_of(node.body), place, {"last": last}, base | last.calls)
        inner.ballot, inner.retries, inner.round = place.ballot, retries, number
        got = reader.body(inner)
        last = Got(got.value, got.calls | last.calls)
        if reader.value(node.until, inner):
            return last
        ends.append((None if node.by is None else reader.value(node.by, inner), last))
    if node.otherwise is None or node.otherwise.text == "fail":
        raise Lost("no round was good enough", abstains=True)
    if node.by is None:
        return last
    top = max(rank for rank, _ in ends)
    return Got(next(got.value for rank, got in ends if rank == top), last.calls)
