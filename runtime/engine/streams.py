"""A growing list: the results of a block as they arrive, for maps that take them one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Protocol

from ..vocabulary.json_value import Json

Key = Any
"""The key of an element: its place in a list, or a pair of the place of an inner list and the key in that list. The
order of the keys is the order of the list."""


class Taker(Protocol):
    """A taker of the elements of a growing list. They arrive in any order."""

    def take(self, key: Key, value: Json) -> None: ...

    def passed(self, before: Key) -> None:
        """Record that all elements before this key have arrived."""


class Feed:
    """A growing list. It is complete when the step that makes it ends.

    ``bound`` is the most elements that it can have, None if that is not known yet. ``exact`` is True if it will have
    exactly that many, with the keys 0, 1, 2 … A ``flat`` feed joins the elements of many lists; ``nested`` are the
    places of those inner lists that still grow.
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
        """Give a taker all elements that have arrived. It also gets each later element when it arrives."""
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
        """Record that the body at this place adds no more elements to the list."""
        self._beyond.add(place)
        before = self._front
        while self._front in self._beyond:
            self._beyond.discard(self._front)
            self._front += 1
        if self._front != before:
            for taker in self._takers:
                taker.passed(self._before)


class Nested:
    """A taker that passes the elements of an inner list to the longer list around it."""

    def __init__(self, longer: Feed, place: Key) -> None:
        self.longer = longer
        self.place = place

    def take(self, key: Key, value: Json) -> None:
        self.longer.put((self.place, key), value)

    def passed(self, before: Key) -> None:
        return None


class Ranks:
    """The ranks of the elements in a list that arrives out of order.

    Elements come with keys. The rank of an element is its place in the list. It is known when all elements before it
    have arrived.
    """

    def __init__(self) -> None:
        self._unranked: list[tuple[Key, int]] = []
        self._rank_of: list[int | None] = []
        self._ranked = 0

    def enter(self, key: Key) -> int:
        """Enter an element by its key. Return its number; elements are numbered in the order of arrival."""
        number = len(self._rank_of)
        self._rank_of.append(None)
        heappush(self._unranked, (key, number))
        return number

    def rank(self, number: int) -> int | None:
        return self._rank_of[number]

    def passed(self, before: Key | None) -> list[int]:
        """Give ranks to all elements before this key, because they have all arrived. None means all elements.

        Return the numbers of the elements that got a rank, in order.
        """
        numbers = []
        while self._unranked and (before is None or self._unranked[0][0] < before):
            _, number = heappop(self._unranked)
            self._rank_of[number] = self._ranked
            self._ranked += 1
            numbers.append(number)
        return numbers


class InOrder:
    """The elements of a list that arrives out of order. They are given out in the order of the list.

    An element is given out when all elements before it have arrived. So its place in the list is known.
    """

    def __init__(self) -> None:
        self._held: list[tuple[Key, int, Json]] = []
        self._arrived = 0
        self._given = 0

    def put(self, key: Key, value: Json) -> None:
        heappush(self._held, (key, self._arrived, value))
        self._arrived += 1

    def passed(self, before: Key | None) -> list[tuple[int, Key, Json]]:
        """Return the elements before a key, each with its place and its key. None means all elements."""
        found = []
        while self._held and (before is None or self._held[0][0] < before):
            key, _, value = heappop(self._held)
            found.append((self._given, key, value))
            self._given += 1
        return found


class WorkQueue:
    """A queue of work that is done in order. A piece of work may hold the queue until it is finished."""

    def __init__(self) -> None:
        self._line: deque[Callable[[], None]] = deque()
        self._held = False
        self._busy = False

    def put(self, work: Callable[[], None]) -> None:
        """Queue a piece of work. Do it as soon as all earlier work is done."""
        self._line.append(work)
        self._work()

    def hold(self) -> None:
        self._held = True

    def go_on(self) -> None:
        self._held = False
        self._work()

    def _work(self) -> None:
        if not self._busy:
            self._busy = True
            while self._line and not self._held:
                self._line.popleft()()
            self._busy = False


def label(key: Key) -> str:
    """Write a key as a path shows it: ``3``, or ``3,1`` for element 1 of list 3."""
    return str(key) if isinstance(key, int) else f"{label(key[0])},{label(key[1])}"
