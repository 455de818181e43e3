"""Flows with a scripted provider, run in virtual time, with all that the scheduler said and left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import looptime
from hypothesis import HealthCheck, settings

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError

Json = Any
Script = Callable[[Request, int], Scripted | str]
QUICK = settings(max_examples=150, suppress_health_check=list(HealthCheck), database=None)


def state_of(text: str, inputs: dict[str, Json] | None = None) -> State:
    def functions(name: str, args: Any, tally: Any) -> Json:
        return FUNCTIONS[name].call(args, World(tally))

    flow = make_plan(check_flow(Source(text), catalog()))
    return State(flow, inputs or {}, Context({}, ModelValue("m", "m"), functions))


class Run:
    """A flow and a scripted provider, run in virtual time."""

    def __init__(
        self,
        text: str,
        script: Script | None,
        *,
        inputs: dict[str, Json] | None = None,
        limit: int = 64,
        **options: Any,
    ) -> None:
        self.state = state_of(text, inputs)
        self.provider: Any = ScriptedProvider(script or (lambda request, number: "x"), **options)
        self.limit = limit
        self.events: list[e.Event] = []
        self.publish: Callable[[e.Event], None] = self.events.append
        self.left: set[Any] = set()

    def go(self, cancel_at: float | None = None) -> Outcome:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            return runner.run(self._go(cancel_at))

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
            await self.endpoint.close()
            self.left = asyncio.all_tasks() - {asyncio.current_task(), run}
            self.seconds = asyncio.get_running_loop().time()

    @property
    def prompts(self) -> list[str]:
        return [request.messages[-1].text for request in self.provider.calls]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def by_prompt(replies: dict[str, str | Exception], seconds: float = 1.0) -> Script:
    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(next((value for key, value in replies.items() if key in prompt), "x"), seconds)  # type: ignore[arg-type]

    return script


BROKEN = PermanentError("the key is wrong")
