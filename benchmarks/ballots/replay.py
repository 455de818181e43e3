"""The replay of ballots by hand: what a vote over them must come to, and the calls that it must take."""

from __future__ import annotations

from collections import Counter

from .files import Question
from .rules import Rule


def by_hand(rule: Rule, question: Question, most: int) -> tuple[str | None, int]:
    """The winner and the number of calls of one question, its ballots taken one by one."""
    votes = [None if vote is None else normal(vote) for vote in question.votes[:most]]
    for seen in range(1, most + 1):
        ranked = Counter(vote for vote in votes[:seen] if vote is not None).most_common()
        first, second = ([count for _, count in ranked] + [0, 0])[:2]
        window = set(votes[seen - rule.window : seen]) if rule.window and seen % rule.window == 0 else set()
        agreed = len(window) == 1 and None not in window
        if seen == most or agreed or (rule.over((first, second), seen, most) and (first or not rule.adaptive)):
            return (ranked[0][0] if ranked and rule.wins((first, second), most) else None), seen
    raise AssertionError("a vote of nothing")


def normal(text: str) -> str:
    """Two answers are one where they differ in case, blanks and a final point; texts are not read as numbers."""
    text = " ".join(text.split()).casefold()
    return text.rstrip(" .") or text
