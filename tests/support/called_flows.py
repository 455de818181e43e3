"""Plans of flows that call flows, and their runs under a virtual clock with a model that answers from a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import looptime

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.budget import Price
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
from flowrun.runtime.vocabulary.errors import PermanentError

Json = Any
Script = Callable[[Request, int], Scripted | str]
BROKEN = PermanentError("the key is wrong")


# Plans with calls: a record `{ flow: "name", args: { … } }` of the text stands for a call of that flow


def made(text: str) -> plan.Plan:
    return make_plan(check_flow(Source(text), catalog()))


def calling(step: plan.Step) -> plan.Step:
    match step.node:
        case plan.Value(plan.RecordOf((plan.Entry("flow", plan.Constant(str(name))), plan.Entry(_, given)))):
            assert isinstance(given, plan.RecordOf)
            return replace(step, node=plan.FlowCall(name, {one.name or "": one.value for one in given.entries}))
        case plan.Chain(body) | plan.Map(body=body) | plan.Repeat(body=body) | plan.Fanout(body=body):
            inner = replace(body, steps=tuple(map(calling, body.steps)))
            return replace(step, node=replace(step.node, body=inner))
    return step


def program(text: str, **flows: str) -> plan.Plan:
    """A plan of a main flow and of those that it calls, by their names."""
    main = made(text)
    called = {name: flow_of(made(one)) for name, one in flows.items()}
    whole = replace(main, steps=tuple(map(calling, main.steps)), flows=called)
    verify(plan.from_json(plan.to_json(whole)))
    return whole


def voting(whole: plan.Plan) -> plan.Plan:
    """The plan with its first step's results voted on: what stands for a call has no type to vote on."""
    step = whole.steps[0]
    assert isinstance(step.node, plan.Repeat)
    node = replace(step.node, reduce=replace(step.node.reduce, rule="majority"))
    return replace(whole, steps=(replace(step, node=node), *whole.steps[1:]))


def flow_of(one: plan.Plan) -> plan.Flow:
    return plan.Flow(one.params, tuple(map(calling, one.steps)), one.result, one.type, one.calls_limit)


class Run:
    """A plan and a scripted provider, run in virtual time."""

    def __init__(self, whole: plan.Plan, script: Script | None = None, **inputs: Json) -> None:
        def functions(name: str, args: Any, tally: Any) -> Json:
            return FUNCTIONS[name].call(args, World(tally))

        models = {"fast": ModelValue("fast", "m", (("temperature", 0.5),))}
        # A dollar for each token of an answer; questions are free.
        price = Price(0.0, 1.0)
        context = Context(
            models, ModelValue("m", "m"), functions, whole.calls_limit, whole.money_limit, lambda _: price
        )
        self.state = State(whole, inputs, context)
        self.provider = ScriptedProvider(script or (lambda request, number: request.messages[-1].text))
        self.events: list[e.Event] = []
        self.left: set[Any] = set()

    def go(self, cancel_at: float | None = None) -> Outcome:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            return runner.run(self._go(cancel_at))

    async def _go(self, cancel_at: float | None) -> Outcome:
        endpoint = Endpoint(self.provider, Limiter(64))
        run = asyncio.ensure_future(Scheduler(self.state, {"m": endpoint}, self.events.append).run())
        try:
            if cancel_at is not None:
                await asyncio.sleep(cancel_at)
                run.cancel()
            return await run
        finally:
            await endpoint.close()
            self.left = asyncio.all_tasks() - {asyncio.current_task(), run}

    @property
    def prompts(self) -> list[str]:
        return [request.messages[0].text for request in self.provider.calls]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


SUMMARY = 'flow summary(note: text, tone: text = "dry") { draft = ask "{{ tone }} {{ note }}" return { draft, tone } }'
