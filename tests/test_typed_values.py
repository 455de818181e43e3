"""What the checker lets through runs, and every value is of the type that the checker found."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from flowrun.dsl import Checked, Diagnostic, Source, check, make_plan
from flowrun.dsl import syntax as s
from flowrun.dsl import types as t
from flowrun.dsl.parsing.parse import parse_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.engine.decisions import Decision, Finish, Launch, LaunchExtern
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.inputs.inputs import check_value
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.call import Answer, Request
from support.harness import functions
from support.soak import share
from support.typed_flows import Writer
from support.typed_values import given, holds, sample, told

Json = Any
CATALOG = catalog()
STEPS = 14
CASES = share(10_000)
EMPTY = ("the block has no results", "the list of results is empty", "gave an answer", "the vote has no ballots",
         "ballots and needs")  # fmt: skip
"""The ends of a block that has no results, where its rule has no value for that."""


def checked(lines: list[str]) -> Checked | None:
    """The flow without the lines that the checker refuses; None where nothing is left to run."""
    file = parse_flow(Source("\n".join(lines)))
    while file.flows[-1].body.lines:
        problems: list[Diagnostic] = []
        found = check._check(file, CATALOG, {}, problems)
        wrong = {problem.span.line for problem in problems if problem.severity == "error"}
        if not wrong:
            return found
        items = tuple(mended(item, wrong) if isinstance(item, s.FlowDecl) else item for item in file.items)
        assert items != file.items, problems
        file = replace(file, items=items)
    return None


def mended(flow: s.FlowDecl, wrong: set[int]) -> s.FlowDecl:
    """A flow without the lines that are refused; it gives its parameter where its value is."""
    lines = tuple(line for line in flow.body.lines if line.span.line not in wrong)
    params = flow.params
    if flow.span.line in wrong:
        params = tuple(replace(param, default=None) for param in params)
    returns = tuple(
        s.Return(s.Name(s.Word("row", one.span), one.span), one.span) if one.span.line in wrong else one
        for one in flow.returns
    )
    return replace(flow, params=params, body=replace(flow.body, lines=lines), returns=returns)


def words(rng: random.Random, request: Request) -> str:
    """An answer of the type that was asked for."""
    if request.choices:
        return rng.choice(request.choices)
    return "said" if request.schema is None else json.dumps(sample(rng, request.schema))


def run(checked: Checked, writer: Writer, rng: random.Random) -> tuple[dict[str, Json], list[str]]:
    """The values of the steps, and the failures for which no value is to blame."""
    plan = make_plan(checked)
    types = {param.name: param.type for param in plan.params}
    inputs = {name: check_value(given(rng, kind), types[name], name) for name, kind in writer.params.items()}

    wrong: list[str] = []
    state = State(plan, inputs, Context({}, ModelValue("m", "m"), functions))
    todo: list[Decision] = state.begin()
    while todo:
        match todo.pop(rng.randrange(len(todo))):
            case Launch(call):
                todo += state.answered(call.number, Answer(words(rng, call.request)))
            case LaunchExtern(number, path, name, args):
                extern = plan.externs[name]
                wrong += [
                    f"{path}: `{param.name}` is {t.show(param.type)}, got {told(args[param.name])}"
                    for param in extern.params
                    if not holds(args[param.name], param.type)
                ]
                todo += state.returned(number, next(iter(args.values())))
            case Finish():
                break
    root = state._root
    for name, failure in root.watch.failed.items():
        if not any(reason in failure.reason for reason in EMPTY):
            wrong.append(f"{name}: {failure.path}: {failure.reason}")
    return root.values, wrong


def faults(seed: int) -> tuple[int, list[str]]:
    """How many steps of a random flow were tried, and what is wrong with them."""
    rng = random.Random(seed)
    writer = Writer(rng)
    flow = checked([*writer.lines(STEPS)])
    if flow is None:
        return 0, []
    known = {
        step.symbol.name: type_
        for step, type_ in flow.typed.steps.items()
        if step.symbol and not step.parent and step.symbol.name[0] == "s"
    }
    wrong: list[str] = []
    for _ in range(2):
        values, failed = run(flow, writer, rng)
        wrong += failed
        for name, value in values.items():
            if name.startswith("s") and not holds(value, known[name]):
                wrong.append(f"`{name}` is {t.show(known[name])}, got {told(value)}")
    return len(known), [f"seed {seed}: {one}" for one in wrong]


def try_out(cases: int, seed: int) -> None:
    tried = 0
    while tried < cases:
        number, wrong = faults(seed)
        assert not wrong, "\n".join(wrong)
        tried += number
        seed += 1


def test_values_are_of_their_types() -> None:
    try_out(400, 1)


@pytest.mark.slow
def test_many_values_are_of_their_types() -> None:
    try_out(CASES, 1_000_000)
