"""The quick way of rows into the index of a journal: most rows are an attempt at a call, or the answer to it."""

from __future__ import annotations

from collections import Counter
from operator import itemgetter

from .answers import AnswerRow
from .index import Index, Open
from .records import Kind

_RUN = itemgetter(2)
TOGETHER = 4096
"""The most answers that go into the index at once."""


class RowTaker:
    """A taker of the rows of a journal, in their order, which come to an index many at a time.

    ``fresh`` has attempts at calls without other attempts, which wait here for their answers. ``paid`` has answers,
    which wait for others until there are ``TOGETHER``. ``pass_on`` goes before each row that the index takes by itself,
    and ``pass_all_on`` goes last.
    """

    def __init__(self, index: Index) -> None:
        self.fresh: dict[bytes, tuple[int, int, bytes]] = {}
        self.paid: list[AnswerRow] = []
        self._index = index
        self._open = index.open

    def again(self, number: int, run: int, key: bytes, place: bytes) -> None:
        """Take one more attempt at a call that has an attempt."""
        self._to_index(key)
        self._open[key].append(Open(number, run, place.decode()))

    def settle(self, attempt: tuple[int, int, bytes] | None, run: int, key: bytes, place: bytes) -> None:
        """Take an answer whose attempt is not the one that waited for it. ``attempt`` is the one that waited."""
        if attempt is not None:
            self.fresh[key] = attempt
            self._to_index(key)
        self._index.settle(run, key, place.decode())

    def pass_on(self, kind: Kind, key: bytes) -> None:
        """Give the index what it needs for a row of this kind with this key."""
        self._to_index(key)
        if kind is Kind.FORGOTTEN:
            self.pay()

    def pass_all_on(self, run: int) -> None:
        """Give the index all that it has not got. ``run`` is that of the last row."""
        for key in list(self.fresh):
            self._to_index(key)
        self.pay()
        self._index.latest = run

    def _to_index(self, key: bytes) -> None:
        attempt = self.fresh.pop(key, None)
        if attempt is not None:
            number, run, place = attempt
            self._open.setdefault(key, []).append(Open(number, run, place.decode()))

    def pay(self) -> None:
        """Give the answers to the index."""
        for run, answers in Counter(map(_RUN, self.paid)).items():
            self._index.runs[run].answers += answers
        self._index.paid.extend(self.paid)
        self.paid.clear()
