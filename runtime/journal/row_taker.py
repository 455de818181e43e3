"""The quick way of rows into the index of a journal: most rows are an attempt at a call, or the answer to it."""

from __future__ import annotations

from .answers import AnswerRow, Attempt, Pair
from .index import Index, OpenAttempt
from .records import Kind

TOGETHER = 256
"""The most answers that go into the index at once. They fit into the processor's cache."""
ENDS = frozenset({Kind.REFUSED, Kind.CANCELLED})
"""The kinds of rows that count as the ends of attempts and are no answers."""


class RowTaker:
    """A taker of the rows of a journal, in their order, which come to an index many at a time.

    ``fresh`` has attempts at calls without other attempts, which wait here for their answers. ``paid`` has answers,
    which wait for others until there are ``TOGETHER``. ``pass_on`` goes before each row that the index takes by itself,
    and ``pass_all_on`` goes last.
    """

    def __init__(self, index: Index) -> None:
        self.fresh: dict[bytes, Attempt] = {}
        self.paid: list[AnswerRow] = []
        self._index = index
        self._open = index.open
        self._bought = index.bought

    def again(self, number: int, run: int, key: bytes, place: bytes) -> None:
        """Take one more attempt at a call that has an attempt."""
        self._to_index(key)
        if self._bought is not None:
            self._bought.put_apart(run, number)
        self._open[key].append(OpenAttempt(number, run, place.decode()))

    def settle(self, attempt: Attempt | None, number: int, run: int, key: bytes, place: bytes) -> None:
        """Take an answer whose attempt is not the one that waited for it. ``attempt`` is the one that waited."""
        if self._bought is not None:
            self._bought.put_apart(run, number)
        if attempt is not None:
            self.fresh[key] = attempt
            self._to_index(key)
        self._index.settle(run, key, place.decode())

    def pass_on(self, kind: Kind, number: int, run: int, key: bytes) -> None:
        """Give the index what it needs for a row of this kind with this key."""
        self._to_index(key)
        if self._bought is not None and kind in ENDS:
            self._bought.put_apart(run, number)
        if kind is Kind.FORGOTTEN:
            self.pay()

    def pairs_of(self, run: int) -> list[Pair] | None:
        """Return the list that takes a run's attempts with their answers; None if nobody wants their sums."""
        return None if self._bought is None else self._bought.pairs_of(run)

    def pass_all_on(self, run: int, last: int) -> None:
        """Give the index all that it has not got. ``last`` is the number of the last row, and ``run`` its run."""
        for key in list(self.fresh):
            self._to_index(key)
        self.pay()
        self._index.latest = run
        if self._bought is not None:
            self._bought.rows = last

    def _to_index(self, key: bytes) -> None:
        attempt = self.fresh.pop(key, None)
        if attempt is not None:
            number, run, place, _ = attempt
            if self._bought is not None:
                self._bought.put_apart(run, number)
            self._open.setdefault(key, []).append(OpenAttempt(number, run, place.decode()))

    def pay(self) -> None:
        """Give the answers to the index."""
        for run, answers in self._index.paid.extend(self.paid).items():
            self._index.runs[run].answers += answers
        self.paid.clear()
        if self._bought is not None:
            self._bought.add_up()
