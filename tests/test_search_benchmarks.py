"""The sections of the simulator of votes for searches that are good enough, and for votes in haste."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import votes
from ballots import grades, haste


def test_a_result_that_is_good_enough_takes_the_calls_that_the_sums_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert votes.main(["--made", "--only", "grades", "--questions", "200", "--check"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("enough:")]
    assert len(rows) == 4
    # A higher bar brings better results for more calls.
    low, high = (float(rows[at].split("│")[1].split()[0]) for at in (0, 2))
    assert high > low


def test_the_replay_by_hand_takes_the_first_grade_that_reaches_the_bar() -> None:
    marks = [0.1, 0.8, 0.95, 0.99, *[0.0] * 6]
    assert grades.enough_by_hand(marks, 0.9, "cost") == (0.95, 3)
    assert grades.enough_by_hand(marks, 0.9, "latency") == (0.95, 4)
    assert grades.enough_by_hand(marks, 0.999, "cost") == (0.99, 10)


def test_a_replay_that_flowrun_does_not_follow_is_a_missed_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = grades.enough_by_hand
    monkeypatch.setattr(grades, "enough_by_hand", lambda marks, bar, launch: wrong(marks, bar + 0.05, launch))
    assert any("flowrun differs" in one for one in grades.grades(5, 10, 1))


def test_latency_is_never_slower_than_cost_by_more_than_chance(capsys: pytest.CaptureFixture[str]) -> None:
    assert votes.main(["--made", "--only", "haste", "--questions", "10", "--check"]) == 0
    assert capsys.readouterr().out.count("%") >= 1


def test_a_slower_latency_is_a_missed_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    # The two ways change their places, so the slower one stands for `latency`.
    ran, other = haste.ran, {"cost": "latency", "latency": "cost"}
    monkeypatch.setattr(haste, "ran", lambda launch, *rest: ran(other[launch], *rest))
    monkeypatch.setattr(haste, "PLACES", ((10, 32),))
    assert any("slower" in one for one in haste.haste(4, 1))
