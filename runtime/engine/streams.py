"""A list in the making: the results of a block as they come, for the maps that take them one by one."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any, Protocol

Json = Any
Key = Any
"""Where an element stands: its place in a list, or the place of a list and the key in that one. Keys sort as the list
does."""


class Taker(Protocol):
    """Who takes elements as they come, in any order."""

    def take(self, key: Key, value: Json) -> None: ...

    def passed(self, before: Key) -> None:
        """All that sorts before this key is there."""


class Feed:
    """``bound`` is how many elements there will be at the most, None where nobody knows yet; ``exact``: just so many,
    and their keys are 0, 1, 2 … Where the elements are those of lists that are made into one it is ``flat``; ``nested``
    are the places whose lists are in the making themselves.

    Its end is that of the step that makes it, be it good or bad.
    """

    def __init__(self, bound: int | None, *, exact: bool, flat: bool) -> None:
        self.bound = bound
        self.exact = exact
        self.flat = flat
        self._keys: list[Key] = []
        self._values: list[Json] = []
        self._takers: list[Taker] = []
        self._front = 0
        self._beyond: set[int] = set()
        self.nested: set[int] = set()

    def tell(self, taker: Taker) -> None:
        """Give what is there already, and all that comes."""
        self._takers.append(taker)
        for at in range(len(self._keys)):
            taker.take(self._keys[at], self._values[at])
        taker.passed(self._before)

    @property
    def _before(self) -> Key:
        return (self._front,) if self.flat else self._front

    def put(self, key: Key, value: Json) -> None:
        self._keys.append(key)
        self._values.append(value)
        for taker in self._takers:
            taker.take(key, value)

    def settle(self, place: int) -> None:
        """All that this place of the block brings to the list is there, be it nothing."""
        self._beyond.add(place)
        before = self._front
        while self._front in self._beyond:
            self._beyond.discard(self._front)
            self._front += 1
        if self._front != before:
            for taker in self._takers:
                taker.passed(self._before)


class Nested:
    """A list in the making that is one of those which a longer one is made of."""

    def __init__(self, longer: Feed, place: Key) -> None:
        self.longer = longer
        self.place = place

    def take(self, key: Key, value: Json) -> None:
        self.longer.put((self.place, key), value)

    def passed(self, before: Key) -> None:
        return None


class Ranks:
    """The places of elements in a list of which the beginning is known before the end.

    Elements come with keys, and get a rank as soon as all before them are known.
    """

    def __init__(self) -> None:
        self._unranked: list[tuple[Key, int]] = []
        self._rank_of: list[int | None] = []
        self._ranked = 0

    def enter(self, key: Key) -> int:
        """The number of an element, in the order of arrival."""
        number = len(self._rank_of)
        self._rank_of.append(None)
        heappush(self._unranked, (key, number))
        return number

    def rank(self, number: int) -> int | None:
        return self._rank_of[number]

    def passed(self, before: Key | None) -> list[int]:
        """All that sorts before this key is there, None for all: the numbers that have a rank for that, in order."""
        numbers = []
        while self._unranked and (before is None or self._unranked[0][0] < before):
            _, number = heappop(self._unranked)
            self._rank_of[number] = self._ranked
            self._ranked += 1
            numbers.append(number)
        return numbers


def label(key: Key) -> str:
    """A key as a path shows it: ``3``, or ``3,1`` for element 1 of list 3."""
    return str(key) if isinstance(key, int) else f"{label(key[0])},{label(key[1])}"
