"""The protocol of a combiner. It takes the results of a block as they arrive, asks questions, and makes one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from flowrun.dsl import dataclass, types

from ...vocabulary.json_value import Json
from ...vocabulary.tally import Tally
from ..decisions import Failure


class _Skipped:
    """The mark that stands in the place of a lost result."""


SKIPPED = _Skipped()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a combiner. An ask or an extern answers it and sees the values in ``given``.

    ``place`` tells the questions of one combiner apart. ``answer`` is the type of the answer; None for the type that
    the plan gives to the ask. ``spare`` is True if the combiner can go on without the answer. A question for a
    ``verdict`` can do without an answer that fits. If none came at all, the search gets the place and the failure.
    """

    place: tuple[int, ...]
    given: Mapping[str, Json]
    answer: types.Type | None = None
    spare: bool = False
    verdict: Callable[[int, Failure], Sequence[Asked]] | None = None

    @property
    def suffix(self) -> str:
        """The end of the path of the question."""
        return f"[{'.'.join(map(str, self.place))}]" if self.place else ""


class UnheardError(Exception):
    """A search needs a verdict that did not come, because its call failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


NO_QUESTIONS: Sequence[Asked] = ()


class Combiner(Protocol):
    """The way in which the results of a block become one value.

    ``done`` is True when the value is known, or will never be known. The methods that take a result, an answer or a
    total return the questions that can be asked next. An ``eager`` combiner asks before all results have arrived. For
    an eager combiner, an element with the policy ``errors: none`` has no result instead of None.
    """

    done: bool
    eager: bool

    @property
    def judging(self) -> bool:
        """True while the number of further bodies depends on an answer that is still open."""

    @property
    def decided(self) -> bool:
        """True if no further result can change the value."""

    def wanted(self, launched: int) -> int:
        """Return the number of bodies to open, after ``launched`` bodies so far. If none is open, 0 ends the block."""

    def add(self, place: int, value: Json) -> Sequence[Asked]:
        """Take the result at this place in the input order."""

    def skip(self, place: int) -> Sequence[Asked]:
        """Record that this place has no result."""

    def lose(self, place: int, *, sent: bool) -> Sequence[Asked]:
        """Record that the call of this place brought no answer. ``sent`` tells whether the call was sent."""

    def close(self, total: int) -> Sequence[Asked]:
        """Take the total number of results, if it was unknown when the block began."""

    def conclude(self) -> Sequence[Asked]:
        """Record that no more results will come, or that the missing ones cannot matter."""

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Asked]:
        """Take the answer to the question with this place."""

    def missed(self, place: tuple[int, ...], *, sent: bool) -> Sequence[Asked]:
        """Record that the question with this place, without which the combiner can go on, brought no answer."""

    def value(self) -> Json:
        """Return the value. Raise ReduceError if there is none."""

    def tally(self, launched: int) -> Tally | None:
        """Return the tally of a vote, None for any other combiner. ``launched`` is the number of samples begun."""


class PlainCombiner:
    """The base of all combiners but votes. Every result counts, in the order of the input."""

    eager = False
    judging = False

    def __init__(self, most: int) -> None:
        self.most = most
        self.done = False
        self.decided = False
        self.results: dict[int, Json] = {}

    def wanted(self, launched: int) -> int:
        return self.most - launched

    def add(self, place: int, value: Json) -> Sequence[Asked]:
        self.results[place] = value
        return NO_QUESTIONS

    def skip(self, place: int) -> Sequence[Asked]:
        return NO_QUESTIONS

    def lose(self, place: int, *, sent: bool) -> Sequence[Asked]:
        return self.skip(place)

    def close(self, total: int) -> Sequence[Asked]:
        return NO_QUESTIONS

    def missed(self, place: tuple[int, ...], *, sent: bool) -> Sequence[Asked]:
        return NO_QUESTIONS

    def in_order(self) -> list[Json]:
        return [self.results[place] for place in sorted(self.results)]

    def tally(self, launched: int) -> Tally | None:
        return None
