"""The models that a run may ask, with their endpoints and their prices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..costs.prices import Prices, must_be_priced, prices_at
from ..dispatch.endpoint import Endpoint
from ..experience.store import Store, open_store
from ..forecast.declared_prices import declared_prices
from ..plans.models import declared_models
from ..plans.wanted_models import default_model
from ..providers import open_provider
from ..providers.declared_endpoints import endpoints_of
from ..providers.homes import sent_to
from ..providers.protocol import Surroundings
from ..providers.records import NoRecords
from ..values.expressions import ModelValue
from ..vocabulary.json_value import Json
from ..vocabulary.usage import Price
from .endpoints import LimiterAt, chosen_addresses, open_endpoints, plain
from .hosts import permit_hosts
from .parts import Parts
from .run_rows import RunSettings


@dataclass(frozen=True, slots=True)
class Models:
    """The models of a run: their endpoints by address, their options and prices, and the variables sent to them."""

    declared: Mapping[str, ModelValue]
    default: ModelValue
    endpoints: dict[str, Endpoint]
    declared_prices: Mapping[str, Price]
    prices: Prices
    asked_hosts: tuple[str, ...]
    store: Store | None
    variables: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """True if the findings on the endpoints are kept for later runs."""
        return self.store is not None and self.store.writable


def models_of(
    plan: p.Plan,
    values: Mapping[str, Json],
    settings: RunSettings,
    parts: Parts,
    tell: Callable[[str], None],
    *,
    priced: bool,
    limiter_at: LimiterAt = plain,
) -> Models:
    """Open the models that a run may ask, and check that the user allows their hosts. Raises UsageError.

    ``limiter_at`` returns what makes the limiter of an endpoint.
    """
    declared = declared_models(plan)
    default = default_model(settings.model, declared)
    store = open_store(parts.environ, tell) if parts.learn else None
    own_opener = parts.opener is not open_provider
    named = endpoints_of(plan, parts.environ, settings.folder, none=own_opener)
    surroundings = Surroundings(parts.environ, tell, store or NoRecords(), named)
    endpoints = open_endpoints(plan, values, declared, default, surroundings, parts.opener, parts.policy, limiter_at)
    asked: tuple[str, ...] = ()
    if not own_opener:
        chosen = chosen_addresses(plan, values, "" if settings.of_project else settings.model, declared)
        allowed, of_project = settings.allow_host, settings.of_project
        asked = permit_hosts(
            endpoints, chosen, allowed, parts.environ, parts.ask_hosts, of_project=of_project, declared=named
        )
    own = {**prices_at(endpoints, named), **declared_prices(plan)}
    if priced:
        must_be_priced(endpoints, parts.environ, own)
    return Models(
        declared, default, endpoints, own, Prices(parts.environ, own), asked, store, sent_to(endpoints, named)
    )
