"""The guard around a reducer of another package. It turns the reducer's faults into sentences that name the package."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar, get_args

from flowrun.dsl import Given, ParamSpec, Refusal, types

from ..vocabulary.errors import FlowrunError, mistake_in
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .protocol import Question, ReduceError, Reducer, Rule, Setting

T = TypeVar("T")


def guarded(rule: Rule, who: str) -> Rule:
    """Return a safe version of a rule. Its faults become refusals in the check, and failures of its block in a run."""
    spec = rule.spec
    if not (callable(rule.make) and callable(spec.result) and all(isinstance(one, ParamSpec) for one in spec.params)):
        raise TypeError("its `make` and `result` must be functions, and its params a tuple of ParamSpec")

    def result(given: Given) -> types.Type | Refusal:
        try:
            found = _attempted(who, lambda: spec.result(given))
        except ReduceError as error:
            return Refusal(str(error), "tell its maker, or take another reducer")
        if isinstance(found, (Refusal, *get_args(types.Type))):
            return found
        return Refusal(f"{who} returns no type for its value, but {found!r:.80}", "tell its maker")

    def fewest(least: int, most: int, args: Mapping[str, object]) -> int:
        # The bound that holds for every reducer.
        return _or(most, who, lambda: int(spec.fewest(least, most, args)))

    def expected(least: int, most: int, args: Mapping[str, object], right: float) -> float | None:
        wanted = spec.expected
        return None if wanted is None else _or(None, who, lambda: wanted(least, most, args, right))

    return Rule(
        replace(spec, result=result, fewest=fewest, expected=expected if spec.expected else None),
        lambda setting: _Guarded(rule.make, setting, who),
        lambda setting: _or("", who, lambda: str(rule.never(setting))),
    )


def _attempted(who: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except ReduceError:
        raise
    except FlowrunError as error:
        raise ReduceError(str(error)) from None
    except Exception as mistake:  # noqa: BLE001 (the reducer is somebody else's)
        raise ReduceError(f"{who} failed: {mistake_in(mistake)}") from None


def _or(otherwise: T, who: str, call: Callable[[], T]) -> T:
    try:
        return _attempted(who, call)
    except ReduceError:
        return otherwise


class _Guarded:
    """A reducer of another package. After a fault it wants no more samples and has no value."""

    def __init__(self, make: Callable[[Setting], Reducer], setting: Setting, who: str) -> None:
        self._who = who
        self._fault: ReduceError | None = None
        self._reducer: Reducer | None = self._kept(lambda: make(setting), None)

    def add(self, index: int, value: Json) -> None:
        self._told(lambda reducer: reducer.add(index, value))

    def skip(self, index: int) -> None:
        self._told(lambda reducer: reducer.skip(index))

    def lose(self, index: int, *, sent: bool) -> None:
        self._told(lambda reducer: reducer.lose(index, sent=sent))

    @property
    def decided(self) -> bool:
        return self._asked(lambda reducer: bool(reducer.decided), True)

    def wanted(self, launched: int) -> int:
        return self._asked(lambda reducer: max(0, int(reducer.wanted(launched))), 0)

    def questions(self) -> Sequence[Question]:
        return self._asked(lambda reducer: tuple(reducer.questions()), ())

    def heard(self, answers: Sequence[Json]) -> None:
        self._told(lambda reducer: reducer.heard(answers))

    def value(self) -> Json:
        reducer = self._reducer
        if self._fault is not None or reducer is None:
            raise self._fault or ReduceError(f"{self._who} failed")
        value = _attempted(self._who, reducer.value)
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as mistake:
            raise ReduceError(f"{self._who} made a value that is no plain data: {mistake}") from None
        return value

    def tally(self, launched: int) -> Tally | None:
        return self._asked(lambda reducer: reducer.tally(launched), None)

    def _told(self, call: Callable[[Reducer], None]) -> None:
        self._asked(call, None)

    def _asked(self, call: Callable[[Reducer], T], otherwise: T) -> T:
        reducer = self._reducer
        return otherwise if reducer is None or self._fault else self._kept(lambda: call(reducer), otherwise)

    def _kept(self, call: Callable[[], T], otherwise: T) -> T:
        try:
            return _attempted(self._who, call)
        except ReduceError as error:
            self._fault = error
            return otherwise
