"""Votes that choose the number of their samples. They count their samples in order."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from flowrun.runtime.reducers.majority import leading

from .votes import Vote


class Adaptive(Vote):
    """The base of votes of ``least`` to ``most`` samples. A rule says when a leader has won over a runner-up."""

    def __init__(self, least: int, most: int, **rest: Any) -> None:
        super().__init__(most, **rest)
        self.least = least
        self.sure = False
        self.rivals: set[str | None] = set()
        self.waiting: dict[int, tuple[Any, bool]] = {}
        self.border = min(most, max(least, self.further(), self.lacking))

    def wins(self, first: int, second: int) -> bool:
        raise NotImplementedError

    def settled(self) -> bool:
        first, second = self.leaders
        return self.wins(first, second + self.lost) and (not self.lost or self.lead > self.lost)

    def add(self, index: int, value: Any) -> None:
        self.in_order(index, value, lost=False)

    def lose(self, index: int) -> None:
        self.in_order(index, None, lost=True)

    def in_order(self, index: int, value: Any, lost: bool) -> None:
        self.waiting[index] = value, lost
        while self.place in self.waiting and not self.sure:
            at = self.place
            value, lost = self.waiting.pop(at)
            if lost:
                self.lost += 1
            else:
                self.count(at, value)
            self.look()

    @property
    def place(self) -> int:
        return self.seen + self.lost

    def look(self) -> None:
        """End the vote behind a sample, or ask for more."""
        if self.lost and self.place >= self.least and self.counted + self.lost >= self.enough:
            for key in (*self.ranked(), None):
                own = 0 if key is None else self.votes[key]
                others = [votes for other, votes in self.votes.items() if other != key]
                if self.wins(own + self.lost, max(others, default=0)):
                    self.rivals.add(key)
        if self.place < self.border:
            return
        if self.lacking <= 0 and self.settled() and not self.others():
            self.sure = True
        elif self.border < self.most:
            self.border = min(self.most, self.border + max(1, self.further(), self.lacking))

    def others(self) -> set[str | None]:
        """Return the answers other than the leader with which the vote could have ended before."""
        return self.rivals - set(self.ranked()[:1])

    @property
    def decided(self) -> bool:
        return self.sure

    @property
    def doubtful(self) -> bool:
        if not self.lost or self.sure:
            return False
        if self.counted < self.enough:
            return super().doubtful
        return bool(self.others()) or self.lead <= self.lost

    @property
    def hopeless(self) -> bool:
        if self.sure or not self.lost:
            return False
        coming = self.most - self.place
        if None in self.rivals or len(self.rivals) > 1 or self.lacking > coming:
            return True
        winner = next(iter(self.rivals or self.ranked()[:1]), None)
        own = self.votes.get(winner, 0) if winner is not None else 0
        beside = max((votes for key, votes in self.votes.items() if key != winner), default=0)
        return own + coming - beside <= self.lost

    def wanted(self, begun: int) -> int:
        return 0 if self.hopeless else max(0, self.border - begun)


class Confident(Adaptive):
    """A majority that ends when the leader's share is above one half with this confidence."""

    def __init__(self, least: int, most: int, confidence: float = 0.95, **rest: Any) -> None:
        self.confidence = confidence
        super().__init__(least, most, **rest)

    def wins(self, first: int, second: int) -> bool:
        return first > 0 and leading(first, second) >= self.confidence

    def further(self) -> int:
        first, second = self.leaders
        second += self.lost
        return bisect_left(range(1, self.most), True, key=lambda more: self.wins(first + more, second)) + 1


class Ahead(Adaptive):
    """A vote that ends when an answer is so many ballots ahead of all others."""

    def __init__(self, least: int, most: int, by_votes: int, **rest: Any) -> None:
        self.by_votes = by_votes
        super().__init__(least, most, **rest)

    def wins(self, first: int, second: int) -> bool:
        return first - second >= self.by_votes

    def further(self) -> int:
        return max(1, self.by_votes + self.lost - self.lead)
