"""The check of the options of all asks against the models of a run, before anything is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from flowrun.dsl import LATER, step_exprs, types
from flowrun.dsl import plan as p

from ..plans.sent_options import NAMES, as_json
from ..providers.option_checks import refused_at
from ..providers.protocol import Surroundings
from ..values.expressions import ModelValue, Names, ValueFailure, evaluate
from ..vocabulary.errors import FlowrunError, UsageError
from ..vocabulary.json_value import Json

_SURE, _PROBABILITIES = "sure", "logprobs"
_ALL = frozenset({*NAMES, "temperature", "max_tokens"})


def check_options(
    plan: p.Plan,
    values: Mapping[str, Json],
    declared: Mapping[str, ModelValue],
    default: ModelValue,
    wanted: Collection[str],
    around: Surroundings,
) -> None:
    """Raise UsageError if a model of the run does not take an option that an ask of it sends.

    ``values`` are the inputs, and ``wanted`` the addresses of all models that the run may ask. Where only the run
    decides which of them an ask means, or the value of an option, its call fails before it is sent. A model need not
    take `logprobs` of an ask if `sure` reads them: it is then not known how sure the answer is.
    """
    named: dict[str, Sequence[ModelValue]] = {name: (one,) for name, one in declared.items()}
    chosen = {name: (declared.get(one) or ModelValue(one, one),) for name, one in _models_in(plan, values)}
    bodies = [(plan.steps, {**named, **chosen}, Given(values))]
    # A called flow gets its values when it is called, and one of another file may have names of its own.
    bodies += [
        (flow.steps, {name: one for name, one in named.items() if name not in flow.names}, Given({}))
        for flow in plan.flows.values()
    ]
    read = _read(plan)
    for steps, known, names in bodies:
        for step, here in _walk(steps, known):
            for ask, options in _asks(step):
                free = step.name in read
                sent = {name: value for name, value in options.items() if not (free and name == _PROBABILITIES)}
                _check(step, ask, sent, here, names, default, wanted, around)


def _check(
    step: p.Step,
    ask: p.Ask,
    options: Mapping[str, p.Expr],
    named: Named,
    names: Names,
    default: ModelValue,
    wanted: Collection[str],
    around: Surroundings,
) -> None:
    for address, model in _models(ask, named, default):
        given = {**dict(model.options), **{name: _value(expr, names) for name, expr in options.items() if name in _ALL}}
        if given.keys().isdisjoint(_ALL) or address not in wanted:
            continue
        sent = {name: as_json(value) for name, value in given.items() if name in _ALL}
        sent = {name: value for name, value in sent.items() if value is not None and value is not False}
        for name, why in refused_at(address, sent, around.environ, around.endpoints).items():
            raise UsageError(f"`{step.title}`: {address} does not take its `{name}`: {why}. Nothing was sent")


def _read(plan: p.Plan) -> frozenset[str]:
    """Return the names of the steps whose probabilities the plan reads."""
    steps = [*plan.walk()]
    ends = [end for step in steps if isinstance(step.node, p.Rounds) for end in step.node.ends]
    ends += [plan.result, *(flow.result for flow in plan.flows.values())]
    ends += [value for step in steps for ask, _ in _asks(step) for value in ask.values]
    exprs = p.walk_exprs((*ends, *(one for step in steps for one in step_exprs(step))))
    calls = [one for one in exprs if isinstance(one, p.CallOf) and one.function == _SURE]
    names = {arg.name for call in calls for arg in call.args.values() if isinstance(arg, p.Ref)}
    if "last" in names:
        # The stage before the one whose condition asks.
        names |= {one.name for step in steps if isinstance(step.node, p.Cascade) for one in step.node.body.steps[:-1]}
    return frozenset(names)


class Given(Names):
    """The inputs of the flow. Another name has no value yet."""

    def __init__(self, values: Mapping[str, Json]) -> None:
        self._values = values

    def value(self, name: str) -> Json:
        if name not in self._values:
            raise ValueFailure(f"`{name}` has no value yet")
        return self._values[name]

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        raise ValueFailure(f"`{function}` is called by the run")


Named = Mapping[str, Sequence[ModelValue]]
"""The models that a name stands for: the model itself, or those of the list that a map goes through."""


def _models_in(plan: p.Plan, values: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """Yield the parameters that are models, with their values."""
    for param in plan.params:
        if param.type == types.MODEL and isinstance(value := values.get(param.name), str):
            yield param.name, value


def _walk(steps: Iterable[p.Step], known: Named) -> Iterator[tuple[p.Step, Named]]:
    """Yield every step with the models that its names stand for."""
    todo: list[tuple[p.Step, Named]] = [(step, known) for step in steps]
    while todo:
        step, named = todo.pop()
        yield step, named
        if (listed := p.listed(step.node)) is not None:
            element, over = listed
            source = over.value if isinstance(over, p.ShapeOf) else over
            items = source.items if isinstance(source, p.Items) else ()
            models = [one for item in items if isinstance(item, p.Ref) for one in named.get(item.name, ())]
            named = {**named, element: models}
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


def _value(expr: p.Expr, names: Names) -> Json:
    with suppress(FlowrunError):  # the run tells of it, if it has no value then either
        return evaluate(expr, names)
    return LATER
