"""The made ballots of the simulator of votes: they have the statistics of their sources, and the goals are kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import votes
from ballots.budgets import by_need, hundred, in_order
from ballots.files import Question
from ballots.passing import RATES, until_by_hand, until_by_sums
from ballots.replay import by_hand
from ballots.rules import AHEAD_2, MAJORITY, SURE
from ballots.sections import SECTIONS
from ballots.sums import stopped_wrong
from ballots.texts import same_by_hand
from ballots.tournaments import BIAS, Judge, match_by_sums, pairs_by_hand
from ballots.tuning import greatest_share, tuned
from ballots.voters import DATES, MIXED, made_voters, statistics

from support.few_cases import few


def test_the_voters_have_the_statistics_of_the_sources() -> None:
    mixed = statistics(made_voters(MIXED, 20_000, 2, 1))
    assert mixed["two cheap voters agree"] == pytest.approx(0.786, abs=0.01)
    assert mixed["two cheap voters that are wrong agree"] == pytest.approx(0.6, abs=0.03)
    assert mixed["a cheap voter agrees with itself"] > mixed["two cheap voters agree"] + 0.05
    assert mixed["of those are right"] < mixed["of these are right"] - 0.03
    dates = statistics(made_voters(DATES, 20_000, 2, 1))
    assert dates["a cheap sample is right"] < dates["a dear sample is right"] - 0.08


def test_puzzles_have_the_shares_of_the_source() -> None:
    assert len(RATES) == 100
    assert sum(RATES) == pytest.approx(4.0, abs=0.1)
    assert sum(until_by_sums(rate, 100, "cost")[0] for rate in RATES) == pytest.approx(49, abs=1)
    assert list(until_by_sums(0.5, 3, "cost")) == pytest.approx([0.875, 1.75])
    assert until_by_sums(0.5, 4, "latency")[1] == pytest.approx(1 + 0.5 + 2 * 0.25)


@pytest.mark.parametrize(
    ("passes", "launch", "asked"),
    [(1, "cost", 1), (3, "cost", 3), (3, "latency", 4), (5, "latency", 8), (9, "latency", 8)],
)
def test_a_wave_doubles_what_was_asked(passes: int, launch: str, asked: int) -> None:
    puzzle = Question([f"right{'' if number == passes else '?'}" for number in range(1, 9)], "right")
    assert until_by_hand(puzzle, 8, launch) == (passes < 9, asked)


def test_a_text_that_was_there_needs_no_question() -> None:
    """The second text is asked about in both orders, because it would end the vote."""
    assert same_by_hand(AHEAD_2, Question(["a-1", "a-1"], "a"), 9)[1] == 0
    assert same_by_hand(AHEAD_2, Question(["a-1", "a-2"], "a"), 9)[1] == 2
    vote, asked = same_by_hand(AHEAD_2, Question(["a-1", "b-1", "a-2", "a-3"], "a"), 9)
    assert (vote.winner, vote.calls, asked) == ("a", 4, 1 + 1 + 3)


def test_a_match_is_won_as_often_as_the_sums_say() -> None:
    judges = [Judge(number, 0.75, 1) for number in range(4_000)]
    won = [judge.winner(0, 1) == (judge.good[1] > judge.good[0]) for judge in judges]
    assert sum(won) / len(won) == pytest.approx(match_by_sums(0.75), abs=0.03)
    assert match_by_sums(1.0) == pytest.approx(1 - BIAS / 2)
    sure = [Judge(number, 1.0, 1) for number in range(50)]
    assert sum(pairs_by_hand(judge) == judge.best for judge in sure) > 40


def test_need_spends_a_budget_where_votes_are_open() -> None:
    asked = hundred(1)
    assert by_need(asked, 100) == (sum(one.votes[0] == "right" for one in asked), 100)
    assert by_need(asked, 5_000) == in_order(asked, 5_000)
    assert by_need(asked, 5_000)[1] == sum(by_hand(AHEAD_2, one, 9).calls for one in asked)
    assert by_need(asked, 200)[0] > in_order(asked, 200)[0] + 5


def test_the_bound_of_a_loss_is_that_of_clopper_and_pearson() -> None:
    assert greatest_share(0, 100, 0.9) == pytest.approx(1 - 0.1**0.01)
    assert greatest_share(0, 230, 0.9) == pytest.approx(0.00996, abs=1e-5)
    assert greatest_share(3, 3, 0.9) == 1.0
    losses = [[0] * 300, [1] * 30 + [0] * 270]
    assert tuned(losses, range(300), 0.02, tested=True) == 0
    assert tuned(losses, range(30), 0.02, tested=True) is None
    assert tuned([[0] * 10, [1] * 10, [0] * 10], range(10), 0.02, tested=False) == 2


def test_the_worst_cases_are_those_of_the_page() -> None:
    confidence, _, risk, _ = SURE
    assert stopped_wrong(confidence, 0.501, 40) == pytest.approx(0.207, abs=5e-4)
    assert stopped_wrong(confidence, 0.55, 40) == pytest.approx(0.109, abs=5e-4)
    assert stopped_wrong(risk, 0.501, 200) == pytest.approx(0.043, abs=5e-4)
    assert stopped_wrong(MAJORITY, 0.5, 3) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "name", few([name for name in SECTIONS if name != "sure"], "grades", "texts", "budgets", "tournaments")
)
def test_a_small_run_misses_no_goal(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    few = {
        "panels": 20,
        "cascades": 3_000,
        "grades": 1_500,
        "budgets": 1_500,
        "puzzles": 200,
        "texts": 80,
        "tournaments": 20,
    }
    words = ["--made", "--only", name, "--check", "--questions", str(few.get(name, 3_000))]
    assert votes.main(words) == 0
    assert "no goal is missed" in capsys.readouterr().out
