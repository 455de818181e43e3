"""Failures, doubts, hang-ups and kills at random: the budget, the journal and the report, held to the server's bill."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from support.bank import MODEL, Bank, charged, history, keys, stretch
from support.by_hand import Reference, latency
from support.random_flows import MANY, Writer
from support.written import read_journal

SEEDS = st.integers(0, 2**32 - 1)
RANDOM = settings(max_examples=2, suppress_health_check=list(HealthCheck), database=None)
SLOW = settings(RANDOM, max_examples=MANY // 10)


def planned(text: str) -> p.Plan:
    note(text)
    return make_plan(check_flow(Source(text), catalog()))


def random_run(rng: random.Random) -> tuple[p.Plan, dict[str, Any]]:
    text = Writer(rng, rng.randint(1, 5), votes=rng.random() < 0.5).flow()
    inputs = {"items": rng.choices("abcde", k=rng.randint(0, 4)), "p0": rng.random() < 0.5, "p1": rng.random() < 0.5}
    return planned(f'model m = "openai:m" {MODEL}\n{text}'), inputs


MANY_CALLS = (
    """flow f(items: [text]) {
      out = map x in items { ask m "Say {{ x }}" {hedge} } reduce collect with errors: skip
      return out
    }""",
    """flow f(items: [text]) {
      out = map x in items {
        kind = repeat 3..6 { ask m "Kind of {{ x }}" -> A | B | C } reduce majority with launch: {launch}
        ask m "Why is {{ x }} {{ kind }}?" {hedge}
      } reduce by 3 ask m "Sum up {{ results }}" with errors: skip
      return out
    }""",
    """flow inner(x: text) budget {nested} {
      first = ask m "First {{ x }}" {hedge}
      votes = repeat 4 { ask m "Then {{ first }}" -> A | B | C } reduce majority with launch: {launch}
      return { first, votes }
    }
    flow f(items: [text]) {
      out = map x in items { inner(x) } reduce collect with errors: skip
      return out
    }""",
    """flow f(items: [text]) {
      out = map x in items { fanout { a = ask m "A {{ x }}" b = ask m "B {{ x }}" } reduce first } reduce collect
      return out
    }""",
)
"""Flows of many calls: of equal elements, hedged, voted on, in called flows with budgets, and raced."""


def many_calls(rng: random.Random) -> tuple[p.Plan, dict[str, Any]]:
    text = rng.choice(MANY_CALLS)
    nested = rng.choice(["4 calls", "6 calls", "$0.02", "$0.006, 9 calls"])
    launch = rng.choice(["cost", "latency", "together"])
    hedge = rng.choice(["", "", "with hedge: p75"])
    text = text.replace("{nested}", nested).replace("{launch}", launch).replace("{hedge}", hedge)
    width = f", concurrency: {rng.choice([1, 4, 30])}" + rng.choice(["", ", temperature: 0.5"])
    items = rng.choices([f"thing {number}" for number in range(rng.choice([5, 40]))], k=rng.randint(5, 40))
    return planned(f'model m = "openai:m" {MODEL}{width}\n{text}'), {"items": items}


def check_account(bank: Bank, journal: Path, plan: p.Plan, budget: Budget | None) -> None:
    """What the server billed, what the journal says and what was allowed, in this order."""
    past = history(journal)
    account = past.account
    assert bank.dollars <= charged(account) * (1 + 1e-9)
    assert bank.calls <= account.calls
    assert bank.requests <= account.requests
    if budget is not None and budget.money is not None:
        assert charged(account) <= budget.money * (1 + 1e-9)
    if budget is not None and budget.calls is not None:
        assert account.calls <= budget.calls
    # Each called flow keeps to the budget of its own.
    flow = plan.flows.get("inner")
    if flow is None:
        return
    for number in range(40):
        calls, dollars = past.within(f"out[{number}].line 8")
        assert flow.calls_limit is None or calls <= flow.calls_limit
        assert flow.money_limit is None or dollars <= flow.money_limit * (1 + 1e-9)


def check_run(seed: int, folder: Path, make: Callable[[random.Random], tuple[p.Plan, dict[str, Any]]]) -> None:
    rng = random.Random(seed)
    random.seed(seed)
    plan, inputs = make(rng)
    journal = folder / f"{seed}.db"
    bank = Bank(rng, samples=rng.choice([1, 1, 4]), rate=rng.choice([0.0, 0.1, 0.4]), attempts=rng.randint(1, 3))
    budget = Budget(rng.choice([None, rng.randint(1, 60)]), rng.choice([None, rng.uniform(0.005, 0.1)]))
    first = True
    for _ in range(rng.randint(1, 6)):
        answered = Counter() if first else keys(journal, "answer")
        kill = rng.choice([None, rng.randint(3, 150)])
        ran = stretch(journal, bank, budget, plan=plan if first else None, values=inputs, kill_turn=kill)
        if ran.result is None and not begun(journal):
            continue
        first = False
        check_account(bank, journal, plan, budget)
        assert not bank.asked_when_closed
        # Each answer that was paid before is used where it is wanted, and used once.
        for key, wanted in ran.sought.items():
            assert ran.recalled[key] == min(wanted, answered[key])
        if ran.result is not None:
            account, kept = ran.result.summary.whole, history(journal).account
            account.price = kept.price = None
            assert figures(account) == figures(kept)
            if budget.money is not None:
                assert ran.result.spent == pytest.approx(charged(kept), rel=1e-9)
    if first:
        return
    # With money enough and a server that is well it comes to what it would have come to undisturbed.
    bank.rate = 0.0
    for _ in range(8):
        ran = stretch(journal, bank, Budget(10_000, 1_000.0))
        check_account(bank, journal, plan, None)
    assert ran.result is not None
    quiet = ran.result.outcome.complete and not ran.result.outcome.losses and not ran.result.outcome.tallies
    if make is random_run and quiet:
        assert ran.result.value == Reference(inputs, latency("")).run(plan)[0]
    # A run that is done costs nothing more.
    spent = bank.dollars
    if ran.result.ok:
        stretch(journal, bank)
        assert bank.dollars == spent


def begun(journal: Path) -> bool:
    return bool(read_journal(journal).runs)


def figures(account: Any) -> dict[str, Any]:
    names = "sent answered spoilt refused cancelled uncounted input_tokens output_tokens unbilled".split()
    uses = {model: [getattr(use, name) for name in names] for model, use in account.models.items()}
    return {"requests": account.requests, **uses}


FLOWS = pytest.mark.parametrize("make", [random_run, many_calls])


@FLOWS
@RANDOM
@given(SEEDS)
def test_no_run_spends_more_than_its_budget_whatever_is_killed_when(
    tmp_path_factory: pytest.TempPathFactory, make: Any, seed: int
) -> None:
    check_run(seed, tmp_path_factory.mktemp("money"), make)


@pytest.mark.slow
@FLOWS
@SLOW
@given(SEEDS)
def test_no_run_spends_more_than_its_budget_many_times(
    tmp_path_factory: pytest.TempPathFactory, make: Any, seed: int
) -> None:
    check_run(seed, tmp_path_factory.mktemp("money"), make)
