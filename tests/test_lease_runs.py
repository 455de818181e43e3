"""Several runs of one loop that share the budget and the places of an endpoint, as processes of one run do."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from flowrun.runtime.costs.lease_book import BudgetBook, LeaseBook
from flowrun.runtime.dispatch.endpoint import Endpoint
from flowrun.runtime.dispatch.leases import LeaseDesk, Leases, share_closings
from flowrun.runtime.dispatch.scheduler import Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.providers.scripted import Script, Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.errors import EndpointError
from flowrun.runtime.vocabulary.usage import Price
from support.harness import functions, planned
from support.leased import AT, Pipe, delays, virtually

FLOW = """
flow f(items: [text]) budget {budget} {{
  m = map e in items {{ a = ask "{{{{ e }}}}" with max_tokens: 100 }} reduce collect with errors: skip
  return m
}}
"""
PRICE = Price(1e-6, 1e-4)


class Part(Scheduler):
    """The scheduler of one of the runs."""

    def granted(self) -> None:
        self.catch_up()
        self._act(self.state.granted())

    @property
    def sender(self) -> Any:
        return self._dispatcher


class Parts:
    """Runs of one flow, each over a part of the elements. ``asked`` counts the requests, ``peak`` those in flight."""

    def __init__(self, budget: str, elements: list[int], script: Script, delay: float) -> None:
        self.plan = planned(FLOW.format(budget=budget))
        self.elements, self.script = elements, script
        self.delay = delay
        self.asked = self.open = self.peak = 0

    async def run(self, limit: int) -> list[Outcome]:
        limits = self.plan.calls_limit, self.plan.money_limit
        self.book = LeaseBook(BudgetBook(*limits))
        desk = LeaseDesk(self.book)
        self.providers = []
        runs = []
        for number, count in enumerate(self.elements):
            up = Pipe(delays(0, self.delay, number), partial(desk.take, number))
            leases = Leases(up.send, len(self.elements))
            desk.join(number, Pipe(delays(0, self.delay, -number), leases.take).send)
            provider = ScriptedProvider(self.script)
            self.providers.append(provider)
            endpoint = Endpoint(provider, leases.limiter(AT, limit))
            ledger = leases.budget(*limits)
            model = ModelValue("m", "m")
            context = Context({}, model, functions, *limits, lambda address: PRICE, ledger=ledger)
            items = [f"{number}-{one}" for one in range(count)]
            part = Part(State(self.plan, {"items": items}, context), {"m": endpoint}, lambda event: None)
            leases.granted = part.granted
            share_closings(leases, part.sender, str, lambda said: EndpointError(str(said)))
            runs.append(self._one(part, leases, endpoint))
        found = await asyncio.gather(*runs)
        await asyncio.sleep(5)
        desk.close()
        return found

    async def _one(self, part: Part, leases: Leases, endpoint: Endpoint) -> Outcome:
        try:
            return await part.run()
        finally:
            leases.close()
            await endpoint.close()


def answers(outcomes: list[Outcome]) -> int:
    return sum(len(one.value) for one in outcomes if isinstance(one.value, list))


@pytest.mark.parametrize("elements", [[40, 40], [5, 60, 1, 30]])
@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_a_budget_of_calls_is_spent_to_the_last_call(elements: list[int], delay: float) -> None:
    parts = Parts("50 calls", elements, lambda request, number: "fine", delay)
    outcomes = virtually(parts.run(8))
    assert sum(len(one.calls) for one in parts.providers) == 50
    assert answers(outcomes) == 50
    lost = [loss.reason for one in outcomes for loss in one.losses]
    assert len(lost) == sum(elements) - 50
    assert all("the flow's budget of 50 calls is spent" in one for one in lost)


@pytest.mark.parametrize("elements", [[40, 40], [5, 60, 1, 30]])
@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_a_budget_of_money_takes_all_calls_that_fit(elements: list[int], delay: float) -> None:
    # Each call is reserved at more than a cent and costs far less.
    parts = Parts("$0.05", elements, lambda request, number: "fine", delay)
    outcomes = virtually(parts.run(8))
    spent = parts.book.budget.money.spent
    assert spent <= 0.05
    whole = sum(elements)
    lost = [loss.reason for one in outcomes for loss in one.losses]
    assert answers(outcomes) + len(lost) == whole
    assert all("the flow's budget of $0.05 has" in one for one in lost)
    assert not lost or spent > 0.05 - 0.0102
    assert all(abs(held) < 1e-9 for held in parts.book.budget.money.held.values())


def test_an_endpoint_that_one_run_finds_closed_is_asked_by_no_other() -> None:
    def script(request: Any, number: int) -> Any:
        return Scripted(EndpointError("the key is refused"), 0.05)

    parts = Parts("1000 calls", [30, 30, 30], script, 0.01)
    outcomes = virtually(parts.run(3))
    assert answers(outcomes) == 0
    asked = sum(len(one.calls) for one in parts.providers)
    assert asked <= 6, asked
    assert all("the key is refused" in loss.reason for one in outcomes for loss in one.losses)
