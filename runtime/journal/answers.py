"""The answers of a journal by the keys of their calls, in columns, because an object for each would fill the memory."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

AnswerRow = tuple[bytes, int, int, bytes]
"""The key, number, run and place of a row with an answer. The place is encoded in UTF-8."""

Attempt = tuple[int, int, bytes, bytes]
"""The number, run, place and body of a row with an attempt at a call. The texts are encoded in UTF-8."""

Pair = tuple[Attempt, int, bytes]
"""An attempt, the number of the row with its answer, and the end of the body of this row."""


class Paid(NamedTuple):
    """An answer: the number of its row, the run that paid for it, and its place in the flow."""

    number: int
    run: int
    place: str


class Answers(Mapping[bytes, tuple[Paid, ...]]):
    """All answers by key. Those of one key stand in the order of their rows."""

    def __init__(self) -> None:
        # A key leads to the place of its first answer in the columns; `_others` has the places of later ones.
        self._first: dict[bytes, int] = {}
        self._others: dict[bytes, list[int]] = {}
        self._numbers = array("Q")
        self._runs = array("Q")
        self._places = bytearray()
        self._ends = array("Q")

    def add(self, key: bytes, number: int, run: int, place: bytes) -> None:
        """Add an answer. ``place`` is encoded in UTF-8."""
        at = len(self._numbers)
        self._numbers.append(number)
        self._runs.append(run)
        self._places += place
        self._ends.append(len(self._places))
        self._lead(key, at)

    def extend(self, rows: Sequence[AnswerRow]) -> Mapping[int, int]:
        """Add the answers of many rows. This costs less for each row than ``add`` does. Count them by their run."""
        if not rows:
            return {}
        at = len(self._numbers)
        keys, numbers, runs, places = zip(*rows, strict=True)
        self._numbers.extend(numbers)
        by_run = {runs[0]: len(rows)}
        if runs.count(runs[0]) == len(rows):
            self._runs.extend(array("Q", runs[:1]) * len(rows))
        else:
            by_run = Counter(runs)
            self._runs.extend(runs)
        ends = accumulate(map(len, places), initial=len(self._places))
        next(ends)
        self._ends.extend(ends)
        self._places += b"".join(places)
        own = range(at, at + len(keys))
        known = len(self._first)
        leads = list(map(self._first.setdefault, keys, own))
        if len(self._first) - known != len(keys):
            for key, lead, place in zip(keys, leads, own, strict=True):
                if lead != place:
                    self._others.setdefault(key, []).append(place)
        return by_run

    def _lead(self, key: bytes, at: int) -> None:
        """Lead a key to an answer in the columns."""
        if self._first.setdefault(key, at) != at:
            self._others.setdefault(key, []).append(at)

    def forget(self, key: bytes, before: int) -> None:
        """Remove the answers to a key from the rows before a row."""
        if key not in self._first:
            return
        places = [at for at in (self._first.pop(key), *self._others.pop(key, ())) if self._numbers[at] > before]
        for at in places:
            self._lead(key, at)

    def copy(self) -> Answers:
        """Return a copy that can grow without this one."""
        other = Answers()
        other._first = self._first.copy()
        other._others = {key: found.copy() for key, found in self._others.items()}
        other._numbers, other._runs, other._ends = self._numbers[:], self._runs[:], self._ends[:]
        other._places = self._places[:]
        return other

    @property
    def count(self) -> int:
        """The number of answers of all keys."""
        return len(self._numbers)

    def __getitem__(self, key: bytes) -> tuple[Paid, ...]:
        first = self._at(self._first[key])
        return (first, *map(self._at, self._others[key])) if key in self._others else (first,)

    def many(self, key: bytes) -> int:
        """Return the number of answers to a key."""
        return 0 if key not in self._first else 1 + len(self._others.get(key, ()))

    def first(self, key: bytes) -> Paid:
        """Return the earliest answer to a key. Raises KeyError."""
        return self._at(self._first[key])

    def later(self, key: bytes, start: int) -> Iterator[Paid]:
        """Yield the answers to a key without the ``start`` earliest ones."""
        if start < 1 and key in self._first:
            yield self._at(self._first[key])
        yield from map(self._at, islice(self._others.get(key, ()), max(start - 1, 0), None))

    def __contains__(self, key: object) -> bool:
        return key in self._first

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._first)

    def __len__(self) -> int:
        return len(self._first)

    def _at(self, at: int) -> Paid:
        begin = self._ends[at - 1] if at else 0
        return Paid(self._numbers[at], self._runs[at], self._places[begin : self._ends[at]].decode())
