"""Budgets below the least that a flow makes: the checker and the run refuse them, and no run that could succeed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.runtime.api import Result, RunOptions, resume_async, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.session.loading import load, plan_of
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError, UsageError
from support.oracle import Oracle
from support.random_checks import Trial
from support.random_runs import Servers

FOUR = """flow four(x: text) {
  a = ask "a {{ x }}"
  b = ask "b {{ a }}"
  c = ask "c {{ b }}"
  d = ask "d {{ c }}"
  return d
}
"""
Go = Callable[..., Any]


def refusals(text: str) -> list[Diagnostic]:
    try:
        check_flow(Source(text, "a.flow"), catalog())
    except FlowError as error:
        return [one for one in error.diagnostics if one.severity == "error"]
    return []


@pytest.mark.parametrize(("limit", "told"), [(3, ["F0365"]), (4, []), (400, [])])
def test_the_checker_compares_with_the_least(limit: int, told: list[str]) -> None:
    found = refusals(FOUR.replace("(x: text)", f"(x: text) budget $2, {limit} calls"))
    assert [one.code for one in found] == told
    if told:
        assert found[0].span.text == "3"
        assert found[0].message == "this flow makes at least 4 calls, and its budget allows 3"


SPARING = (
    'm = map y in ["a", "b", "c"] { ask "{{ y }}" } reduce collect with errors: skip',
    'm = map y in ["a", "b", "c"] { inner(x: y) } reduce collect with errors: none',
    'm = fanout { a = chain { i = ask "i" ask "{{ i }}" } b = ask "b" } reduce first',
    'm = ask "a" when x == "never" else "b"',
    'm = repeat 2 { ask "Best first?" -> [yes | no] } reduce ranked',
    "m = map y in xs { inner(x: y) } reduce collect",
    'm = split(x, by: line)\n  n = map y in m { ask "{{ y }}" } reduce collect',
)


@pytest.mark.parametrize("step", SPARING)
def test_what_may_be_spared_is_not_counted(step: str) -> None:
    inner = 'flow inner(x: text) { i = ask "{{ x }}" return i }\n'
    assert refusals(f"{inner}flow f(x: text, xs: [text]) budget 1 calls {{\n  {step}\n  return m\n}}\n") == []


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15)
def test_a_refused_budget_is_below_every_run(seed: int) -> None:
    """A run of a flow whose budget is refused makes more calls than the budget allows."""
    trial = Trial.drawn(seed)
    limit = trial.dice.randint(1, 6)
    budgeted, found = re.subn(r"(flow f\([^)]*\)).*?\{", rf"\1 budget {limit} calls {{", trial.text, count=1)
    assert found
    told = [one for one in refusals(budgeted) if one.code == "F0365"]
    servers = Servers(Oracle(seed), trial.dice)
    outcome = trial.run(servers).outcome
    if told and outcome.complete and not outcome.failures:
        assert servers.calls > limit


# Runs


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider(lambda request, number: f"<{request.messages[-1].text}>")


@pytest.fixture
def go(tmp_path: Path, provider: ScriptedProvider) -> Go:
    path = tmp_path / "four.flow"
    path.write_text(FOUR)

    async def run(budget: Budget | None, journal: Path | None = None, **more: Any) -> Result:
        plan = plan_of(load(path))
        return await run_async(
            plan,
            {"x": "x"},
            options=RunOptions(
                opener=lambda address, around: provider, environ={}, budget=budget, journal=journal, **more
            ),
        )

    return run


async def test_a_run_below_the_least_sends_nothing(go: Go, provider: ScriptedProvider) -> None:
    with pytest.raises(UsageError, match="this flow makes at least 4 calls, and its budget allows 3"):
        await go(Budget(3))
    assert provider.calls == []
    assert (await go(Budget(4))).ok


async def test_answers_of_the_journal_cost_nothing(go: Go, provider: ScriptedProvider, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    assert (await go(None, journal)).ok
    assert (await go(Budget(1), journal)).ok
    assert len(provider.calls) == 4
    with pytest.raises(UsageError, match="at least 4 calls, and its budget allows 3"):
        await go(Budget(3), journal, fresh=True)
    assert len(provider.calls) == 4


async def test_a_resume_compares_with_what_the_journal_lacks(go: Go, tmp_path: Path) -> None:
    def script(request: Request, number: int) -> Scripted | str:
        return Scripted(PermanentError("the key is wrong")) if number == 2 else f"<{request.messages[-1].text}>"

    failing = ScriptedProvider(script)
    journal = tmp_path / "j.db"
    opener = lambda address, around: failing  # noqa: E731
    first = await run_async(
        plan_of(load(tmp_path / "four.flow")),
        {"x": "x"},
        options=RunOptions(opener=opener, environ={}, journal=journal),
    )
    assert not first.ok
    sent = len(failing.calls)
    with pytest.raises(UsageError, match=r"at most 2 of their answers\), and its budget allows 3, of which"):
        await resume_async("last", journal, options=RunOptions(opener=opener, environ={}, budget=Budget(3)))
    assert len(failing.calls) == sent
    assert (await resume_async("last", journal, options=RunOptions(opener=opener, environ={}, budget=Budget(9)))).ok
