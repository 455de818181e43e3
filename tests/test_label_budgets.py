"""Budgets as a road: an element that makes more calls takes those of others, where a block goes on without them."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun.dsl.bounds.bounds import bounds_of
from flowrun.dsl.labels import labels as analysis
from flowrun.dsl.labels.budgets import Asks
from flowrun.runtime.catalog import catalog
from support.poisoned import Poisoned
from support.reaches import labels, told

TWO = """
flow f(items: untrusted [text]){budget} {{
  x = map e in items where e != "b" at most 9 {{ y = ask "y| {{{{ e }}}}" with retries: 0 }} reduce collect
  z = map n in ["k", "l", "m"] {{ w = ask "w|" with retries: 0 after x }} reduce collect with errors: {errors}
  r = ask "r| {{{{ z | length }}}}" when length(z) > 9
  return 1
}}
"""
ITEMS = ["alpha", "beta", "gamma", "delta"]


def two(budget: str = "", errors: str = "skip") -> str:
    return TWO.format(budget=budget, errors=errors)


@pytest.mark.parametrize("errors", ["skip", "none", "skip(90%)"])
@pytest.mark.parametrize("budget", [" budget 5 calls", " budget $2", " budget $2, 100 calls"])
def test_an_element_can_spend_the_calls_of_others(budget: str, errors: str) -> None:
    found = labels(two(budget, errors))
    assert told(found, "w.ended") == "items joined 1.0 by control"
    assert "items" in told(found, "z.value")
    assert found.scarce == {""}


def test_a_budget_that_lasts_changes_nothing() -> None:
    """The flow makes at most 30 attempts that may be paid for, as `plan` counts them."""
    lasting, short = labels(two(" budget 30 calls")), labels(two(" budget 29 calls"))
    assert told(lasting, "w.ended") == told(labels(two()), "w.ended") == ""
    assert (lasting.scarce, short.scarce) == (frozenset(), {""})
    assert told(short, "w.ended")


def test_a_budget_ends_the_run_where_no_block_goes_on() -> None:
    found = labels(two(" budget 5 calls", "fail"))
    assert found.scarce == {""}
    assert told(found, "w.ended") == ""


PART = """
flow part(x: text, n: text) budget 4 calls {
  p = map k in [x, n, "k", "l"] { q = ask "q| {{ k }}" } reduce collect with errors: skip
  return p
}
flow f(items: untrusted [text]) {
  a = map e in items at most 9 { part(e, "n") } reduce collect
  b = map k in ["k", "l"] { ask "s| {{ k }}" } reduce collect with errors: skip
  return 1
}
"""


def test_the_budget_of_a_called_flow_ends_its_own_requests_alone() -> None:
    found = labels(PART)
    assert len(found.scarce) == 1
    assert told(found, "part/q.ended") == "items joined 1.0 by control"
    assert told(found, "#2.ended") == ""


@pytest.mark.parametrize("number", range(4, 9))
def test_requests_that_a_budget_ends_are_in_the_reach(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = two(f" budget {number} calls")
    assert not Poisoned(text, {"items": ITEMS}, 1).broken()

    def lasts(*given: Any) -> frozenset[str]:
        return frozenset()

    monkeypatch.setattr(analysis, "scarce", lasts)
    broken = Poisoned(text, {"items": ITEMS}, 1).broken()
    # With seven calls there are enough for all, and with four none is left for `w`, unless an element is left out.
    assert bool(broken) == (number < 7), broken


def test_the_quick_count_is_never_above_the_bounds() -> None:
    counted = 0
    for seed in range(25):
        for trial in (Poisoned.drawn(seed), Poisoned.failing(seed), Poisoned.silent(seed)):
            if trial is None:
                continue
            most = bounds_of(trial.plan, catalog().reducers).attempts.most
            number = Asks(trial.plan).of("")
            assert most is None or number <= most, f"seed {trial.seed}\n{trial.text}"
            counted += number > 0 and most is not None
    assert counted
