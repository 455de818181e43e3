"""What a reducer is: something that takes results as they come and makes one value of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from flowrun.dsl import ReducerSpec

from ..errors import FlowrunError

Json = Any


class ReduceError(FlowrunError):
    """The results came, and no value can be made of them by this rule."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How a vote ended: ballots by answer, most first. ``planned`` is N, ``discarded`` samples did not count.

    An ``adaptive`` vote chose its own number of samples, up to ``planned``.
    """

    winner: Json
    ballots: tuple[tuple[Json, int], ...]
    planned: int
    discarded: int = 0
    adaptive: bool = False

    @property
    def counted(self) -> int:
        return sum(count for _, count in self.ballots)

    @property
    def agreement(self) -> float:
        """The winner's share of the ballots, from 0 to 1."""
        return next((count for answer, count in self.ballots if answer == self.winner), 0) / max(self.counted, 1)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a reducer is made for.

    ``least`` and ``most`` are the numbers of results that will come; ``names`` are a fan-out's branches.
    ``launch`` is how samples are launched: ``cost``, ``latency`` or ``together``.
    """

    least: int
    most: int
    names: tuple[str, ...] = ()
    args: Mapping[str, Json] = field(default_factory=dict)
    launch: str = "cost"


class Reducer(Protocol):
    def add(self, index: int, value: Json) -> None:
        """Take the result at this place of the input order."""

    def skip(self, index: int) -> None:
        """This place has no result: it failed, or its answer was discarded."""

    @property
    def decided(self) -> bool:
        """Whether nothing that may still come can change the value."""

    def wanted(self, launched: int) -> int:
        """How many more to launch, of those not launched yet."""

    def value(self) -> Json:
        """The value. Raises ReduceError where there is none."""

    def tally(self) -> Tally | None:
        """The account of a vote; None for other rules."""


class Gathering:
    """Keeps all results by place: the base of rules that need every one."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.results: dict[int, Json] = {}

    def add(self, index: int, value: Json) -> None:
        self.results[index] = value

    def skip(self, index: int) -> None:
        return None

    @property
    def decided(self) -> bool:
        return False

    def wanted(self, launched: int) -> int:
        return self.setting.most - launched

    def tally(self) -> Tally | None:
        return None

    def in_order(self) -> Sequence[Json]:
        return [self.results[index] for index in sorted(self.results)]

    def value(self) -> Json:
        return self.in_order()


@dataclass(frozen=True, slots=True)
class Rule:
    """A reducer as the registry holds it: what it declares, and how it is made."""

    spec: ReducerSpec
    make: Callable[[Setting], Reducer]
