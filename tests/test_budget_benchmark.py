"""The benchmark of a budget over many votes: its goal, and the figures that the page of budgets quotes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from support.few_cases import few

ROOT = Path(__file__).resolve().parent.parent
SEEDS = 5


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("votes_budget", ROOT / "benchmarks" / "votes_budget.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("budget", few([100, 200, 300], 200))
def test_the_page_quotes_the_figures_of_the_benchmark(benchmark: ModuleType, budget: int) -> None:
    right = served = threes = 0
    for seed in range(SEEDS):
        ballots = benchmark.eased(seed, 100)
        ran = benchmark.run(ballots, "ahead(2, undecided: first)", "1..9", 16, seed, budget)
        assert len(ran.provider.calls) <= budget
        right += sum(one == "a" for one in ran.outcome.value)
        served += benchmark.served(ballots, budget, 2)
        threes += benchmark.served(ballots, budget, 4, 3)
    page = (ROOT / "docs" / "budgets.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| {budget} calls \| (.*) \|$", page, re.MULTILINE)
    assert row.split(" | ") == [f"{one / SEEDS:.1f}" for one in (right, served, threes)]
    if budget == 200:
        assert right / SEEDS >= 85
