"""The queue for places at an endpoint. Lanes take turns, and within a lane the first to come is the first served."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """A queue whose lanes take turns. Two maps at one endpoint each get every second place, even if one is long."""

    def __init__(self) -> None:
        # The first lane is the next to be served.
        self._lanes: dict[int, deque[T]] = {}

    def __bool__(self) -> bool:
        return bool(self._lanes)

    def __iter__(self) -> Iterator[T]:
        return (item for lane in self._lanes.values() for item in lane)

    def put(self, lane: int, item: T) -> None:
        self._lanes.setdefault(lane, deque()).append(item)

    def put_first(self, lane: int, item: T) -> None:
        """Put an item at the head of its lane, because it has waited before."""
        self._lanes.setdefault(lane, deque()).appendleft(item)

    def peek(self, after: T | None = None) -> T | None:
        """Return the next item, for a place that has just had the item ``after``. ``pop`` takes it out.

        None if no item waits.
        """
        for lane in self._lanes.values():
            return lane[0]
        return None

    def pop(self) -> T:
        lane, items = next(iter(self._lanes.items()))
        item = items.popleft()
        del self._lanes[lane]
        if items:
            self._lanes[lane] = items
        return item

    def left(self, item: T) -> None:
        """Record that an item that was taken out has its place no more."""

    def drop(self) -> T:
        """Take out an item that gets no place."""
        item = self.pop()
        self.left(item)
        return item

    def clear(self) -> list[T]:
        """Take out all items, lane by lane."""
        items = list(self)
        self._lanes.clear()
        return items
