"""Flows that call Python: plans whose steps and reducers are externs, and what they are run with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowrun.dsl import Source, check_flow, make_plan, plan, types
from flowrun.runtime.api import Result, RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request

from .harness import scripted

Json = Any


@contextmanager
def own_modules() -> Iterator[None]:
    """Forget the modules that a test imported from its folder."""
    path = list(sys.path)
    yield
    for name in [name for name in sys.modules if name.startswith("g_")]:
        del sys.modules[name]
    assert sys.path == path


def with_plain(folder: Path) -> Path:
    """The folder, with a module of one plain function."""
    (folder / "g_plain.py").write_text("def look(n):\n    return {'n': n, 'length': len(n)}\n")
    return folder


def params(*named: str, **typed: types.Type) -> tuple[plan.Param, ...]:
    every = {**dict.fromkeys(named, types.JSON), **typed}
    return tuple(plan.Param(name, type_, None, not isinstance(type_, types.Optional)) for name, type_ in every.items())


def extern(target: str, *named: str, gives: types.Type = types.JSON, **typed: types.Type) -> plan.Extern:
    return plan.Extern(target, params(*named, **typed), gives)


def calling(step: plan.Step) -> plan.Step:
    """A record `{ extern: "name", args: { … } }` of the text stands for a call of that extern."""
    match step.node:
        case plan.Value(plan.RecordOf((plan.Entry("extern", plan.Constant(str(name))), plan.Entry(_, given)))):
            assert isinstance(given, plan.RecordOf)
            return replace(step, node=plan.ExternCall(name, {one.name or "": one.value for one in given.entries}))
        case plan.Chain(body) | plan.Map(body=body) | plan.Repeat(body=body) | plan.Fanout(body=body):
            inner = replace(body, steps=tuple(map(calling, body.steps)))
            return replace(step, node=replace(step.node, body=inner))
    return step


def program(folder: Path, text: str, **externs: plan.Extern) -> plan.Plan:
    main = make_plan(check_flow(Source(text, str(folder / "f.flow")), catalog()))
    return replace(main, steps=tuple(map(calling, main.steps)), externs=externs)


def reducing(whole: plan.Plan, name: str, needs: tuple[str, ...] = (), **args: plan.Expr) -> plan.Plan:
    """The plan with its last step's results combined by an extern."""
    step = whole.steps[-1]
    assert isinstance(step.node, plan.Map | plan.Repeat | plan.Fanout)
    node = replace(step.node, reduce=plan.Reduce(name, args, needs=needs, extern=name))
    return replace(whole, steps=(*whole.steps[:-1], replace(step, node=node)))


def answers(request: Request, number: int) -> Scripted:
    return Scripted(request.messages[-1].text)


async def go(
    whole: plan.Plan,
    script: Callable[[Request, int], Scripted | str] = answers,
    events: list[e.Event] | None = None,
    **inputs: Json,
) -> Result:
    seen = [] if events is None else events
    return await run_async(
        plan.from_json(plan.to_json(whole)),
        inputs,
        options=RunOptions(allow_python=True, on_event=(seen.append,), opener=scripted(script)),
    )


CALL = (
    'flow f(n: text) { a = ask "a {{ n }}" s = { extern: "look", args: { n: a } } b = ask "b {{ s }}" return { s, b } }'
)


def module(folder: Path, text: str) -> str:
    """A module of a name of its own, in the flow's folder."""
    name = f"g_{folder.name.replace('-', '_')}"
    (folder / f"{name}.py").write_text(text)
    return name
