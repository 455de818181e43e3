"""Many searches and tournaments in a few words. They are no votes, so they have no part in the numbers of votes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .tally import Tally, plural

_SEARCHES = ("first", "enough")


def parted(tallies: Iterable[Tally]) -> tuple[list[Tally], list[str]]:
    """Part the votes from the searches and the tournaments. Return the votes, and the words about all others."""
    votes: list[Tally] = []
    searches: list[Tally] = []
    tournaments: list[Tally] = []
    for one in tallies:
        if one.contest is None:
            votes.append(one)
        else:
            (searches if one.contest.method in _SEARCHES else tournaments).append(one)
    return votes, [*_searches(searches), *_tournaments(tournaments)]


def _searches(tallies: Sequence[Tally]) -> Iterable[str]:
    if tallies:
        found = sum(one.contest is not None and one.contest.place is not None for one in tallies)
        units = {one.unit for one in tallies}
        unit = plural("ballot" if len(units) > 1 else units.pop())
        mean = sum(one.asked for one in tallies) / len(tallies)
        word = "search" if len(tallies) == 1 else "searches"
        yield f"{len(tallies):,} {word}, {found:,} found one, {mean:.1f} {unit} on average"


def _tournaments(tallies: Sequence[Tally]) -> Iterable[str]:
    if tallies:
        contests = [one.contest for one in tallies if one.contest is not None]
        matches, agreed = sum(one.matches for one in contests), sum(one.agreed for one in contests)
        word = "tournament" if len(tallies) == 1 else "tournaments"
        yield f"{len(tallies):,} {word}, {agreed:,} of {matches:,} matches alike in both orders"
