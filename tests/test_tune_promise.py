"""The promise of `flowrun tune`: its exact limits, the order of its tests, and its breaks on made ballots."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.eval.promise import Measured, judged, most_share, picked, rows_needed

FILE = Path(__file__).resolve().parent.parent / "benchmarks" / "tuned_promises.py"


@pytest.fixture(scope="module")
def bench() -> Any:
    spec = importlib.util.spec_from_file_location("tuned_promises", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mixes(bench: Any) -> list[tuple[str, list[Any]]]:
    return list(bench.mixes(11, 0.02))


def below(lost: int, rows: int, share: float) -> float:
    return sum(math.comb(rows, one) * share**one * (1 - share) ** (rows - one) for one in range(lost + 1))


@pytest.mark.parametrize(("lost", "rows", "sure"), [(0, 100, 0.9), (1, 30, 0.95), (7, 120, 0.9), (59, 60, 0.5)])
def test_the_limit_is_where_so_few_losses_are_just_as_rare(lost: int, rows: int, sure: float) -> None:
    assert below(lost, rows, most_share(lost, rows, sure)) == pytest.approx(1 - sure, rel=1e-6)


def test_the_limits_have_the_ends_that_are_known() -> None:
    assert most_share(0, 100, 0.9) == pytest.approx(1 - 0.1 ** (1 / 100))
    assert most_share(5, 5, 0.9) == 1.0 and most_share(0, 0, 0.9) == 1.0
    assert most_share(1000, 100_000, 0.9) == pytest.approx(0.01041, abs=2e-5)
    assert all(most_share(one, 50, 0.9) < most_share(one + 1, 50, 0.9) for one in range(50))


@pytest.mark.parametrize(
    ("lose", "sure", "rows"), [(0.01, 0.9, 230), (0.02, 0.9, 114), (0.05, 0.95, 59), (0.5, 0.5, 1)]
)
def test_the_fewest_rows_that_can_show_a_promise(lose: float, sure: float, rows: int) -> None:
    assert rows_needed(lose, sure) == rows
    assert most_share(0, rows, sure) <= lose and (rows == 1 or most_share(0, rows - 1, sure) > lose)


def test_the_rows_at_the_rate_that_was_seen() -> None:
    assert rows_needed(0.02, 0.9, 1, 100) == 333
    assert most_share(3, 333, 0.9) <= 0.02 < most_share(3, 332, 0.9)
    assert rows_needed(0.02, 0.9, 2, 100) is None
    assert 30_000 < (rows_needed(0.02, 0.9, 19, 1000) or 0) < 33_000
    assert rows_needed(0.02, 0.9, 1999, 100_000) is None


def setting(cost: float, *lost: int) -> Measured:
    return Measured(cost, [at not in lost for at in range(200)])


def test_the_tests_go_from_the_dearest_down_and_end_at_the_first_that_fails() -> None:
    found = [setting(1), setting(4), setting(2, 1, 2, 3, 4, 5, 6), setting(3, 7)]
    made = judged(found, 0.02, 0.9)
    assert [(one.place, one.lost, one.end) for one in made] == [
        (1, 0, "dearest"),
        (3, 1, "promised"),
        (2, 6, "open"),
        (0, 0, "untested"),
    ]
    assert picked(made).place == 3


def test_a_gain_makes_up_for_no_loss() -> None:
    dearest = Measured(2, [at > 20 for at in range(200)])
    cheap = Measured(1, [at < 190 for at in range(200)])
    assert judged([cheap, dearest], 0.02, 0.9)[1].lost == 10


def test_of_settings_that_cost_the_same_the_earlier_is_the_measure() -> None:
    found = [setting(1, 1), setting(1), setting(1)]
    made = judged(found, 0.02, 0.9)
    assert [one.place for one in made] == [0, 1, 2] and picked(made).place == 2
    assert picked(judged([setting(1)], 0.02, 0.9)).end == "dearest"


@pytest.mark.parametrize("place", range(9))
def test_a_promise_is_broken_in_at_most_a_tenth_of_the_splits(place: int, bench: Any, mixes: list[Any]) -> None:
    name, settings = mixes[place]
    assert bench.score(settings, bench.tune, 200, 0.02, 0.9, 500).broken <= 0.1, name
    if "above" in name or "same" in name:
        # The cheapest setting that lost few enough of the labels is no promise: the test can tell.
        assert bench.score(settings, bench.naive, 200, 0.02, 0.9, 40).broken > 0.4, name


def test_easy_questions_get_a_cheaper_setting(bench: Any) -> None:
    settings = bench.leads(bench.Random(3), bench.EASE)
    found = bench.score(settings, bench.tune, 300, 0.02, 0.9, 40)
    assert found.cost < 0.8 and found.broken == 0
