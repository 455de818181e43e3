"""The models that a run may ask, and the endpoints that serve them. All endpoints are opened before the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from flowrun.dsl import plan as p
from flowrun.dsl import types

from ..dispatch.endpoint import Endpoint
from ..experience.store import Store
from ..limits import COOLING, FAR, NEAR, Limiter
from ..limits.retry import RetryPolicy
from ..providers import open_provider, opened_by
from ..providers.addresses import host_of, is_nearby
from ..providers.protocol import Provider, Surroundings
from ..providers.records import Record
from ..values.expressions import ModelValue, Names, evaluate
from ..vocabulary.errors import FlowrunError, UsageError, mistake_in
from ..vocabulary.json_value import Json
from ..vocabulary.pace import Pace
from ..vocabulary.traffic import Traffic

OpenProvider = Callable[[str, Surroundings], Provider]
NEARBY = 2
"""The times the provider's number that may be in flight at first on this machine or in a private network."""


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


def chosen_addresses(
    plan: p.Plan, values: Mapping[str, Json], default: str, declared: Mapping[str, ModelValue]
) -> set[str]:
    """Return the addresses of models that the user has chosen: ``default``, and models in the inputs.

    ``default`` is "" if the user has not chosen the default model. The models that the flow declares are not among
    them.
    """
    chosen = set() if not default or default in declared else {default}
    for param in plan.params:
        chosen |= {one for one in _addresses(param.type, values.get(param.name)) if one not in declared}
    return chosen


def open_endpoints(
    plan: p.Plan,
    values: Mapping[str, Json],
    declared: Mapping[str, ModelValue],
    default: ModelValue,
    surroundings: Surroundings,
    opener: OpenProvider,
    policy: RetryPolicy,
) -> dict[str, Endpoint]:
    """Open the endpoints of all models that the flow may ask. They are returned by the address of the model."""
    wanted = _wanted(plan, values, declared, default)
    providers = {address: _opened(opener, address, surroundings) for address in wanted}
    sharing: dict[str, list[str]] = {}
    for address, provider in providers.items():
        sharing.setdefault(provider.endpoint, []).append(address)
    endpoints: dict[str, Endpoint] = {}
    for addresses in sharing.values():
        models = [(providers[one].concurrency, dict(wanted[one].options)) for one in addresses]
        pace = next((record.pace for one in addresses if (record := _record(providers[one]))), Pace())
        traffics = [getattr(providers[one], "traffic", None) for one in addresses]
        traffic = [one for one in traffics if isinstance(one, Traffic)]
        limiter = _limiter(
            models,
            policy,
            providers[addresses[0]].endpoint,
            pace,
            traffic if len(traffic) == len(traffics) else (),
        )
        endpoints |= {one: Endpoint(providers[one], limiter, policy) for one in addresses}
    return {address: endpoints[address] for address in wanted}


async def check_endpoints(endpoints: Mapping[str, Endpoint]) -> None:
    """Let the providers look for what they need, before anything is sent. Raises: UsageError, for the first fault."""
    for address, one in endpoints.items():
        check = getattr(one.provider, "check_access", None)
        try:
            if check is not None:
                await check()
        except FlowrunError:
            raise
        except Exception as mistake:
            raise UsageError(f"{address}: its provider cannot check its access ({mistake_in(mistake)})") from mistake


async def close_endpoints(endpoints: Mapping[str, Endpoint], store: Store | None, tell: Callable[[str], None]) -> None:
    """Close the endpoints of a run, and leave their paces and lessons to later runs.

    An endpoint that fails takes no answer away, for the run is paid: a line tells of it.
    """
    if store is not None:
        for one in endpoints.values():
            if record := _record(one.provider):
                record.shown = one.limiter.pace
        store.save()
    ends = await asyncio.gather(*(one.close() for one in endpoints.values()), return_exceptions=True)
    for model, end in zip(endpoints, ends, strict=True):
        if isinstance(end, Exception):
            tell(f"{model}: its provider did not close ({mistake_in(end)})")


def next_width(endpoint: Endpoint) -> int | None:
    """Return the number of requests with which the next run at this endpoint begins, if this run leaves its pace.

    None if nothing is learnt of it, or if the flow or the provider sets the number.
    """
    limiter, record = endpoint.limiter, _record(endpoint.provider)
    if record is None or limiter.limit is not None:
        return None
    return record.pace.after(limiter.pace).start(limiter.start, None)


def _record(provider: Provider) -> Record | None:
    record = getattr(provider, "record", None)
    return record if isinstance(record, Record) else None


def _opened(opener: OpenProvider, address: str, surroundings: Surroundings) -> Provider:
    if opener is open_provider:
        return open_provider(address, surroundings)
    return opened_by(opener, address, address, surroundings, "the `opener`")


def _wanted(
    plan: p.Plan, values: Mapping[str, Json], declared: Mapping[str, ModelValue], default: ModelValue
) -> dict[str, ModelValue]:
    """Return the models that the flow may ask, by their addresses."""
    asks = [ask for step in plan.walk() for ask in asks_of(step)]
    mentioned = {expr.name for ask in asks if isinstance(expr := ask.model, p.Ref)}
    # A flow of another file may call something of its own as a model is called here.
    certain = declared.keys() - {name for flow in plan.flows.values() for name in flow.names}
    wanted = {default.address: default} if any(ask.model is None and not ask.person for ask in asks) else {}
    # A model may also reach an ask through a list or a parameter: then models that no ask names are wanted, too.
    for model in declared.values():
        if asks and (model.name in mentioned or not mentioned <= certain):
            wanted.setdefault(model.address, model)
    given = [one for param in plan.params for one in _addresses(param.type, values.get(param.name))]
    for address in (*given, *(_in_defaults(plan, values, declared) if asks else ())):
        wanted.setdefault(address, ModelValue(address, address))
    for model in tuple(wanted.values()):
        if model.fallback is not None:
            wanted.setdefault(model.fallback, ModelValue(model.name, model.fallback, model.options))
    return wanted


def _in_defaults(plan: p.Plan, values: Mapping[str, Json], declared: Mapping[str, ModelValue]) -> Iterator[str]:
    """Find the addresses of models in the defaults of parameters that get no value here."""
    inner = [param for flow in plan.flows.values() for param in flow.params]
    for param in (*(one for one in plan.params if one.name not in values), *inner):
        if isinstance(param.default, p.Constant | p.Items | p.RecordOf | p.ShapeOf):
            with suppress(FlowrunError):  # told of where the default is needed
                yield from _addresses(param.type, evaluate(param.default, _Declared(declared)))


def _limiter(
    models: Sequence[tuple[int, Mapping[str, Json]]],
    policy: RetryPolicy,
    endpoint: str,
    pace: Pace,
    traffic: Sequence[Traffic],
) -> Limiter:
    """Make the limiter of one endpoint, from its provider, from the options of its models and from earlier runs.

    ``endpoint`` is its address. If it is none, the provider reaches its server in its own way, and knows its number.

    If the flow sets the number of requests, or the provider takes one at a time, the limiter keeps to that. Otherwise
    it starts with the number that earlier runs found, or with the provider's number. It grows as far as the server
    takes more. The models share the limiter: the largest number holds for all of them together, and it is a ceiling
    only if each of them sets one. ``traffic`` is empty if a provider does not tell it.
    """
    limits = [int(options.get("concurrency", usual)) for usual, options in models]
    fixed = all("concurrency" in options or usual == 1 for usual, options in models)
    nearby = is_nearby(endpoint)
    usual = max(limits) if fixed or not nearby else NEARBY * max(limits)
    pacing = NEAR if nearby else FAR if host_of(endpoint) else None
    rates = {name: [int(options[name]) for _, options in models if name in options] for name in ("rpm", "tpm")}
    limit = max(limits) if fixed else None
    start = pace.start(usual, limit)
    return Limiter(
        limit,
        start=start,
        trusted=start > usual,
        refused_at=pace.refused_at(start),
        pacing=pacing,
        traffic=traffic,
        rpm=min(rates["rpm"], default=None),
        tpm=min(rates["tpm"], default=None),
        patience=policy.total,
        cooling=min(COOLING, policy.wait_max),
    )


def _addresses(type_: types.Type, value: Json) -> Iterator[str]:
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
