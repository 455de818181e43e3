"""A driver for reducers that works as the engine does, with results that arrive in any order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flowrun.runtime.reducers import ReduceError, Reducer

Json = Any
LOST = object()
"""A mark in the place of a sample whose call never brings an answer."""


@dataclass
class Driven:
    """A reducer after a drive.

    ``ended`` is "value" and the value, or "error" and its text. ``flying`` are the calls still in flight at its end.
    """

    ended: tuple[str, Json]
    reducer: Reducer
    launched: int
    seen: int
    flying: list[int]


def ended(reducer: Reducer) -> tuple[str, Json]:
    try:
        return "value", reducer.value()
    except ReduceError as error:
        return "error", str(error)


def drive(reducer: Reducer, results: Sequence[Json], choose: Callable[[int], int]) -> Driven:
    """Drive a reducer to its end. A result of None abstains, and a LOST one never comes.

    ``choose`` picks the next result to arrive, given the number of calls in flight.
    """
    most = len(results)
    flying: list[int] = []
    launched = seen = 0
    while seen < most and not reducer.decided:
        more = reducer.wanted(launched)
        assert 0 <= more <= most - launched
        flying += range(launched, launched + more)
        launched += more
        if not flying:
            given_up = getattr(reducer, "hopeless", False) or any(results[index] is LOST for index in range(launched))
            assert given_up, "nothing is out, wanted or decided"
            break
        index = flying.pop(choose(len(flying)))
        result = results[index]
        if result is LOST:
            reducer.lose(index, sent=True)
        elif result is None:
            reducer.skip(index)
        else:
            reducer.add(index, result)
        seen += 1
    return Driven(ended(reducer), reducer, launched, seen, flying)


def shuffled(seed: int) -> Callable[[int], int]:
    return random.Random(seed).randrange
