"""The meaning of a cascade: stages that run one after another, until a condition for going on is false."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flowrun.dsl import syntax as s

from .meaning_blocks import Blocks
from .meaning_values import Got, Place, words_of
from .meaning_votes import Lost, Undecided

Json = Any


def cascade(reader: Blocks, node: s.Cascade, place: Place, options: Mapping[str, Any]) -> Got:
    """Run stage after stage. Each sees the value of the stage before as `last`: none if that failed."""
    retries = reader.value(options["retries"], place) if "retries" in options else place.retries
    base, last, failed = place.base | reader.used[-1], Got(None), False
    tallies: dict[str, Any] = {}
    for number, line in enumerate(node.body.lines):
        given = {"last": last} if number else {}
        if failed and line.when is not None:
            # A mention is an edge, also where the condition does not matter.
            for word in words_of([line.when.condition]):
                if word != "last":
                    reader.look(place, word)
        if number and not failed:
            if line.when is None:
                return last
            words = Place({}, place, dict(given), base | last.calls, round=-1, retries=retries, tallies=tallies)
            if not reader.value(line.when.condition, words):
                return last
        name = line.name.text if line.name is not None else "#stage"
        stage = Place({name: replace(line, when=None)}, place, dict(given), base | last.calls, round=-1)
        stage.ballot, stage.retries = place.ballot, retries
        try:
            got = reader.body(stage)
        except Lost as lost:
            if number + 1 == len(node.body.lines) or not goes_on(lost):
                raise
            last, failed, tallies = Got(None, last.calls), True, {}
            continue
        last, failed = Got(got.value, got.calls | last.calls), False
        tallies = {"last": stage.tallies[name]} if name in stage.tallies else {}
    return last


def goes_on(lost: Lost) -> bool:
    """Tell whether a failure leads to the next stage: each but that of a step around the cascade does."""
    if lost.outside is None:
        raise Undecided("a stage that fails by its own and by an outer step")
    return not lost.outside
