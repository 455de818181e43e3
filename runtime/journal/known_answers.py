"""The answers to one question, in the order in which a run takes them. Very many may have the same question."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Set

from .answers import Paid


class _Pile:
    """Answers from which the first or the last is taken, if possible one from the same place."""

    def __init__(self, *, last: bool) -> None:
        self._last = last
        self._all: deque[Paid] = deque()
        self._at: dict[str, deque[Paid]] = {}

    def add(self, answer: Paid) -> None:
        self._all.append(answer)
        self._at.setdefault(answer.place, deque()).append(answer)

    def find(self, place: str, taken: Set[int]) -> Paid | None:
        return self._end(self._at.get(place, deque()), taken) or self._end(self._all, taken)

    def _end(self, answers: deque[Paid], taken: Set[int]) -> Paid | None:
        # An answer that is taken is never given back, so each is passed over once.
        while answers:
            found = answers[-1 if self._last else 0]
            if found.number not in taken:
                return found
            if self._last:
                answers.pop()
            else:
                answers.popleft()
        return None


class KnownAnswers:
    """The answers to one question for the run with this number.

    A run first takes its own answers, the earliest first. Then it takes those of runs before it, and then those of runs
    after it, the latest first.
    """

    def __init__(self, run: int) -> None:
        self.count = 0
        self.first = 0
        self._run = run
        self._mine, self._before, self._since = _Pile(last=False), _Pile(last=True), _Pile(last=True)

    def add(self, answers: Iterable[Paid]) -> None:
        """Add answers, in the order of their rows."""
        for one in answers:
            self.first = self.first or one.number
            self.count += 1
            pile = self._mine if one.run == self._run else self._before if one.run < self._run else self._since
            pile.add(one)

    def find(self, place: str, taken: Set[int], *, fresh: bool) -> Paid | None:
        """Find the answer for a call at this place. If ``fresh`` is True, answers of other runs are not used."""
        mine = self._mine.find(place, taken)
        if mine is not None or fresh:
            return mine
        return self._before.find(place, taken) or self._since.find(place, taken)
