"""The protocol of a reducer: it takes results as they come and makes one value of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from flowrun.dsl import ReducerSpec, types

from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally


class ReduceError(FlowrunError):
    """The rule can make no value of the results that came."""


class UndecidedError(ReduceError):
    """Missing results could have changed the value. A resumed run may get them."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The situation that a reducer is made for.

    ``least`` and ``most`` are the numbers of results that will come, ``item`` is the type of one result, and ``names``
    are the branches of a fan-out. ``launch`` is the way samples are launched: ``cost``, ``latency`` or ``together``.
    ``tallied`` is True if the flow looks at the tally, and ``asks`` if the flow gives the rule an ask. ``seed`` is for
    drawing lots.
    """

    least: int
    most: int
    names: tuple[str, ...] = ()
    args: Mapping[str, Json] = field(default_factory=dict)
    launch: str = "cost"
    item: types.Type = types.UNKNOWN
    tallied: bool = False
    asks: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """A question for the rule's ask, before there is a value.

    It is about these results and gets an answer of this type.
    """

    results: tuple[Json, ...]
    answer: types.Type

    @property
    def numbered(self) -> bool:
        """True if the answer names results by their places, counted from 1, and not in words."""
        return not isinstance(self.answer, types.Choice)


class Reducer(Protocol):
    def add(self, index: int, value: Json) -> None:
        """Take the result at this place in the input order."""

    def skip(self, index: int) -> None:
        """Record that this place has no result: its answer was discarded, or nobody wants one."""

    def lose(self, index: int, *, sent: bool) -> None:
        """Record that the call of this place never brought an answer. ``sent`` tells whether the call was sent."""

    @property
    def decided(self) -> bool:
        """True if no result that may still come can change the value."""

    def wanted(self, launched: int) -> int:
        """Return the number of further samples to launch after ``launched``. With none in flight, 0 ends the block."""

    def questions(self) -> Sequence[Question]:
        """Return the questions to ask after all the results that count have arrived."""

    def heard(self, answers: Sequence[Json]) -> None:
        """Take the answers to the questions, in the order of the questions."""

    def value(self) -> Json:
        """Return the value. Raise ReduceError if there is none."""

    def tally(self, launched: int) -> Tally | None:
        """Return the tally of a vote that launched this number of samples. None for rules that are no votes."""


class Gathering:
    """The base of rules that need every result. It keeps all results by place."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.results: dict[int, Json] = {}

    def add(self, index: int, value: Json) -> None:
        self.results[index] = value

    def skip(self, index: int) -> None:
        return None

    def lose(self, index: int, *, sent: bool) -> None:
        self.skip(index)

    @property
    def decided(self) -> bool:
        return False

    def wanted(self, launched: int) -> int:
        return self.setting.most - launched

    def questions(self) -> Sequence[Question]:
        return ()

    def heard(self, answers: Sequence[Json]) -> None:
        return None

    def tally(self, launched: int) -> Tally | None:
        return None

    def in_order(self) -> list[Json]:
        return [self.results[index] for index in sorted(self.results)]

    def there(self) -> list[Json]:
        """Return the results in order, without the missing ones."""
        return [value for value in self.in_order() if value is not None]

    def looked_at(self) -> list[Json]:
        """Return the results that are there, or the field of each that the argument `by` names."""
        by = self.setting.args.get("by")
        return [value if by is None else value.get(by) for value in self.there()]

    def value(self) -> Json:
        return self.in_order()


@dataclass(frozen=True, slots=True)
class Rule:
    """A reducer as the registry holds it: its declaration, and the function that makes it."""

    spec: ReducerSpec
    make: Callable[[Setting], Reducer]
