"""Votes: a sample is begun only if the vote needs it, and the vote ends when no further ballot can change it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from flowrun.dsl import text_key

from .failures import Failure, NoResult, failure_of
from .fields import get


class Vote:
    """A vote of at most ``most`` samples. The answer with the most ballots wins, of equals the one that came first.

    The ballots are the results, or their field ``by``. Words of a choice are told apart exactly, other texts as a
    reader does.
    """

    def __init__(
        self, most: int, *, by: str | None = None, at_least: int = 1, ties: str = "first", words: bool = False
    ) -> None:
        self.most = most
        self.by = by
        self.enough = max(1, at_least)
        self.ties = ties
        self.words = words
        self.votes: dict[str, int] = {}
        self.first: dict[str, tuple[int, Any]] = {}
        self.seen = self.discarded = self.lost = 0
        self.last: Failure | None = None

    def key(self, answer: Any) -> str:
        return answer_key(answer, self.words)

    def add(self, index: int, value: Any) -> None:
        """Take the result of a sample. None abstains."""
        self.count(index, value)

    def count(self, index: int, value: Any) -> None:
        answer = value if self.by is None else get(value, self.by)
        self.seen += 1
        if answer is None:
            self.discarded += 1
            return
        key = self.key(answer)
        self.votes[key] = self.votes.get(key, 0) + 1
        if key not in self.first or index < self.first[key][0]:
            self.first[key] = index, value

    def fail(self, index: int, failure: Failure) -> None:
        """Take the failure of a sample: an answer that does not fit abstains, any other failure is a lost ballot."""
        if self.last is None or self.last.abstains or not failure.abstains:
            self.last = failure
        if failure.abstains:
            self.add(index, None)
        else:
            self.lose(index)

    def lose(self, index: int) -> None:
        self.lost += 1

    # The rule of a majority

    def settled(self) -> bool:
        """Tell whether the ballots so far decide the vote, whatever the missing ones will be."""
        return self.lead > self.open

    def further(self) -> int:
        """Return the fewest further ballots that could decide the vote."""
        return max(0, self.open - self.lead) // 2 + 1

    def holds(self) -> None:
        """Raise NoResult if the rule does not hold at the end."""

    # The parts that all rules share

    @property
    def counted(self) -> int:
        return self.seen - self.discarded

    @property
    def open(self) -> int:
        return self.most - self.seen

    @property
    def lacking(self) -> int:
        return self.enough - self.counted

    @property
    def leaders(self) -> tuple[int, int]:
        counts = [*sorted(self.votes.values(), reverse=True), 0, 0]
        return counts[0], counts[1]

    @property
    def lead(self) -> int:
        first, second = self.leaders
        return first - second

    def ranked(self) -> list[str]:
        return sorted(self.votes, key=lambda key: (-self.votes[key], self.first[key][0]))

    @property
    def decided(self) -> bool:
        return self.lacking <= 0 and self.settled()

    @property
    def hopeless(self) -> bool:
        return self.lost > 0 and max(self.further(), self.lacking) > self.open - self.lost

    @property
    def doubtful(self) -> bool:
        """Tell whether the lost samples could change the outcome."""
        if not self.lost:
            return False
        return not self.settled() if self.counted >= self.enough else self.counted + self.open >= self.enough

    def wanted(self, begun: int) -> int:
        """Return the number of samples to begin: the fewest that could decide the vote."""
        left = 0 if self.hopeless else self.most - begun
        useful = max(1, self.further(), self.lacking)
        return max(0, min(useful - (begun - self.seen - self.lost), left))

    def value(self) -> Any:
        if self.counted < self.enough:
            said = f"the vote has {self.counted} of {self.most} ballots and needs {self.enough}"
            raise Failure(said) if self.doubtful else NoResult(said)
        if self.doubtful:
            raise Failure(f"the vote is not settled: {self.lost} of {self.most} samples gave no answer")
        ranked = self.ranked()
        if self.ties == "error" and not self.lead and len(ranked) > 1:
            raise NoResult("the vote ended in a tie")
        self.holds()
        return self.first[ranked[0]][1]

    # The account of the vote

    def standing(self) -> int:
        """Return a number of samples that could not have changed the winner."""
        return max(0, min((self.lead - self.open - 1) // 2, self.counted - self.enough))

    def account(self) -> dict[str, Any]:
        ranked = self.ranked()
        votes = [self.votes[key] for key in ranked]
        return {
            "winner": self.first[ranked[0]][1],
            "counts": [{"answer": self.first[key][1], "count": self.votes[key]} for key in ranked],
            "counted": self.counted,
            "planned": self.most,
            "discarded": self.discarded,
            "agreement": self.agreement(),
            "margin": votes[0] - max(votes[1:], default=0),
            "stands": self.standing(),
        }

    def agreement(self) -> float:
        of = float(sum(self.votes.values()) + self.lost)
        return self.leaders[0] / of if of else 0.0


def answer_key(answer: Any, words: bool) -> str:
    """Return a key that equal answers share. Words of a choice are compared exactly."""
    if isinstance(answer, str) and not words:
        answer = text_key(answer)
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)
    return json.dumps(answer, sort_keys=True)


def count_of(results: list[Any], of: Any, by: str | None = None, words: bool = False) -> int:
    """Return the number of results that equal this one."""
    found = [one if by is None else get(one, by) for one in results if one is not None]
    return sum(one is not None and answer_key(one, words) == answer_key(of, words) for one in found)


def agreement_of(votes: list[Vote]) -> float:
    """Return the winner's share of a vote; 0 if no vote was held."""
    return votes[-1].agreement() if votes and votes[-1].counted else 0.0


def account_of(votes: list[Vote]) -> dict[str, Any]:
    """Return the account of a vote, also of one that was not held."""
    if votes and votes[-1].counted:
        return votes[-1].account()
    nothing = {"counted": 0, "planned": 0, "discarded": 0, "agreement": 0.0, "margin": 0, "stands": 0}
    return {"winner": None, "counts": [], **nothing}


class Quorum(Vote):
    """A vote whose winner needs so many ballots."""

    def __init__(self, most: int, votes: int, **rest: Any) -> None:
        super().__init__(most, **rest)
        self.needed = max(1, votes)
        self.alone = 2 * self.needed > most

    def settled(self) -> bool:
        first = self.leaders[0]
        return first + self.open < self.needed or (first >= self.needed and (self.alone or self.lead > self.open))

    def further(self) -> int:
        first = self.leaders[0]
        dissents = first + self.open - self.needed + (1 if first else 2)
        passed = 1 if self.alone else max(0, self.open - self.lead) // 2 + 1
        return min(dissents, max(self.needed - first, passed))

    def standing(self) -> int:
        led = self.most if self.alone else (self.lead - self.open - 1) // 2
        return max(0, min(self.leaders[0] - self.needed, led, self.counted - self.enough))

    def holds(self) -> None:
        if self.leaders[0] < self.needed:
            raise NoResult(f"no answer has the {self.needed} votes that the quorum needs")


class Unanimous(Vote):
    """A vote that fails at the first ballot that differs."""

    def settled(self) -> bool:
        return self.leaders[1] > 0 or self.open == 0

    def further(self) -> int:
        return min(self.open, 1 if self.counted else 2)

    def standing(self) -> int:
        return 0

    def holds(self) -> None:
        if self.leaders[1]:
            raise NoResult("the vote is not unanimous")


async def voted(
    vote: Vote, body: Callable[[int], Coroutine[Any, Any, Any]], launch: str = "cost", at_once: int = 0
) -> Any:
    """Begin samples as the vote wants them, count their results as they come, and return the winner.

    ``launch``: only the samples that the vote needs (cost), or all of them (together).
    """
    running: dict[asyncio.Task[Any], int] = {}
    begun = 0
    try:
        while not (launch == "cost" and vote.decided):
            wanted = vote.wanted(begun) if launch == "cost" else vote.most - begun
            for _ in range(min(wanted, (at_once or vote.most) - len(running))):
                running[asyncio.ensure_future(body(begun))] = begun
                begun += 1
            if not running:
                break
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=running.__getitem__):
                task.exception()  # a failure that no longer counts is heard all the same
                if launch == "cost" and vote.decided:
                    continue
                take(vote, running.pop(task), task)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return vote.value()


def take(vote: Vote, index: int, task: asyncio.Task[Any]) -> None:
    """Give the end of a sample to the vote."""
    error = task.exception()
    if error is None:
        vote.add(index, task.result())
        return
    if not isinstance(error, Exception):
        raise error
    failure = failure_of(error)
    vote.fail(index, failure)
