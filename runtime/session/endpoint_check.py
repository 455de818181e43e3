"""The check of an endpoint: what it sends, what that may cost, and what is kept of its findings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from flowrun.dsl import dataclass

from ..costs.prices import price
from ..costs.written_budget import Budget
from ..dispatch.endpoint import Endpoint
from ..experience.store import Store, open_store
from ..limits import Limiter
from ..providers import open_provider, provider_table
from ..providers.declared_endpoints import DeclaredEndpoints
from ..providers.hosted import ServedProvider
from ..providers.named_endpoints import NamedEndpoint
from ..providers.probe_bodies import IGNORED, MOST_READ, MOST_WRITTEN, REFUSED, SAMPLES, N
from ..providers.probing import MOST_REQUESTS, Abilities, Probing, kind_at
from ..providers.protocol import Provider, Surroundings
from ..providers.records import NoRecords
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .hosts import Ask, permit_hosts


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """A check that is ready to be sent: the model at its address, the most requests, and the most dollars.

    ``cost`` is None if no price is known.
    """

    name: str
    model: str
    address: str
    key: str
    kind: str
    provider: ServedProvider
    most: int
    cost: float | None
    store: Store | None


def plan_check(
    name: str,
    model: str,
    environ: Mapping[str, str],
    endpoints: Mapping[str, NamedEndpoint],
    budget: Budget | None,
) -> CheckPlan:
    """Make the plan of a check. Nothing is sent.

    Raises: UsageError, for an unknown endpoint, a missing model or key, or a budget that allows no request.
    """
    if ":" in name:
        name, _, model = name.partition(":")
    model = model.removeprefix(f"{name}:") or _example(name, environ)
    store = open_store(environ, lambda line: None)
    # A check asks the first address of an endpoint that has several.
    single = {one: replace(named, others=()) for one, named in endpoints.items()}
    surroundings = Surroundings(environ, records=store or NoRecords(), endpoints=single)
    provider = open_provider(f"{name}:{model or 'any'}", surroundings)
    if not model:
        raise UsageError(f"the endpoint {shown(name)} serves models that flowrun does not know: name one with --model")
    kind = kind_at(provider)
    assert isinstance(provider, ServedProvider)
    found = price(f"{name}:{model}", environ)
    each = None if found is None else found.input * MOST_READ + found.output * MOST_WRITTEN * SAMPLES
    most = MOST_REQUESTS
    if budget is not None:
        if budget.calls is not None:
            most = min(most, budget.calls)
        if budget.money is not None:
            if each is None:
                raise UsageError(
                    f"the price of {shown(f'{name}:{model}')} is unknown, so flowrun cannot keep a budget in money: "
                    "write a budget of calls, such as --budget '2 calls'"
                )
            most = min(most, int(budget.money / each) if each else most)
        if most < 1:
            raise UsageError("the budget is too small for a single request of the check")
    at = provider._at
    key = at.key_variable if at.key else ""
    return CheckPlan(name, model, at.base_url, key, kind, provider, most, None if each is None else each * most, store)


def permit_check(
    plan: CheckPlan, declared: DeclaredEndpoints, allowed: tuple[str, ...], environ: Mapping[str, str], ask: Ask | None
) -> None:
    """Check that the user allows the host of an endpoint that a flow or a project declares.

    Raises: UsageError.
    """
    address = f"{plan.name}:{plan.model}"
    at: Provider = plan.provider
    permit_hosts({address: Endpoint(at, Limiter(None))}, [address], allowed, environ, ask, declared=declared)


def run_check(plan: CheckPlan) -> tuple[Abilities, bool]:
    """Send the requests of a check. Return what they show, and whether that is kept for later runs.

    Raises: CallError, if the endpoint does not answer.
    """
    abilities = asyncio.run(Probing(plan.provider._at, plan.kind, plan.most).find())
    return abilities, _kept(plan, abilities)


def _kept(plan: CheckPlan, abilities: Abilities) -> bool:
    """Keep the findings by address and model, and the refusals as lessons that later runs begin with."""
    if plan.store is None:
        return False
    record, lessons = plan.provider.record, _LESSONS[plan.kind]
    record.refused.update(
        lessons[part] for part, what in abilities.found.items() if what == REFUSED and part in lessons
    )
    if abilities.found.get(N) in (REFUSED, IGNORED):
        record.ceiling = 1
    plan.store.keep_check(plan.address, f"{plan.kind}:{plan.model}", abilities.found)
    plan.store.save()
    return plan.store.writable


_LESSONS: Mapping[str, Mapping[str, str]] = {
    "openai": {"json_schema": "json_schema", "seed": "seed", "stream": "stream", "usage": "stream_options"},
    "anthropic": {"json_schema": "output_config", "stream": "stream"},
    "gemini": {"json_schema": "responseJsonSchema", "seed": "seed", "stream": "stream"},
}
"""The words of each provider for the parts that its requests leave out once a server has refused them."""


def _example(name: str, environ: Mapping[str, str]) -> str:
    """Return the model that flowrun names as an example of a provider; "" for an endpoint that others declare."""
    row = next((one for one in provider_table(environ) if one.name == name), None)
    found = row.example.partition(":")[2] if row is not None else ""
    return "" if found == "NAME" else found
