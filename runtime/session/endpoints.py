"""The models that a run may ask, and the endpoints that serve them. All endpoints are opened before the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from flowrun.dsl import plan as p

from ..dispatch.endpoint import Endpoint
from ..experience.store import Store
from ..limits import COOLING, FAR, NEAR, EndpointTerms, Limiter, LimiterMaker
from ..limits.retry import RetryPolicy
from ..plans.sent_options import sends_options
from ..plans.wanted_models import addresses_in, wanted_models
from ..providers import open_provider
from ..providers.addresses import host_of, is_nearby
from ..providers.protocol import Provider, Surroundings
from ..providers.records import Record
from ..values.expressions import ModelValue
from ..vocabulary.errors import FlowrunError, UsageError, mistake_in
from ..vocabulary.json_value import Json
from ..vocabulary.pace import Pace
from ..vocabulary.traffic import Traffic

OpenProvider = Callable[[str, Surroundings], Provider]
LimiterAt = Callable[[str], LimiterMaker]
"""A function that returns what makes the limiter of an endpoint."""
NEARBY = 2
"""The times the provider's number that may be in flight at first on this machine or in a private network."""


def plain(endpoint: str) -> LimiterMaker:
    """Return what makes the limiter of an endpoint that no other process shares."""
    return Limiter


def chosen_addresses(
    plan: p.Plan, values: Mapping[str, Json], default: str, declared: Mapping[str, ModelValue]
) -> set[str]:
    """Return the addresses of models that the user has chosen: ``default``, and models in the inputs.

    ``default`` is "" if the user has not chosen the default model. The models that the flow declares are not among
    them.
    """
    chosen = set() if not default or default in declared else {default}
    for param in plan.params:
        chosen |= {one for one in addresses_in(param.type, values.get(param.name)) if one not in declared}
    return chosen


def open_endpoints(
    plan: p.Plan,
    values: Mapping[str, Json],
    declared: Mapping[str, ModelValue],
    default: ModelValue,
    surroundings: Surroundings,
    opener: OpenProvider,
    policy: RetryPolicy,
    limiter_at: LimiterAt = plain,
) -> dict[str, Endpoint]:
    """Open the endpoints of all models that the flow may ask. They are returned by the address of the model.

    ``limiter_at`` returns what makes the limiter of an endpoint.
    """
    wanted = wanted_models(plan, values, declared, default)
    if opener is open_provider and sends_options(plan):
        from .sent_options import check_options  # few flows have such options

        check_options(plan, values, declared, default, wanted, surroundings)
    providers = _all_opened(opener, wanted, surroundings)
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
            make=limiter_at(providers[addresses[0]].endpoint),
            bounded=(bounded := all(getattr(providers[one], "bounded", False) is True for one in addresses)),
        )
        follows = bounded and not any("concurrency" in options for _, options in models)
        endpoints |= {one: Endpoint(providers[one], limiter, policy, follows=follows) for one in addresses}
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


def own_pace(endpoint: Endpoint) -> Pace:
    """Return the pace of an endpoint as this process has found it."""
    return endpoint.limiter.pace


async def close_endpoints(
    endpoints: Mapping[str, Endpoint],
    store: Store | None,
    tell: Callable[[str], None],
    pace_of: Callable[[Endpoint], Pace] = own_pace,
) -> None:
    """Close the endpoints of a run, and leave their paces and lessons to later runs.

    An endpoint that fails takes no answer away, for the run is paid: a line tells of it.
    """
    if store is not None:
        for one in endpoints.values():
            if record := _record(one.provider):
                record.shown = pace_of(one)
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


def _all_opened(opener: OpenProvider, wanted: Iterable[str], surroundings: Surroundings) -> dict[str, Provider]:
    """Open all models. Raises UsageError for all models that cannot be opened, each reason once."""
    providers, faults = {}, []
    for address in wanted:
        try:
            providers[address] = _opened(opener, address, surroundings)
        except UsageError as error:
            faults.append(error)
    reasons = list(dict.fromkeys(str(error) for error in faults))
    if len(reasons) > 1:
        raise UsageError(f"{len(reasons)} models cannot be asked: {'; '.join(reasons)}")
    if faults:
        raise faults[0]
    return providers


def _opened(opener: OpenProvider, address: str, surroundings: Surroundings) -> Provider:
    if opener is open_provider:
        return open_provider(address, surroundings)
    from ..providers.foreign_models import opened_by

    return opened_by(opener, address, address, surroundings, "the `opener`")


def _limiter(
    models: Sequence[tuple[int, Mapping[str, Json]]],
    policy: RetryPolicy,
    endpoint: str,
    pace: Pace,
    traffic: Sequence[Traffic],
    *,
    make: LimiterMaker,
    bounded: bool = False,
) -> Limiter:
    """Make the limiter of one endpoint, from its provider, from the options of its models and from earlier runs.

    ``endpoint`` is its address. If it is none, the provider reaches its server in its own way, and knows its number.

    If the flow sets the number of requests, or the provider takes one at a time or is ``bounded``, the limiter keeps to
    that. Otherwise
    it starts with the number that earlier runs found, or with the provider's number. It grows as far as the server
    takes more. The models share the limiter: the largest number holds for all of them together, and it is a ceiling
    only if each of them sets one. ``traffic`` is empty if a provider does not tell it.
    """
    limits = [int(options.get("concurrency", usual)) for usual, options in models]
    fixed = bounded or all("concurrency" in options or usual == 1 for usual, options in models)
    nearby = is_nearby(endpoint)
    usual = max(limits) if fixed or not nearby else NEARBY * max(limits)
    pacing = NEAR if nearby else FAR if host_of(endpoint) else None
    rates = {name: [int(options[name]) for _, options in models if name in options] for name in ("rpm", "tpm")}
    limit = max(limits) if fixed else None
    start = pace.start(usual, limit)
    terms = EndpointTerms(
        start=start,
        trusted=start > usual,
        refused_at=pace.refused_at(start),
        further=pace.further(start) if limit is None else None,
        pacing=pacing,
        traffic=traffic,
        rpm=min(rates["rpm"], default=None),
        tpm=min(rates["tpm"], default=None),
        patience=policy.total,
        cooling=min(COOLING, policy.wait_max),
    )
    return make(limit, terms)
