"""The replay of ballots by hand: what a vote over them must come to, and the calls that it must take."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .files import Question
from .rules import Rule


@dataclass(frozen=True)
class Vote:
    """A vote by hand: its winner, the samples that it took, and the winner's share of those that count."""

    winner: str | None
    calls: int
    agreement: float = 0.0
    margin: int = 0


def by_hand(rule: Rule, question: Question, most: int, least: int = 1) -> Vote:
    """The vote over one question, its ballots taken one by one."""
    votes = [ballot(vote) for vote in question.votes[:most]]
    for seen in range(1, most + 1):
        ranked = Counter(vote for vote in votes[:seen] if vote is not None).most_common()
        first, second = ([count for _, count in ranked] + [0, 0])[:2]
        window = set(votes[seen - rule.window : seen]) if rule.window and seen % rule.window == 0 else set()
        agreed = len(window) == 1 and None not in window
        # A vote without any ballot goes on.
        over = first > 0 and rule.over((first, second), seen, most)
        if seen == most or (seen >= least and (agreed or over)):
            winner = ranked[0][0] if ranked and rule.wins((first, second), most) else None
            counted = sum(count for _, count in ranked)
            return Vote(winner, seen, first / counted if counted else 0.0, first - second)
    raise AssertionError("a vote of nothing")


def ballot(vote: str | None) -> str | None:
    """The answer that a sample counts for; None if it has no answer."""
    return None if vote is None or not vote.strip() else normal(vote)


def normal(text: str) -> str:
    """Two answers are one where they differ in case, blanks and a final point; texts are not read as numbers."""
    text = " ".join(text.split()).casefold()
    return text.rstrip(" .") or text
