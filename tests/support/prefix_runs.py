"""Runs on machines that keep prompts, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from flowrun.runtime.dispatch.endpoint import strands_of, window_of
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary import events as e
from flowrun.testing import VirtualLoop

from .harness import functions, planned
from .prefix_servers import Machine, OnMachine

ROWS = """type Row = { doc: text, q: text }
flow f(rows: [Row]) {
  all = map row in rows { ask "{{ row.doc }} Question: {{ row.q }}" } reduce collect
  return all
}"""


class PrefixRun:
    """A run of a flow on one machine. ``sent`` are the prompts in the order of sending."""

    def __init__(
        self,
        flow: str,
        inputs: Mapping[str, Any],
        machine: Machine,
        *,
        keeps: bool = True,
        limit: int | None = None,
        window: int | None = None,
        provider: OnMachine | None = None,
    ) -> None:
        self.machine = machine
        self.provider = provider or OnMachine(machine, keeps=keeps)
        self.limit = limit or machine.width
        self.flow, self.inputs, self.window = flow, inputs, window
        self.events: list[e.Event] = []
        self.outcome: Outcome
        self.seconds = 0.0

    def go(self) -> PrefixRun:
        loop = VirtualLoop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            self.outcome = runner.run(self._go())
            self.seconds = loop.now
        return self

    async def _go(self) -> Outcome:
        self.machine.__post_init__()
        endpoint = Endpoint(self.provider, Limiter(self.limit))
        plan = planned(self.flow)
        limits = plan.calls_limit, plan.money_limit
        context = Context({}, ModelValue("m", "m"), functions, *limits, strands=strands_of({"m": endpoint}))
        state = State(plan, self.inputs, context, self.window or window_of([endpoint]))
        self.scheduler = Scheduler(state, {"m": endpoint}, self.events.append)
        try:
            return await self.scheduler.run()
        finally:
            await endpoint.close()

    @property
    def sent(self) -> list[str]:
        return self.machine.prompts


def rows(docs: int, questions: int, size: int = 3000) -> list[dict[str, str]]:
    """Make rows whose documents repeat, each question with every document in turn."""
    texts = [(f"Document {number}. " + f"Word {number} of it. " * size)[:size] for number in range(docs)]
    return [{"doc": texts[at % docs], "q": f"number {at}?"} for at in range(docs * questions)]


def results(run: PrefixRun) -> Sequence[Any]:
    assert run.outcome.complete, run.outcome.failures
    found: Sequence[Any] = run.outcome.value
    return found
