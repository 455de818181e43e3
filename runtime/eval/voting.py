"""The gain of voting: the votes of a run against a single call each."""

from __future__ import annotations

from collections.abc import Iterable
from math import floor

from flowrun.dsl import dataclass

from ..vocabulary.amounts import count_text, money_text
from .bills import sum_known
from .pairs import Pairs, pairs_of, signed, verdict
from .proportions import Share, least_share
from .side import Row
from .unanimity import ENOUGH, same_answers, unanimous


@dataclass(frozen=True, slots=True)
class Voting:
    """``votes`` votes, ``unanimous`` of them without dissent.

    ``calls`` and ``cost`` are those of all rows with votes; ``single_calls`` and ``single_cost`` are what they would
    be with one sample each. Costs are in dollars. Costs and tokens are None if not known. ``pairs`` compares the first
    sample alone (first) with the vote (second); None if the values of the samples are not known.
    """

    votes: int
    unanimous: int
    calls: int
    single_calls: int
    cost: float | None
    single_cost: float | None
    tokens: float | None
    single_tokens: float | None
    pairs: Pairs | None

    @property
    def all_agree(self) -> bool:
        return self.votes == self.unanimous

    @property
    def single(self) -> Share | None:
        """The rows that the first sample alone gets right."""
        return None if self.pairs is None else Share(self.pairs.both + self.pairs.first, self.pairs.rows)

    @property
    def saved(self) -> str:
        """The savings of single calls, in words: of cost if it is known, calls and tokens; "" if nothing.

        A vote may cost less than a single call, if the answer of the first sample is long.
        """
        calls = _less(self.calls, self.single_calls)
        if not calls:
            return ""
        counts = f"{count_text(self.single_calls, 'call')} instead of {self.calls:,}"
        if self.cost and self.single_cost is not None and self.cost > self.single_cost:
            costs = f"{money_text(self.single_cost)} instead of {money_text(self.cost)}"
            return f"{_less(self.cost, self.single_cost)} less ({costs}, {counts})"
        tokens = ""
        if self.tokens and self.single_tokens is not None and self.tokens > self.single_tokens:
            tokens = f" and {_less(self.tokens, self.single_tokens)} fewer tokens"
        return f"{calls} fewer calls{tokens} ({counts})"


def _less(whole: float, part: float) -> str:
    return f"{100 * (1 - part / whole):.0f} %" if part < whole else ""


def voting_of(rows: Iterable[Row]) -> Voting | None:
    """Measure the votes that made the answers of rows. None if no vote made them."""
    voted = [(row, row.tally, row.first) for row in rows if row.tally is not None and row.first is not None]
    if not voted:
        return None
    firsts = [first for _, _, first in voted]
    known = all(first.right is not None for first in firsts)
    pairs = pairs_of((bool(first.right) for first in firsts), (row.right for row, _, _ in voted)) if known else None
    return Voting(
        len(voted),
        sum(unanimous(tally) for _, tally, _ in voted),
        sum(row.calls for row, _, _ in voted),
        sum(first.calls for first in firsts),
        sum_known([row.cost for row, _, _ in voted]),
        sum_known([first.cost for first in firsts]),
        sum_known([row.tokens for row, _, _ in voted]),
        sum_known([first.tokens for first in firsts]),
        pairs,
    )


def advice(voting: Voting) -> str:
    """Say in one line what voting bought; "" if the votes took one call each."""
    less = voting.saved
    if not less:
        return ""
    if voting.all_agree:
        line = same_answers(voting.votes, less)
        if voting.votes >= ENOUGH:
            sure = floor(1000 * least_share(voting.votes)) / 10
            return f"{line}; at least {sure:g} % of all such votes are unanimous (95 % sure)"
        return f"{line}; {count_text(voting.votes, 'vote')} {'is' if voting.votes == 1 else 'are'} few to go by"
    line = f"{voting.unanimous:,} of {voting.votes:,} votes {'was' if voting.unanimous == 1 else 'were'} unanimous"
    if voting.pairs is None or voting.single is None:
        return line
    pairs, single = voting.pairs, voting.single
    told = f"; {verdict(pairs)}" if pairs.difference else ""
    if pairs.difference == 0:
        gain = f"the first samples alone are right as often ({single.value:.3f})"
    else:
        gain = f"the first samples alone have accuracy {single.value:.3f} ({signed(-pairs.difference)})"
    return f"{line}: {gain}, for {less}{told}"
