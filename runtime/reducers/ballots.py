"""The counting of ballots. Answers with one meaning count as one. The order of the samples breaks ties."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from flowrun.dsl import text_key, types

from ..vocabulary.json_value import Json
from ..vocabulary.tally import Panel, in_words, votes

if TYPE_CHECKING:
    from fractions import Fraction

Votes: TypeAlias = "Fraction | int"
"""An exact number of votes."""


class Ballots:
    """The ballots of one vote, for answers of one type.

    ``seen`` counts every answered sample, including discarded ones. Weights are added up exactly, so the order in which
    they arrive cannot change a sum.
    """

    def __init__(self, type_: types.Type = types.UNKNOWN) -> None:
        self.type = type_
        self.seen = 0
        self.discarded = 0
        self.total: Fraction | int = 0
        self._counts: dict[str, Fraction | int] = {}
        self._first: dict[str, tuple[tuple[int, int], Json, Json]] = {}

    def add(self, index: int, answer: Json, value: Json = None, weight: float = 1) -> None:
        """Count a ballot. ``value`` is the whole result, if the answer is only a part of it."""
        self.seen += 1
        self.mark(index, answer, answer if value is None else value, weight)

    def mark(self, index: int, answer: Json, value: Json, weight: float = 1, place: int = 0) -> None:
        """Give votes to an answer. A ballot may have several answers, each at its own ``place``."""
        key = self.key(answer)
        exact = weight if isinstance(weight, int) else _exact(weight)
        self.total += exact
        self._counts[key] = self._counts.get(key, 0) + exact
        if key not in self._first or (index, place) < self._first[key][0]:
            self._first[key] = ((index, place), answer, value)

    def skip(self) -> None:
        self.seen += 1
        self.discarded += 1

    @property
    def counted(self) -> int:
        return self.seen - self.discarded

    def ranked(self) -> list[str]:
        """Return the keys of the answers, most votes first.

        If answers have equal votes, the one with the lowest index comes first.
        """
        return sorted(self._counts, key=lambda key: (-self._counts[key], self._first[key][0]))

    @property
    def leaders(self) -> tuple[Fraction | int, Fraction | int]:
        """The number of votes of the leader, and of the runner-up."""
        counts = sorted(self._counts.values(), reverse=True)
        return (counts[0] if counts else 0), (counts[1] if len(counts) > 1 else 0)

    @property
    def lead(self) -> Fraction | int:
        first, second = self.leaders
        return first - second

    def votes(self, key: str | None) -> Fraction | int:
        """Return the votes of an answer. The answer None has 0 votes."""
        return 0 if key is None else self._counts.get(key, 0)

    def votes_beside(self, key: str | None) -> Fraction | int:
        """Return the most votes that any answer other than this one has."""
        return max((count for other, count in self._counts.items() if other != key), default=0)

    @property
    def tied(self) -> tuple[str, ...]:
        """The keys of the answers that share the most votes, in the order of their first samples."""
        ranked = self.ranked()
        return tuple(key for key in ranked if self._counts[key] == self._counts[ranked[0]])

    def key(self, answer: Json) -> str:
        """Return a key that is equal for all answers that count as one."""
        return normal(answer, self.type)

    def answer(self, key: str) -> Json:
        """Return an answer as its first sample wrote it."""
        return self._first[key][1]

    def value(self, key: str) -> Json:
        """Return the whole result of the first sample that gave this answer."""
        return self._first[key][2]

    def first(self, key: str) -> int:
        """Return the lowest index of a sample that gave this answer."""
        return self._first[key][0][0]

    def counts(self) -> tuple[tuple[Json, float], ...]:
        return tuple((self._first[key][1], plain(self._counts[key])) for key in self.ranked())

    def text(self) -> str:
        return ", ".join(f"{in_words(answer)} {votes(count)}" for answer, count in self.counts())


def _exact(weight: float) -> Fraction:
    from fractions import Fraction  # most ballots are one vote each

    return Fraction(weight)


def who_said(items: Sequence[str], seen: Mapping[int, Json], by: str | None, type_: types.Type) -> Panel:
    """Tell who said what in a panel. ``seen`` has the results by their places, None for a sample that is no ballot."""
    from ..vocabulary.panel import panel_of  # few votes are panels

    cast = (
        (place, value if by is None else value.get(by), value) for place, value in seen.items() if value is not None
    )
    return panel_of(items, [(place, normal(answer, type_), answer, value) for place, answer, value in cast])


def written_alike(type_: types.Type) -> bool:
    """Tell whether equal answers of a type are always written the same way."""
    type_ = types.unwrapped(type_)
    return isinstance(type_, (types.Choice, types.Range)) or type_ in (types.INT, types.NUMBER, types.BOOL)


def plain(number: Fraction | int) -> float:
    """Turn a number of votes into a JSON number."""
    return int(number) if number == int(number) else float(number)


def normal(value: Json, type_: types.Type = types.UNKNOWN) -> str:
    """Return a key that is equal for all answers of a type that count as one.

    An answer of a choice is compared by the words of the choice. Other texts are compared by the rules of
    `flowrun.dsl.text_key`, numbers by their value, and lists and records part by part. A text that contains a number is
    still a text: ``0.10`` is not ``0.1``.
    """
    return json.dumps(_plain(value, type_), sort_keys=True)


def _plain(value: Json, type_: types.Type) -> Json:
    type_ = types.unwrapped(type_)
    match value:
        case str():
            return value if isinstance(type_, types.Choice) else text_key(value)
        case float() if value.is_integer():
            return int(value)
        case list():
            item = type_.item if isinstance(type_, types.ListOf) else types.UNKNOWN
            return [_plain(one, item) for one in value]
        case dict():
            fields = (
                {field.name: field.type for field in type_.fields}
                if isinstance(type_, types.Record | types.Union)
                else {}
            )
            return {name: _plain(one, fields.get(name, types.UNKNOWN)) for name, one in value.items()}
    return value
