"""The quick way of rows into the index of a journal: most rows are an attempt at a call, or the answer to it."""

from __future__ import annotations

from .answers import AnswerRow
from .index import Index, Open
from .records import Kind

_TOGETHER = 4096
"""The most answers that go into the index at once."""


class RowTaker:
    """A taker of the rows of a journal, in their order, which come to an index many at a time.

    Attempts at calls without other attempts wait here for their answers, and answers wait for others. ``pass_on`` goes
    before each row that the index takes by itself, and ``pass_all_on`` goes last.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._open = index.open
        self._fresh: dict[bytes, tuple[int, int, bytes]] = {}
        self._paid: list[AnswerRow] = []

    def intent(self, number: int, run: int, key: bytes, place: bytes) -> None:
        """Take an attempt at a call."""
        if key in self._fresh or key in self._open:
            self._to_index(key)
            self._open[key].append(Open(number, run, place.decode()))
        else:
            self._fresh[key] = (number, run, place)

    def answer(self, number: int, run: int, key: bytes, place: bytes) -> None:
        """Take an answer. Raises KeyError if its run is not known."""
        index, fresh = self._index, self._fresh
        attempt = fresh.pop(key, None)
        if attempt is None or attempt[1] != run or attempt[2] != place or key in index.unanswered:
            if attempt is not None:
                fresh[key] = attempt
                self._to_index(key)
            index.settle(run, key, place.decode())
        index.runs[run].answers += 1
        self._paid.append((key, number, run, place))
        if len(self._paid) == _TOGETHER:
            self._pay()

    def pass_on(self, kind: Kind, key: bytes) -> None:
        """Give the index what it needs for a row of this kind with this key."""
        self._to_index(key)
        if kind is Kind.FORGOTTEN:
            self._pay()

    def pass_all_on(self, run: int) -> None:
        """Give the index all that it has not got. ``run`` is that of the last row."""
        for key in list(self._fresh):
            self._to_index(key)
        self._pay()
        self._index.latest = run

    def _to_index(self, key: bytes) -> None:
        attempt = self._fresh.pop(key, None)
        if attempt is not None:
            number, run, place = attempt
            self._open.setdefault(key, []).append(Open(number, run, place.decode()))

    def _pay(self) -> None:
        self._index.paid.extend(self._paid)
        self._paid.clear()
