"""Plans of flows that call flows, and their runs under a virtual clock with a model that answers from a script."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Script
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.errors import PermanentError
from flowrun.runtime.vocabulary.usage import Price

from . import harness

Json = Any
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


class Run(harness.Run):
    """A run whose model says again what it is asked. A token of an answer costs a dollar; questions are free."""

    def __init__(self, whole: plan.Plan, script: Script | None = None, **inputs: Json) -> None:
        models = {"fast": ModelValue("fast", "m", (("temperature", 0.5),))}
        super().__init__(
            whole,
            script or (lambda request, number: request.messages[-1].text),
            inputs=inputs,
            models=models,
            price=Price(0.0, 1.0),
        )

    @property
    def prompts(self) -> list[str]:
        """The questions, also of calls that ask again for an answer of another form."""
        return [request.messages[0].text for request in self.provider.calls]


SUMMARY = 'flow summary(note: text, tone: text = "dry") { draft = ask "{{ tone }} {{ note }}" return { draft, tone } }'
