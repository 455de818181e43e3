"""Runs with a scripted model: of a plan in virtual time, and by the door that users take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Script, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.usage import Price
from flowrun.testing import VirtualLoop

from .wall_clock import within

Json = Any
LONGEST = 120.0
"""The most real seconds of a run in virtual time."""
Opener = Callable[[str, Any], ScriptedProvider]


def scripted(script: Script) -> Opener:
    """Make an opener of providers, one for each model, that answer from one script."""
    return lambda model, around: ScriptedProvider(script, model=model)


@lru_cache(maxsize=256)
def planned(text: str) -> plan.Plan:
    """Check and plan a flow, once for all runs of it."""
    made = make_plan(check_flow(Source(text), catalog()))
    verify(made)
    return made


def functions(name: str, args: Any, tally: Any) -> Json:
    """Call a function of the language that reads no file."""
    return FUNCTIONS[name].call(args, World(tally))


class Run:
    """A plan, or the text of a flow, with a scripted model, in virtual time; and all that was said and left behind.

    ``at`` holds the time of each event. ``price`` is the price of every model; without one, nothing has a price.
    """

    loop: VirtualLoop
    outcome: Outcome
    seconds: float

    def __init__(
        self,
        flow: plan.Plan | str,
        script: Script | None = None,
        *,
        inputs: Mapping[str, Json] | None = None,
        limit: int = 64,
        models: Mapping[str, ModelValue] | None = None,
        price: Price | None = None,
        window: int = 256,
        **options: Any,
    ) -> None:
        flow = planned(flow) if isinstance(flow, str) else flow
        limits = flow.calls_limit, flow.money_limit
        context = Context(models or {}, ModelValue("m", "m"), functions, *limits, lambda address: price)
        self.state = State(flow, inputs or {}, context, window)
        self.provider: Any = ScriptedProvider(script or (lambda request, number: "x"), **options)
        self.limit = limit
        self.events: list[e.Event] = []
        self.at: list[float] = []
        self.publish: Callable[[e.Event], None] = self._publish
        self.left: set[Any] = set()

    def go(self, cancel_at: float | None = None) -> Outcome:
        self.loop = VirtualLoop()
        with within(LONGEST), asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            self.outcome = runner.run(self._go(cancel_at))
        return self.outcome

    async def _go(self, cancel_at: float | None) -> Outcome:
        self.endpoint = Endpoint(self.provider, Limiter(self.limit))
        self.scheduler = Scheduler(self.state, {"m": self.endpoint}, self.publish)
        run = asyncio.ensure_future(self.scheduler.run())
        try:
            if cancel_at is not None:
                await asyncio.sleep(cancel_at)
                run.cancel()
            return await run
        finally:
            self.seconds = self.loop.now
            await self.endpoint.close()
            self.left = asyncio.all_tasks() - {asyncio.current_task(), run}

    def _publish(self, event: e.Event) -> None:
        self.events.append(event)
        self.at.append(self.loop.now)

    @property
    def prompts(self) -> list[str]:
        return [request.messages[-1].text for request in self.provider.calls]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def stage(
    flow: plan.Plan | str,
    script: Script,
    inputs: Mapping[str, Json] | None = None,
    *,
    limit: int = 10**6,
    samples: int = 1,
    provider: ScriptedProvider | None = None,
    models: Mapping[str, ModelValue] | None = None,
) -> Run:
    """Run a flow to its end, with room for all its requests at once. Fail the test if it leaves any of them open."""
    run = Run(flow, script, inputs=inputs, limit=limit, models=models, window=10**6, samples=samples)
    run.provider = provider or run.provider
    run.go()
    assert not run.scheduler.busy
    assert not run.left
    assert run.provider.open == 0, "a request is left open"
    return run
