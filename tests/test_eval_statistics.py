"""The statistics of evaluations, each against an independent reference: a published figure, or every case by hand."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import product
from math import comb, floor, isclose, prod, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flowrun.runtime.eval.calibration import calibrated
from flowrun.runtime.eval.confusion import NO_ANSWER, confusion_of
from flowrun.runtime.eval.pairs import Pairs, about, pairs_of, verdict
from flowrun.runtime.eval.proportions import Share, least_share, wilson

# Newcombe, Statistics in Medicine 17, 1998, p. 857, table I, method 3: the score interval without correction.
PUBLISHED = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("right", "rows", "low", "high"), PUBLISHED)
def test_the_interval_of_a_share_is_the_published_one(right: int, rows: int, low: float, high: float) -> None:
    assert [round(end, 4) for end in wilson(right, rows)] == [low, high]


@given(st.integers(1, 400), st.data())
def test_the_ends_of_the_interval_solve_the_score_equation(rows: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, rows))
    z = 1.959963984540054
    for end in wilson(right, rows):
        if 0 < end < 1:
            assert isclose(abs(right / rows - end), z * sqrt(end * (1 - end) / rows), rel_tol=1e-6)
    low, high = wilson(rows - right, rows)
    assert isclose(1 - high, wilson(right, rows)[0], abs_tol=1e-12)
    assert isclose(1 - low, wilson(right, rows)[1], abs_tol=1e-12)


def test_a_share_of_no_rows_says_nothing() -> None:
    assert (Share(0, 0).low, Share(0, 0).high, Share(0, 0).value) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("rows", [1, 5, 40, 300])
def test_the_least_share_is_that_which_would_still_show_no_exception(rows: int) -> None:
    assert isclose(least_share(rows) ** rows, 0.05)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (1, 0), (2, 5), (0, 6), (3, 9), (6, 6), (1, 11)])
def test_the_paired_test_is_that_of_all_tosses_of_a_fair_coin(first: int, second: int) -> None:
    tosses = first + second
    outcomes = [sum(outcome) for outcome in product((0, 1), repeat=tosses)]
    as_far = sum(abs(2 * heads - tosses) >= abs(first - second) for heads in outcomes)
    assert isclose(Pairs(3, first, second, 4).p, as_far / 2**tosses)


def test_the_paired_test_of_many_rows_is_close_to_the_exact_one() -> None:
    def exact(fewer: int, tosses: int) -> float:
        return float(2 * sum(comb(tosses, k) for k in range(fewer + 1)) / 2**tosses)

    for first, second in ((480, 540), (500, 600), (503, 503), (450, 580)):
        tosses = first + second
        assert abs(Pairs(0, first, second, 0).p - min(1.0, exact(min(first, second), tosses))) < 0.002


def test_the_interval_of_a_difference_is_that_of_agrestis_example() -> None:
    # Agresti and Min 2005: 794 + 150 + 86 + 570 votes of approval; (86 − 150)/1600 = −0.04, 95 % from −0.059 to −0.021.
    low, high = Pairs(794, 150, 86, 570).interval
    assert (round(low, 3), round(high, 3)) == (-0.059, -0.021)


@pytest.mark.parametrize(
    "chances", [(0.6, 0.1, 0.2, 0.1), (0.8, 0.1, 0.05, 0.05), (0.3, 0.3, 0.3, 0.1), (0.9, 0.04, 0.04, 0.02)]
)
def test_the_interval_of_a_difference_covers_it_in_95_of_100_samples(chances: tuple[float, ...]) -> None:
    rows, truth, covered, whole = 24, chances[2] - chances[1], 0.0, 0.0
    for both, first in product(range(rows + 1), repeat=2):
        for second in range(rows + 1 - both - first):
            counts = (both, first, second, rows - both - first - second)
            ways = prod(comb(sum(counts[at:]), counts[at]) for at in range(4))
            chance = ways * prod(p**n for p, n in zip(chances, counts, strict=True))
            low, high = Pairs(*counts).interval
            covered += chance * (low <= truth <= high)
            whole += chance
    assert isclose(whole, 1.0)
    assert 0.94 <= covered <= 0.999


def power(rows: int, first: float, second: float) -> float:
    """Return how often the exact test tells the sides apart, by all numbers of rows on which they differ."""
    apart, found = first + second, 0.0
    for tosses in range(rows + 1):
        some = comb(rows, tosses) * apart**tosses * (1 - apart) ** (rows - tosses)
        if some < 1e-12:
            continue
        for wins in range(tosses + 1):
            if Pairs(0, tosses - wins, wins, rows - tosses).told_apart:
                found += some * comb(tosses, wins) * (second / apart) ** wins * (first / apart) ** (tosses - wins)
    return found


@pytest.mark.parametrize(("first", "second"), [(2, 8), (4, 10), (1, 4)])
def test_so_many_rows_tell_the_sides_apart_four_times_of_five(first: int, second: int) -> None:
    needed = Pairs(20, first, second, 40 - 20 - first - second).needed
    assert needed is not None
    # The formula is that of the normal distribution: the exact test asks for a few rows more.
    assert 0.7 < power(needed, first / 40, second / 40) < 0.85
    assert power(needed // 2, first / 40, second / 40) < 0.6


def test_no_number_of_rows_tells_equal_sides_apart() -> None:
    assert Pairs(30, 4, 4, 2).needed is None
    assert Pairs(30, 0, 0, 2).needed is None and Pairs(30, 0, 0, 2).p == 1.0


def test_a_verdict_tells_how_many_rows_are_needed() -> None:
    assert verdict(Pairs(34, 2, 4, 0)) == "not told apart with 40 rows: about 470 are needed"
    assert verdict(Pairs(30, 1, 9, 0)) == "told apart (p = 0.021)"
    assert verdict(Pairs(0, 0, 40, 0)) == "told apart (p < 0.001)"
    assert verdict(Pairs(1, 0, 0, 0)) == "equally often right on 1 row"
    # The exact test may want more rows than the formula: never fewer than there are.
    assert verdict(Pairs(0, 0, 5, 0)) == "not told apart with 5 rows: about 6 are needed"


def test_pairs_are_counted_row_by_row() -> None:
    assert pairs_of([True, True, False, False, True], [True, False, True, False, False]) == Pairs(1, 2, 1, 1)


@pytest.mark.parametrize(("number", "said"), [(3, 3), (99, 99), (101, 110), (291, 300), (300, 300), (12_345, 13_000)])
def test_an_estimate_has_two_figures(number: int, said: int) -> None:
    assert about(number) == said


def test_votes_are_grouped_by_their_agreement() -> None:
    votes = [(1.0, True)] * 6 + [(1.0, False)] * 2 + [(2 / 3, True), (2 / 3, False), (0.6, True), (9 / 15, True)]
    found = calibrated([*votes, (0.4, False)])
    assert [(one.words, one.share) for one in found.groups] == [
        ("below 0.5", Share(0, 1)),
        ("0.6 to 0.7", Share(3, 4)),
        ("unanimous", Share(6, 8)),
    ]
    by_hand = (1 * abs(0 - 0.4) + 4 * abs(0.75 - (2 / 3 + 2 / 3 + 1.2) / 4) + 8 * abs(0.75 - 1)) / 13
    assert isclose(found.error, by_hand)
    assert calibrated([]).error == 0.0
    # A share that was summed up from weights lies just below the edge that it means.
    assert [one.words for one in calibrated([(0.3 * 3, True)]).groups] == ["0.9 to 1.0"]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_no_vote_is_left_out_of_the_groups(votes: list[tuple[float, bool]]) -> None:
    found = calibrated(votes)
    assert found.votes == len(votes)
    assert sum(one.share.right for one in found.groups) == sum(right for _, right in votes)
    assert 0 <= found.error <= 1


def test_the_confusion_table_counts_what_was_given_for_what() -> None:
    rows = [
        ("SPAM", "SPAM", True, True),
        ("SPAM", "NOT", True, False),
        ("NOT", "NOT", True, True),
        ("NOT", None, False, False),
    ]
    found = confusion_of(rows, ("SPAM", "NOT"))
    assert found is not None
    assert found.given == ("SPAM", "NOT", NO_ANSWER)
    assert found.counts == ((1, 1, 0), (0, 1, 1))
    assert (found.recall(0), found.precision(0), found.precision(1)) == (0.5, 1.0, 0.5)


def test_a_class_that_nothing_expects_has_no_recall() -> None:
    found = confusion_of([(1, 2, True, False)])
    assert found is not None and found.classes == ("1", "2")
    assert (found.recall(1), found.precision(0)) == (None, None)


def test_many_classes_make_no_table() -> None:
    assert confusion_of([(n, n, True, True) for n in range(13)]) is None
    assert confusion_of([]) is None


def test_few_of_many_declared_classes_make_a_table() -> None:
    found = confusion_of([("w3", "w7", True, False)], [f"w{n}" for n in range(40)])
    assert found is not None and found.classes == ("w3", "w7")


def test_equal_answers_are_one_class_however_they_are_written() -> None:
    found = confusion_of([(1000, 1000.0, True, True), (0.3, 0.1 + 0.2, True, True), (2.0, 1000.0, True, False)])
    assert found is not None and found.classes == ("0.3", "1000", "2")
    assert found.counts == ((1, 0, 0), (0, 1, 0), (0, 1, 0))
    # A right answer is in the class of the expected one, also where a rounding would part them.
    close = confusion_of([(0.1234567895, 0.12345678950000001, True, True)])
    assert close is not None and len(close.classes) == 1


def test_an_answer_may_be_the_words_of_no_answer() -> None:
    found = confusion_of([(NO_ANSWER, NO_ANSWER, True, True), (NO_ANSWER, None, False, False)])
    assert found is not None and (found.given, found.counts) == ((NO_ANSWER, NO_ANSWER), ((1, 1),))


CELLS = st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["a", "b", "c", None]))


@given(st.lists(CELLS, min_size=1, max_size=60))
def test_the_confusion_table_is_that_of_counting_by_hand(cells: list[tuple[str, str | None]]) -> None:
    found = confusion_of([(want, got, got is not None, want == got) for want, got in cells])
    assert found is not None
    assert sum(map(sum, found.counts)) == len(cells)
    for at, want in enumerate(found.classes):
        rows = [got for one, got in cells if one == want]
        assert found.recall(at) == (rows.count(want) / len(rows) if rows else None)
        answers = [one for one, got in cells if got == want]
        assert found.precision(at) == (answers.count(want) / len(answers) if answers else None)


@given(st.integers(0, 7), st.integers(0, 7))
def test_the_paired_test_is_that_of_all_tosses_for_any_numbers(first: int, second: int) -> None:
    tosses = first + second
    as_far = sum(abs(2 * sum(one) - tosses) >= abs(first - second) for one in product((0, 1), repeat=tosses))
    assert isclose(Pairs(1, first, second, 0).p, as_far / 2**tosses)


@given(st.integers(1, 12), st.integers(0, 12), st.integers(20, 60))
def test_the_needed_rows_have_a_power_of_about_80_percent(more: int, less: int, rows: int) -> None:
    second, first = less + more, less
    assume(first + second <= rows)
    needed = Pairs(rows - first - second, first, second, 0).needed
    assert needed is not None
    assume(needed <= 150)
    # So few rows that the exact test can tell nothing apart need no estimate: `verdict` then wants one row more.
    assume(needed > 12)
    assert 0.68 < quick_power(needed, first / rows, second / rows) < 0.9


def quick_power(rows: int, first: float, second: float) -> float:
    """Return how often McNemar's exact test tells two sides apart, by the binomial distribution."""
    apart = first + second
    return sum(binomial(rows, tosses, apart) * rejected(tosses, second / apart) for tosses in range(rows + 1))


@cache
def rejected(tosses: int, second: float) -> float:
    most, below = -1, 0.0
    for wins in range(tosses + 1):
        below += binomial(tosses, wins, 0.5)
        if 2 * below >= 0.05:
            break
        most = wins
    return sum(binomial(tosses, w, second) + binomial(tosses, tosses - w, second) for w in range(most + 1))


def binomial(rows: int, right: int, chance: float) -> float:
    return comb(rows, right) * chance**right * (1 - chance) ** (rows - right)


AGREEMENTS = st.integers(1, 15).flatmap(lambda of: st.tuples(st.integers(1, of), st.just(of)))


@given(st.lists(st.tuples(AGREEMENTS, st.booleans()), min_size=1, max_size=40))
def test_the_groups_of_votes_are_those_of_exact_fractions(votes: list[tuple[tuple[int, int], bool]]) -> None:
    by_hand: dict[int, list[tuple[Fraction, bool]]] = {}
    for (part, of), right in votes:
        share = Fraction(part, of)
        group = 6 if share == 1 else max(0, min(5, floor(share * 10) - 4))
        by_hand.setdefault(group, []).append((share, right))
    found = calibrated([(part / of, right) for (part, of), right in votes])
    assert [(one.share.rows, one.share.right) for one in found.groups] == [
        (len(group), sum(right for _, right in group)) for _, group in sorted(by_hand.items())
    ]
    gap = sum(float(abs(sum(right - share for share, right in group))) for group in by_hand.values())
    assert isclose(found.error, gap / len(votes), abs_tol=1e-9)
