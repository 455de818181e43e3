"""Runs of a flow through the real scheduler under a virtual clock, with a model that answers from a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request

from .virtual_clock import VirtualLoop

Json = Any


@dataclass
class Staged:
    outcome: Outcome
    events: list[e.Event]
    provider: ScriptedProvider
    seconds: float
    at: list[float]
    """The time of each event."""

    @property
    def prompts(self) -> list[str]:
        return [call.messages[-1].text for call in self.provider.calls]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def stage(
    text: str,
    script: Callable[[Request, int], Scripted | str],
    inputs: dict[str, Json] | None = None,
    *,
    limit: int = 10**6,
    samples: int = 1,
    provider: ScriptedProvider | None = None,
) -> Staged:
    plan = make_plan(check_flow(Source(text), catalog()))
    verify(plan)
    provider = provider or ScriptedProvider(script, samples=samples)
    events: list[e.Event] = []
    at: list[float] = []

    def functions(name: str, args: Any, tally: Any) -> Json:
        return FUNCTIONS[name].call(args, World(tally))

    state = State(plan, inputs or {}, Context({}, ModelValue("m", "m"), functions), window=10**6)
    loop = VirtualLoop()

    def publish(event: e.Event) -> None:
        events.append(event)
        at.append(loop.now)

    scheduler = Scheduler(state, {"m": Endpoint(provider, Limiter(limit))}, publish)
    try:
        outcome = loop.run_until_complete(scheduler.run())
    finally:
        loop.close()
    assert not scheduler.busy
    assert provider.open == 0, "a request is left open"
    return Staged(outcome, events, provider, loop.now, at)
