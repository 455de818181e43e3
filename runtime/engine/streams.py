"""A list in the making: the results of a block as they come, for the maps that take them one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Protocol

Json = Any
Key = Any
"""The key of an element: its place in a list; or the place of an inner list, and the key in that list. Keys sort like
the list."""


class Taker(Protocol):
    """A taker of elements, which come in any order."""

    def take(self, key: Key, value: Json) -> None: ...

    def passed(self, before: Key) -> None:
        """Note that all elements that sort before this key are there."""


class Feed:
    """A list in the making. It ends with the step that makes it, in success or failure.

    ``bound`` is the most elements that it can have, None if that is not known yet. ``exact``: it will have just that
    many, and their keys are 0, 1, 2 … A ``flat`` feed joins the elements of many lists; ``nested`` are the places of
    those lists that are in the making themselves.
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
        """Give a taker the elements that are there already, and all that come later."""
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
        """Note that this place of the block adds no more elements to the list."""
        self._beyond.add(place)
        before = self._front
        while self._front in self._beyond:
            self._beyond.discard(self._front)
            self._front += 1
        if self._front != before:
            for taker in self._takers:
                taker.passed(self._before)


class Nested:
    """A taker that passes the elements of an inner list on to the longer list that it is a part of."""

    def __init__(self, longer: Feed, place: Key) -> None:
        self.longer = longer
        self.place = place

    def take(self, key: Key, value: Json) -> None:
        self.longer.put((self.place, key), value)

    def passed(self, before: Key) -> None:
        return None


class Ranks:
    """The ranks of elements in a list whose beginning is known before its end.

    Elements come with keys. An element gets its rank, its place in the list, once all elements before it are known.
    """

    def __init__(self) -> None:
        self._unranked: list[tuple[Key, int]] = []
        self._rank_of: list[int | None] = []
        self._ranked = 0

    def enter(self, key: Key) -> int:
        """Enter an element by its key. Return its number, counted in the order of arrival."""
        number = len(self._rank_of)
        self._rank_of.append(None)
        heappush(self._unranked, (key, number))
        return number

    def rank(self, number: int) -> int | None:
        return self._rank_of[number]

    def passed(self, before: Key | None) -> list[int]:
        """Give ranks to the elements that sort before this key, None for all, for all of those are there.

        Return the numbers of the newly ranked elements, in order.
        """
        numbers = []
        while self._unranked and (before is None or self._unranked[0][0] < before):
            _, number = heappop(self._unranked)
            self._rank_of[number] = self._ranked
            self._ranked += 1
            numbers.append(number)
        return numbers


class Turns:
    """Work that is done in the order in which it came. A piece of work may hold the rest until it goes on."""

    def __init__(self) -> None:
        self._line: deque[Callable[[], None]] = deque()
        self._held = False
        self._busy = False

    def put(self, work: Callable[[], None]) -> None:
        """Do this as soon as all that came before it is done."""
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
