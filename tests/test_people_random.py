"""Random flows in which people answer some of the asks: they come to the same value, and within their bounds."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from flowrun.dsl import FlowError, plan, types
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.question import AskPerson, LeftOpenError, OpenQuestionsError, Question
from support.few_cases import few
from support.oracle import Form, Oracle
from support.random_checks import Trial, agree
from support.random_runs import HERE, Ran, Servers, run, shuffled


class Swap:
    """The exchange of some asks of a plan for asks of people."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.count = 0

    def of(self, whole: plan.Plan) -> plan.Plan:
        flows = {name: replace(one, steps=self.steps(one.steps)) for name, one in whole.flows.items()}
        return replace(whole, steps=self.steps(whole.steps), flows=flows)

    def steps(self, steps: tuple[plan.Step, ...]) -> tuple[plan.Step, ...]:
        return tuple(self.step(step) for step in steps)

    def step(self, step: plan.Step) -> plan.Step:
        node = step.node
        if isinstance(node, plan.Ask):
            bare = "seed" not in step.options
            swapped = self.ask(node) if bare else node
            return step if swapped is node else replace(step, node=swapped, options={})
        if isinstance(node, plan.Value | plan.FlowCall | plan.ExternCall):
            return step
        node = replace(node, body=replace(node.body, steps=self.steps(node.body.steps)))
        if (
            isinstance(node, plan.Map | plan.Repeat | plan.Fanout)
            and not node.reduce.options
            and node.reduce.ask is not None
        ):
            node = replace(node, reduce=replace(node.reduce, ask=self.ask(node.reduce.ask)))
        return replace(step, node=node)

    def ask(self, ask: plan.Ask) -> plan.Ask:
        if ask.check is not None or len(ask.messages) > 1 or ask.messages[0].role != "user" or self.dice.random() < 0.2:
            return ask
        self.count += 1
        return replace(ask, person=True, model=None)


def person(oracle: Oracle, dice: random.Random, open_: float = 0.0) -> AskPerson:
    async def answer(question: Question) -> str:
        await asyncio.sleep(dice.randint(1, 200) / 64)
        if dice.random() < open_:
            raise LeftOpenError
        choices = question.type.options if isinstance(question.type, types.Choice) else ()
        schema = None if choices or question.type == types.TEXT else types.json_schema(question.type)
        form = Form(choices, schema)
        value = oracle.says(((("user", question.text),), None), form)
        return value if choices or schema is None else json.dumps(value)

    return answer


CHUNK = 100


def trials(chunk: int) -> Any:
    for seed in range(chunk * CHUNK, chunk * CHUNK + CHUNK):
        trial = Trial.drawn(seed)
        try:
            whole = trial.plan
        except FlowError:
            continue
        swap = Swap(trial.dice)
        swapped = swap.of(whole)
        if swap.count:
            verify(swapped)
            assert plan.from_json(plan.to_json(swapped)) == swapped
            yield trial, swapped


def people_asked(ran: Ran) -> int:
    return sum(isinstance(one, e.RequestFinished) and one.number < 0 for one in ran.events)


@pytest.mark.parametrize("chunk", few(range(300 // CHUNK), 0))
def test_people_answer_as_models_do(chunk: int) -> None:
    seen = 0
    for trial, swapped in trials(chunk):
        oracle = Oracle(trial.seed)
        ran = run(swapped, trial.inputs, Servers(oracle, trial.dice, shuffled), person=person(oracle, trial.dice))
        agree(trial.meaning(oracle), ran)
        known: tuple[Any, ...] = (trial.inputs, {})
        for inputs in known:
            bounds = estimate_plan(swapped, inputs, HERE, model="m", environ={})
            assert bounds.calls.most is None or ran.servers.calls <= bounds.calls.most, trial.text
            assert bounds.people.most is None or people_asked(ran) <= bounds.people.most, trial.text
            if ran.outcome.complete:
                assert bounds.calls.least <= ran.servers.calls, trial.text
                assert bounds.people.least <= people_asked(ran), trial.text
        seen += people_asked(ran)
    assert seen > 12


@pytest.mark.parametrize("chunk", few(range(200 // CHUNK), 0))
def test_a_run_with_open_questions_ends(chunk: int) -> None:
    ends = set()
    for trial, swapped in trials(chunk):
        oracle = Oracle(trial.seed)
        ran = run(swapped, trial.inputs, Servers(oracle, trial.dice, shuffled), person=person(oracle, trial.dice, 0.3))
        stopped = ran.outcome.stopped
        if isinstance(stopped, OpenQuestionsError):
            assert ran.outcome.status == "open" and stopped.questions
        else:
            assert stopped is None
        ends.add(ran.outcome.status)
    assert {"open", "done"} <= ends
