"""The protocol of a reducer. It takes results as they arrive and makes one value from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from flowrun.dsl import ReducerSpec, dataclass, types

from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally


class ReduceError(FlowrunError):
    """The rule can make no value from the results."""


class UndecidedError(ReduceError):
    """Missing results could have changed the value. A resumed run may get these results.

    ``leads_on`` says that each of them is missing by a fault of its own, such as an extern that raised an error.
    """

    leads_on = False


@dataclass(frozen=True, slots=True)
class Setting:
    """The facts that a reducer gets when it is made.

    ``least`` and ``most`` are the numbers of results that will arrive, ``item`` is the type of one result, and
    ``names`` are the branches of a fan-out. ``launch`` is the way in which samples are launched: ``cost``, ``latency``
    or ``together``. ``tallied`` is True if the flow reads the tally, and ``asks`` if the flow gives the rule an ask.
    ``seed`` is for random choices. ``unit`` is the word for one result in messages. ``items`` are the short names of
    the items of a panel, in order: the result at place i is that of item i mod n. It is empty for all other blocks.
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
    unit: str = "ballot"
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question for the rule's ask. The rule needs the answer before it has a value.

    The question is about these results and gets an answer of this type.
    """

    results: tuple[Json, ...]
    answer: types.Type

    @property
    def numbered(self) -> bool:
        """True if the answer names results by their places, counted from 1, instead of by their words."""
        return not isinstance(self.answer, types.Choice)


class Reducer(Protocol):
    def add(self, index: int, value: Json) -> None:
        """Take the result at this place in the input order."""

    def skip(self, index: int) -> None:
        """Record that this place has no result. Its answer was discarded, or it was not needed."""

    def lose(self, index: int, *, sent: bool) -> None:
        """Record that the call of this place brought no answer. ``sent`` tells whether the call was sent."""

    @property
    def decided(self) -> bool:
        """True if no further result can change the value."""

    def wanted(self, launched: int) -> int:
        """Return the number of further samples to launch, after ``launched``.

        If none is in flight, 0 ends the block.
        """

    def questions(self) -> Sequence[Question]:
        """Return the questions to ask, when all the results that count have arrived."""

    def heard(self, answers: Sequence[Json]) -> None:
        """Take the answers to the questions, in the order of the questions."""

    def value(self) -> Json:
        """Return the value. Raise ReduceError if there is none."""

    def tally(self, launched: int) -> Tally | None:
        """Return the tally of a vote; None for rules without votes. ``launched`` is the number of launched samples."""


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
    """A reducer in the registry: its declaration, and the function that makes it.

    ``never`` says why no results could give a value. It returns "" if some could.
    """

    spec: ReducerSpec
    make: Callable[[Setting], Reducer]
    never: Callable[[Setting], str] = lambda setting: ""
