"""What a reducer is: something that takes results as they come and makes one value of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from flowrun.dsl import ReducerSpec, types

from ..vocabulary.errors import FlowrunError
from ..vocabulary.tally import Tally

Json = Any


class ReduceError(FlowrunError):
    """The results came, and no value can be made of them by this rule."""


class UndecidedError(ReduceError):
    """Results are missing that could have changed the value; a run that goes on may have them."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a reducer is made for.

    ``least`` and ``most`` are the numbers of results that will come, ``item`` is the type of one, and ``names`` are a
    fan-out's branches. ``launch`` is how samples are launched: ``cost``, ``latency`` or ``together``. ``tallied`` says
    that the flow looks at the tally, ``asks`` that it gives the rule an ask; ``seed`` is for whatever is drawn by lot.
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
    """What the rule's ask is to be asked before there is a value: about these results, answered by this type."""

    results: tuple[Json, ...]
    answer: types.Type

    @property
    def numbered(self) -> bool:
        """Whether the answer names results by their places, counted from 1, and not in words."""
        return not isinstance(self.answer, types.Choice)


class Reducer(Protocol):
    def add(self, index: int, value: Json) -> None:
        """Take the result at this place of the input order."""

    def skip(self, index: int) -> None:
        """This place has no result: its answer was discarded, or nobody wants one."""

    def lose(self, index: int, *, sent: bool) -> None:
        """The call of this place never brought an answer. ``sent``: it was asked for."""

    @property
    def decided(self) -> bool:
        """Whether nothing that may still come can change the value."""

    def wanted(self, launched: int) -> int:
        """How many more to launch, of those not launched yet; 0 with nothing out ends the block."""

    def questions(self) -> Sequence[Question]:
        """What is to be asked when all the results that count are there."""

    def heard(self, answers: Sequence[Json]) -> None:
        """The answers to the questions, in their order."""

    def value(self) -> Json:
        """The value. Raises ReduceError where there is none."""

    def tally(self, launched: int) -> Tally | None:
        """The account of a vote of which so many samples were launched; None for other rules."""


class Gathering:
    """Keeps all results by place: the base of rules that need every one."""

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
        """The results in order, without the places that are empty."""
        return [value for value in self.in_order() if value is not None]

    def value(self) -> Json:
        return self.in_order()


@dataclass(frozen=True, slots=True)
class Rule:
    """A reducer as the registry holds it: what it declares, and how it is made."""

    spec: ReducerSpec
    make: Callable[[Setting], Reducer]
