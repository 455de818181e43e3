"""The models that a plan may ask with its inputs. No model is opened for this."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from flowrun.dsl import plan as p
from flowrun.dsl import types

from ..values.expressions import ModelValue, Names, evaluate
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .free_names import mentions, spoken


class _Declared(Names):
    """The names that a default value may mention: only the models. Any other name has the value None."""

    def __init__(self, declared: Mapping[str, ModelValue]) -> None:
        self._declared = declared

    def value(self, name: str) -> Json:
        return self._declared.get(name)

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        return None


def default_model(name: str, declared: Mapping[str, ModelValue]) -> ModelValue:
    return declared.get(name) or ModelValue(name, name)


def wanted_models(
    plan: p.Plan, values: Mapping[str, Json], declared: Mapping[str, ModelValue], default: ModelValue
) -> dict[str, ModelValue]:
    """Return the models that the flow may ask, by their addresses."""
    asks = [ask for step in plan.walk() for ask in asks_of(step)]
    wanted = {default.address: default} if any(ask.model is None and not ask.person for ask in asks) else {}
    mentioned = _mentioned(plan, values) if asks else set()
    for model in declared.values():
        if model.name in mentioned:
            wanted.setdefault(model.address, model)
    given = [one for param in plan.params for one in addresses_in(param.type, values.get(param.name))]
    for address in (*given, *(_in_defaults(plan, values, declared) if asks else ())):
        wanted.setdefault(address, ModelValue(address, address))
    for model in tuple(wanted.values()):
        if model.fallback is not None:
            wanted.setdefault(model.fallback, ModelValue(model.name, model.fallback, model.options))
    return wanted


def _mentioned(plan: p.Plan, values: Mapping[str, Json]) -> set[str]:
    """Find all names that a plan mentions. A model may reach an ask through a list, a parameter or a result."""
    defaults = [one.default for one in _left_out(plan, values) if one.default is not None]
    results = [plan.result, *(flow.result for flow in plan.flows.values())]
    return {*mentions([*defaults, *results])}.union(*(spoken(step) for step in plan.walk()))


def _left_out(plan: p.Plan, values: Mapping[str, Json]) -> Iterator[p.Param]:
    """Find the parameters that get no value: from outside, or in some call of their flow."""
    yield from (param for param in plan.params if param.name not in values)
    calls = [step.node for step in plan.walk() if isinstance(step.node, p.FlowCall)]
    for name, flow in plan.flows.items():
        for param in flow.params:
            if any(call.flow == name and param.name not in call.args for call in calls):
                yield param


def _in_defaults(plan: p.Plan, values: Mapping[str, Json], declared: Mapping[str, ModelValue]) -> Iterator[str]:
    """Find the addresses of models in the defaults of parameters that get no value here."""
    for param in _left_out(plan, values):
        if isinstance(param.default, p.Constant | p.Items | p.RecordOf | p.ShapeOf):
            with suppress(FlowrunError):  # told of where the default is needed
                yield from addresses_in(param.type, evaluate(param.default, _Declared(declared)))


def addresses_in(type_: types.Type, value: Json) -> Iterator[str]:
    """Find the addresses of models in a value, in the places where its type has models."""
    return _found(type_, value) if types.holds_model(type_) else iter(())


def _found(type_: types.Type, value: Json) -> Iterator[str]:
    match type_, value:
        case types.Optional(inner), _ if value is not None:
            yield from _found(inner, value)
        case types.ListOf(item), list():
            for one in value:
                yield from _found(item, one)
        case types.Union(), dict():
            member = type_.member(value.get(type_.tag))
            yield from () if member is None else _found(member, value)
        case types.Record(), dict():
            for field in type_.fields:
                yield from _found(field.type, value.get(field.name))
        case _, str() if type_ == types.MODEL:
            yield value


def asks_of(step: p.Step) -> list[p.Ask]:
    node = step.node
    if isinstance(node, p.Ask):
        return [node]
    if isinstance(node, (p.Map, p.Repeat, p.Fanout)):
        return [*node.reduce.asks]
    return []
