"""Votes without dissent: one call each would have given the same answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowrun.dsl import dataclass

from ..costs.prices import Prices
from ..vocabulary.amounts import money_text
from ..vocabulary.events import VoteCounted
from ..vocabulary.tally import Tally
from ..vocabulary.usage import Usage

ENOUGH = 10
"""Of fewer votes than this no advice is given: a few unanimous votes say little about the next one."""
WORTH = 0.1
"""Advice that saves less than this share of a run's calls is not given."""

Tokens = dict[str, tuple[float, float]]
"""The tokens in and out by the address of the model."""


def unanimous(tally: Tally) -> bool:
    """Tell whether all samples of a vote gave one answer, and none was lost or discarded."""
    return (
        tally.contest is None
        and len(tally.ballots) == 1
        and not tally.missing
        and not tally.discarded
        and tally.settled
    )


@dataclass(frozen=True, slots=True)
class _Use:
    """The calls of a vote and their tokens; None if the tokens of an answer are not known."""

    calls: float
    tokens: Tokens | None

    def divided(self, by: int, shared: float) -> _Use:
        """Return the use of one of several samples. A prompt that ``shared`` samples had together is paid whole."""
        if self.tokens is None:
            return _Use(self.calls / by, None)
        less = min(float(by), shared)
        tokens = {model: (less * read / by, written / by) for model, (read, written) in self.tokens.items()}
        return _Use(self.calls / by, tokens)


def run_advice(votes: Mapping[str, VoteCounted], calls: int, prices: Prices, requests: int | None = None) -> str:
    """Say in one line after a run that all of its votes were unanimous; "" if that is not worth a line.

    ``calls`` are the answers of the whole run, those from the journal included. ``requests`` brought them; None if some
    came from the journal, and then nothing is said about costs.
    """
    if len(votes) < ENOUGH or not all(unanimous(vote.tally) for vote in votes.values()):
        return ""
    shared = 1.0 if requests is None else max(1.0, calls / max(requests, 1))
    used, single = _uses(votes, shared)
    saved = used.calls - single.calls
    if not calls or saved / calls < WORTH:
        return ""
    less = f"{100 * saved / calls:.0f} % fewer calls"
    cheaper = "" if requests is None else _cheaper(used, single, prices)
    return same_answers(len(votes), less + cheaper)


def _uses(votes: Mapping[str, VoteCounted], shared: float) -> tuple[_Use, _Use]:
    """Return the use of all votes, and their use with one sample each. A vote may lie in a sample of another one."""
    inside: dict[str, list[str]] = {}
    for path in votes:
        inside.setdefault(_around(path, votes), []).append(path)

    def single(path: str) -> _Use:
        vote = votes[path]
        known = {model: use for model, use in vote.used.items() if use is not None}
        own = _Use(vote.calls, {**known} if len(known) == len(vote.used) else None)
        whole[path] = own
        inner = inside.get(path)
        if inner is None:
            return own.divided(max(1, vote.tally.asked), shared)
        # The calls of the inner votes give way to those of their single samples.
        parts = [(own, 1.0), *((whole[one], -1.0) for one in inner), *((singles[one], 1.0) for one in inner)]
        return _sum(parts).divided(max(1, vote.tally.asked), 1.0)

    whole: dict[str, _Use] = {}
    singles: dict[str, _Use] = {}
    # The path of an inner vote is longer than that of the vote around it.
    for path in sorted(votes, key=len, reverse=True):
        singles[path] = single(path)
    outer = inside.get("", ())
    return _sum((whole[path], 1.0) for path in outer), _sum((singles[path], 1.0) for path in outer)


def _around(path: str, votes: Mapping[str, VoteCounted]) -> str:
    """Return the path of the innermost vote around a vote, "" if there is none."""
    end = len(path)
    while end > 0:
        end = max(path.rfind("[", 0, end), path.rfind(".", 0, end))
        if end > 0 and path[:end] in votes:
            return path[:end]
    return ""


def _sum(uses: Iterable[tuple[_Use, float]]) -> _Use:
    """Add uses, each a number of times."""
    calls, known = 0.0, True
    tokens: Tokens = {}
    for use, times in uses:
        calls += times * use.calls
        if use.tokens is None:
            known = False
            continue
        for model, (read, written) in use.tokens.items():
            before = tokens.get(model, (0.0, 0.0))
            tokens[model] = before[0] + times * read, before[1] + times * written
    return _Use(calls, tokens if known else None)


def _cheaper(used: _Use, single: _Use, prices: Prices) -> str:
    if used.tokens is None or single.tokens is None:
        return ""
    dollars = _cost(used.tokens, prices) - _cost(single.tokens, prices)
    if dollars > 0:
        return f", ≈ {money_text(dollars)} less"
    less = sum(map(sum, used.tokens.values())) - sum(map(sum, single.tokens.values()))
    return f", ≈ {less:,.0f} fewer tokens" if less >= 1 else ""


def _cost(tokens: Tokens, prices: Prices) -> float:
    """Return the dollars of tokens; nan if a price is not known."""
    costs = (prices.cost_of(model, Usage(round(read), round(written))) for model, (read, written) in tokens.items())
    return sum(float("nan") if cost is None else cost for cost in costs)


def same_answers(votes: int, less: str) -> str:
    """Give the advice. ``less`` says what single calls save."""
    if votes == 1:
        return f"the only vote was unanimous: one call gives the same answer for {less}"
    return f"all {votes:,} votes were unanimous: one call each gives the same answers for {less}"
