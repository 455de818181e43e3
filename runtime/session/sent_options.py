"""The check of the options of all asks against the models of a run, before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from flowrun.dsl import LATER
from flowrun.dsl import plan as p

from ..plans.sent_options import NAMES, as_json, is_constant
from ..providers.option_checks import refused_at
from ..providers.protocol import Surroundings
from ..values.expressions import Constants, ModelValue, evaluate
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json

_BESIDE = ("temperature", "max_tokens")


def check_options(
    plan: p.Plan, declared: Mapping[str, ModelValue], default: ModelValue, wanted: Collection[str], around: Surroundings
) -> None:
    """Raise UsageError if a model of the run does not take an option that an ask of it sends.

    ``wanted`` are the addresses of all models that the run may ask. Where only the run decides which of them an ask
    means, its call fails before it is sent.
    """
    bodies = (plan.steps, *(flow.steps for flow in plan.flows.values()))
    every = [(*one, *ask) for steps in bodies for one in _walk(steps, declared) for ask in _asks(one[0])]
    for step, named, ask, options in every:
        for address, model in _models(ask, named, default):
            given = {**dict(model.options), **{name: _value(expr) for name, expr in options.items()}}
            sent = {name: as_json(value) for name, value in given.items() if name in NAMES or name in _BESIDE}
            if sent.keys().isdisjoint(NAMES) or address not in wanted:
                continue
            sent = {name: value for name, value in sent.items() if value is not None and value is not False}
            for name, why in refused_at(address, sent, around.environ, around.endpoints).items():
                raise UsageError(f"`{step.title}`: {address} does not take its `{name}`: {why}. Nothing was sent")


Named = Mapping[str, Sequence[ModelValue]]
"""The models that a name stands for: the model itself, or those of the list that a map goes through."""


def _walk(steps: Iterable[p.Step], declared: Mapping[str, ModelValue]) -> Iterator[tuple[p.Step, Named]]:
    """Yield every step with the models that its names stand for."""
    todo: list[tuple[p.Step, Named]] = [(step, {name: (one,) for name, one in declared.items()}) for step in steps]
    while todo:
        step, named = todo.pop()
        yield step, named
        if isinstance(step.node, p.Map):
            source = step.node.source.value if isinstance(step.node.source, p.ShapeOf) else step.node.source
            items = source.items if isinstance(source, p.Items) else ()
            models = [one for item in items if isinstance(item, p.Ref) for one in named.get(item.name, ())]
            named = {**named, step.node.element: models}
        if step.block is not None:
            todo += [(inner, named) for inner in step.block.steps]


def _asks(step: p.Step) -> Iterator[tuple[p.Ask, Mapping[str, p.Expr]]]:
    node = step.node
    if isinstance(node, p.Ask):
        yield node, step.options
    elif isinstance(node, (p.Map, p.Repeat, p.Fanout)):
        yield from ((ask, node.reduce.options) for ask in node.reduce.asks)


def _models(ask: p.Ask, named: Named, default: ModelValue) -> Iterator[tuple[str, ModelValue]]:
    """Yield the models that an ask certainly may ask, with their addresses."""
    match ask.model:
        case _ if ask.person:
            return
        case None:
            found: Sequence[ModelValue] = (default,)
        case p.Ref(name):
            found = named.get(name, ())
        case p.Constant(str() as name):
            found = named.get(name, (ModelValue(name, name),))
        case _:
            return
    for model in found:
        yield model.address, model
        if model.fallback is not None:
            yield model.fallback, model


def _value(expr: p.Expr) -> Json:
    return evaluate(expr, Constants()) if is_constant(expr) else LATER
