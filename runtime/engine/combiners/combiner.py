"""The protocol of a combiner: it takes the results of a block as they come, asks its questions, and has one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flowrun.dsl import types

from ...vocabulary.tally import Tally

Json = Any


class _Skipped:
    """The mark in the place of a result that was lost."""


SKIPPED = _Skipped()


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a combiner. Its ask or extern sees the values in ``given``.

    ``place`` tells the questions of a combiner apart. ``answer`` is the type of the answer, if that is not the type
    that the plan gives to the ask.
    """

    place: tuple[int, ...]
    given: Mapping[str, Json]
    answer: types.Type | None = None


NO_QUESTIONS: Sequence[Question] = ()


class Combiner(Protocol):
    """The way in which the results of a block become one value. It is ``done`` when it has the value, or never will.

    Each method that takes something returns the questions that can be asked from then on. A combiner that is ``eager``
    asks while results are still to come; then a result that was left empty does not count.
    """

    done: bool
    eager: bool

    @property
    def decided(self) -> bool:
        """True if no result that may still come can change the value."""

    def wanted(self, launched: int) -> int:
        """Return the number of further bodies to open after ``launched``. With none in flight, 0 ends the block."""

    def add(self, place: int, value: Json) -> Sequence[Question]:
        """Take the result at this place in the input order."""

    def skip(self, place: int) -> Sequence[Question]:
        """Record that this place has no result."""

    def lose(self, place: int, *, sent: bool) -> Sequence[Question]:
        """Record that the call of this place never brought an answer. ``sent`` tells whether the call was sent."""

    def close(self, total: int) -> Sequence[Question]:
        """Take the number of results, which was not known at first."""

    def conclude(self) -> Sequence[Question]:
        """Note that all results that count are there."""

    def answered(self, place: tuple[int, ...], value: Json) -> Sequence[Question]:
        """Take the answer to the question of this place."""

    def value(self) -> Json:
        """Return the value. Raise ReduceError if there is none."""

    def tally(self, launched: int) -> Tally | None:
        """Return the tally of a vote that launched this number of samples. None for any other combiner."""


class Gathered:
    """The base of combiners that are no votes: every result counts, in the order of the input."""

    eager = False

    def __init__(self, most: int) -> None:
        self.most = most
        self.done = False
        self.decided = False
        self.results: dict[int, Json] = {}

    def wanted(self, launched: int) -> int:
        return self.most - launched

    def add(self, place: int, value: Json) -> Sequence[Question]:
        self.results[place] = value
        return NO_QUESTIONS

    def skip(self, place: int) -> Sequence[Question]:
        return NO_QUESTIONS

    def lose(self, place: int, *, sent: bool) -> Sequence[Question]:
        return self.skip(place)

    def close(self, total: int) -> Sequence[Question]:
        return NO_QUESTIONS

    def in_order(self) -> list[Json]:
        return [self.results[place] for place in sorted(self.results)]

    def tally(self, launched: int) -> Tally | None:
        return None
