"""Runs flows from Python.

from flowrun.runtime import run

result = run("is_spam.flow", email="You have won!")
print(result.value)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flowrun.dsl import plan as p
from flowrun.dsl import types

from .decisions import Failure, Outcome
from .errors import FlowrunError, UsageError
from .estimate import DEFAULT_MODEL, MODEL_VARIABLE
from .events import Event, Notice, RunFinished
from .externs import opened, permit
from .files import Files
from .functions import FUNCTIONS, World
from .limits import Limiter
from .loading import checked_inputs, load, plan_of
from .prices import must_be_priced, price
from .providers import open_provider
from .providers.protocol import Provider, Surroundings
from .reducers import Tally
from .report.summary import Summary
from .scheduler import Endpoint, Scheduler
from .scopes import Context
from .state import State
from .values import ModelValue, Names, evaluate
from .verify import names_in, verify

__all__ = ["Result", "RunError", "checked_inputs", "load", "run", "run_async"]

Json = Any
OpenProvider = Callable[[str, Surroundings], Provider]


class RunError(FlowrunError):
    """The flow ended without its value; ``result`` has what there is."""

    def __init__(self, result: Result) -> None:
        self.result = result
        first = result.failures[0]
        more = f" (and {len(result.failures) - 1} more)" if len(result.failures) > 1 else ""
        super().__init__(f"{first.path}: {first.reason}{more}")


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to. ``value`` is plain JSON data, None where the flow could not make it."""

    value: Json
    outcome: Outcome
    summary: Summary

    @property
    def ok(self) -> bool:
        return self.outcome.complete and not self.outcome.failures

    @property
    def failures(self) -> tuple[Failure, ...]:
        return self.outcome.failures


def run(flow: str | Path | p.Plan, /, *, allow_python: bool = False, **inputs: Json) -> Result:
    """Run a flow and wait for it: ``run_async`` for callers without an event loop. Raises RunError too."""
    result = asyncio.run(run_async(flow, inputs, allow_python=allow_python))
    if not result.ok:
        raise RunError(result)
    return result


async def run_async(
    flow: str | Path | p.Plan,
    inputs: Mapping[str, Json] | None = None,
    *,
    model: str | None = None,
    on_event: Sequence[Callable[[Event], None]] = (),
    allow_read: Sequence[Path] = (),
    allow_python: bool = False,
    environ: Mapping[str, str] | None = None,
    opener: OpenProvider = open_provider,
) -> Result:
    """Run a flow: the last one of a file, or a plan.

    A ``Path`` given for a document is read; a ``str`` is its text. ``model`` is for asks that name none, before
    the variable FLOWRUN_MODEL and the embedded one. ``allow_python`` lets the flow's externs be imported and called.
    ``opener`` makes providers of addresses.

    Raises: FlowError (the file has errors), UsageError, PlanError. A flow that fails returns a Result that is not ok.
    """
    plan = flow if isinstance(flow, p.Plan) else plan_of(load(flow))
    verify(plan)
    permit(plan, allow_python)
    environ = os.environ if environ is None else environ
    folder = Path(plan.source).parent if plan.source else Path()
    files = Files(folder, tuple(allow_read))
    values = checked_inputs(plan, inputs or {})
    summary = Summary()
    listeners: tuple[Callable[[Event], None], ...] = (summary, *on_event)

    def publish(event: Event) -> None:
        for listener in listeners:
            listener(event)

    declared = _models(plan)
    default = _default(model, environ, declared)
    surroundings = Surroundings(environ, lambda line: publish(Notice(line)))

    def functions(name: str, args: Mapping[str, Json], tally: Callable[[str], Tally | None]) -> Json:
        return FUNCTIONS[name].call(args, World(files, tally))

    with opened(plan, folder) as externs:
        endpoints = _endpoints(plan, values, declared, default, surroundings, opener)
        if plan.money_limit is not None or any(flow.money_limit is not None for flow in plan.flows.values()):
            must_be_priced(endpoints, environ)
        slots = sum({id(one.limiter): one.limiter.limit for one in endpoints.values()}.values())
        context = Context(
            declared, default, functions, plan.calls_limit, plan.money_limit, partial(price, environ=environ)
        )
        state = State(plan, values, context, window=max(64, 2 * slots))
        scheduler = Scheduler(state, endpoints, publish, externs.call)
        clock = asyncio.get_running_loop()
        began = clock.time()
        status = "interrupted"
        try:
            outcome = await scheduler.run()
            status = "done" if not outcome.failures else "failed"
        finally:
            publish(RunFinished(status, clock.time() - began))
            await asyncio.gather(*(endpoint.close() for endpoint in endpoints.values()))
    return Result(outcome.value, outcome, summary)


class _Constants(Names):
    """Nothing is known yet when models are declared."""

    def value(self, name: str) -> Json:
        raise UsageError(f"a model's options are plain values, and `{name}` is a name")

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        raise UsageError(f"a model's options are plain values, and `{function}` is a function")


class _Declared(Names):
    """What a default may mention when only the models are known; the rest is no model."""

    def __init__(self, declared: Mapping[str, ModelValue]) -> None:
        self._declared = declared

    def value(self, name: str) -> Json:
        return self._declared.get(name)

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        return None


def _models(plan: p.Plan) -> dict[str, ModelValue]:
    return {
        model.name: ModelValue(
            model.name,
            model.address,
            tuple((name, evaluate(expr, _Constants())) for name, expr in model.options.items()),
            model.fallback,
        )
        for model in plan.models
    }


def _default(model: str | None, environ: Mapping[str, str], declared: Mapping[str, ModelValue]) -> ModelValue:
    name = model or environ.get(MODEL_VARIABLE, "").strip() or DEFAULT_MODEL
    return declared.get(name) or ModelValue(name, name)


def _endpoints(
    plan: p.Plan,
    values: Mapping[str, Json],
    declared: Mapping[str, ModelValue],
    default: ModelValue,
    surroundings: Surroundings,
    opener: OpenProvider,
) -> dict[str, Endpoint]:
    asks = [ask for step in plan.walk() for ask in _asks(step)]
    mentioned = {expr.name for ask in asks if isinstance(expr := ask.model, p.Ref)}
    # A flow of another file may call something of its own as a model is called here.
    certain = declared.keys() - {name for flow in plan.flows.values() for name in names_in(flow)}
    wanted: dict[str, ModelValue] = {}
    if any(ask.model is None for ask in asks):
        wanted[default.address] = default
    for model in declared.values():
        # A model may also reach an ask through a list or a parameter: open those that nobody names, too, then.
        if asks and (model.name in mentioned or not mentioned <= certain):
            wanted.setdefault(model.address, model)
    for param in plan.params:
        for address in _addresses(param.type, values.get(param.name)):
            wanted.setdefault(address, ModelValue(address, address))
    if asks:
        inner = [param for flow in plan.flows.values() for param in flow.params]
        for param in (*(one for one in plan.params if one.name not in values), *inner):
            if isinstance(param.default, p.Constant | p.Items | p.RecordOf):
                with suppress(FlowrunError):  # told of where the default is needed
                    value = evaluate(param.default, _Declared(declared))
                    wanted |= {one: ModelValue(one, one) for one in _addresses(param.type, value) if one not in wanted}
    for model in tuple(wanted.values()):
        if model.fallback is not None:
            wanted.setdefault(model.fallback, ModelValue(model.name, model.fallback, model.options))
    limiters: dict[str, Limiter] = {}
    endpoints: dict[str, Endpoint] = {}
    for address, model in wanted.items():
        provider = opener(address, surroundings)
        limit = int(dict(model.options).get("concurrency", provider.concurrency))
        limiter = limiters.setdefault(provider.endpoint, Limiter(limit))
        limiter.limit = max(limiter.limit, limit)
        endpoints[address] = Endpoint(provider, limiter)
    return endpoints


def _addresses(type_: types.Type, value: Json) -> Iterator[str]:
    """The addresses of models in a value, wherever its type has them."""
    match type_, value:
        case types.Optional(inner), _ if value is not None:
            yield from _addresses(inner, value)
        case types.ListOf(item), list():
            for one in value:
                yield from _addresses(item, one)
        case types.Record(), dict():
            for field in type_.fields:
                yield from _addresses(field.type, value.get(field.name))
        case _, str() if type_ == types.MODEL:
            yield value


def _asks(step: p.Step) -> list[p.Ask]:
    node = step.node
    if isinstance(node, p.Ask):
        return [node]
    if isinstance(node, (p.Map, p.Repeat, p.Fanout)) and node.reduce.ask is not None:
        return [node.reduce.ask]
    return []
