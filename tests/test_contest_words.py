"""Many searches and tournaments in a few words: they are no votes."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun.runtime.cli.views.run_page import votes_text
from flowrun.runtime.eval.unanimity import unanimous
from flowrun.runtime.reducers.search import searched
from flowrun.runtime.vocabulary.contests import parted
from flowrun.runtime.vocabulary.tally import Contest, Tally
from support.page_records import vote_of


def search(place: int | None, tried: int, unit: str = "sample") -> Tally:
    return searched(Contest("first", place, tried, 9, unit=unit), "x", tried)


def tournament(agreed: int) -> Tally:
    return searched(Contest("pairs", 0, 3, 3, matches=3, agreed=agreed), "x", 3)


CASES: list[tuple[list[Tally], str]] = [
    ([search(0, 1), search(2, 3)], "2 searches, 2 found one, 2.0 samples on average"),
    ([search(0, 1), search(None, 9)], "2 searches, 1 found one, 5.0 samples on average"),
    ([search(0, 1, "item"), search(1, 2, "item")], "2 searches, 2 found one, 1.5 items on average"),
    ([tournament(3), tournament(1)], "2 tournaments, 4 of 6 matches alike in both orders"),
    ([vote_of(2, 1), vote_of(3, 0)], "2 votes, 1 split, mean agreement 0.83"),
    (
        [vote_of(2, 1), search(0, 1), tournament(2)],
        "1 vote, 1 split, mean agreement 0.67; 1 search, 1 found one, 1.0 samples on average; "
        "1 tournament, 2 of 3 matches alike in both orders",
    ),
    ([search(3, 4)], "passed at sample 4 of 9; 5 of 9 saved"),
]


@pytest.mark.parametrize(("tallies", "words"), CASES)
def test_searches_and_tournaments_have_no_part_in_the_numbers_of_votes(tallies: list[Tally], words: str) -> None:
    assert votes_text(tallies) == words


def test_the_votes_among_them_are_kept() -> None:
    found: Any = vote_of(2, 1)
    assert parted([search(0, 1), found])[0] == [found]
    assert parted([]) == ([], [])


def test_no_search_is_a_vote_that_could_have_been_one_call() -> None:
    assert unanimous(vote_of(3, 0))
    assert not unanimous(search(0, 1))
    assert not unanimous(tournament(3))
