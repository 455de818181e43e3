"""The prices of tokens. They come from the table of genai-prices, an optional package, loaded when needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..providers import NO_ENDPOINTS, is_own, traits_of
from ..vocabulary.account import Account
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.question import PERSON
from ..vocabulary.quoting import shown
from ..vocabulary.tariff import Stores
from ..vocabulary.usage import Usage
from .budget import Price

if TYPE_CHECKING:
    from ..providers.named_endpoints import NamedEndpoint

_FREE = Price(0.0, 0.0)
PRICES = ("input_price", "output_price", "cached_price", "stored_price")
"""The options with which a model declares its prices, in dollars for a million tokens."""


def price(
    model: str,
    environ: Mapping[str, str] | None = None,
    endpoints: Mapping[str, NamedEndpoint] = NO_ENDPOINTS,
) -> Price | None:
    """Look up the price of a model, ``provider:name``; None if no price is known.

    A local model costs nothing. If the user has set a base URL for the provider, its price is unknown. ``endpoints``
    are the declared endpoints.
    """
    if model == PERSON:
        return _FREE
    traits = traits_of(model, endpoints)
    own = bool((os.environ if environ is None else environ).get(traits.price_variable, "").strip())
    if traits.local and not own:
        return _FREE
    if not traits.price_list or own:
        return None
    from .listed_prices import listed  # most commands look no price up

    return listed(traits.price_list, model.partition(":")[2], traits.most_written)


def cost_of(model: str, usage: Usage, environ: Mapping[str, str] | None = None) -> float | None:
    """Work out the true bill of a usage of ``provider:name`` in dollars; None if it is not known."""
    return Prices(environ).cost_of(model, usage)


def _declared(address: str, options: Mapping[str, Json]) -> Price | None:
    """Read the prices from a model's options; None if they have none. An input or output price that is not set is 0."""
    given = [options.get(name) for name in PRICES]
    if not any(one is not None for one in given):
        return None
    read, written, cached, stored = (None if one is None else float(one) / 1_000_000 for one in given)
    # A server that has such a price may write to its cache unasked.
    stores: Stores = "" if stored is None else "short"
    most = traits_of(address).most_written
    return Price(read or 0.0, written or 0.0, most, read_cached=cached, write_cached=stored, stores=stores)


def dearest_declared(models: Iterable[tuple[str, Mapping[str, Json]]]) -> dict[str, Price]:
    """Return the prices that models declare in their options, by address. ``models`` are addresses with options.

    If two models of one address declare different prices, the higher one counts, because a budget must hold for both.
    """
    found: dict[str, Price] = {}
    for address, options in models:
        own = _declared(address, options)
        if own is None:
            continue
        other = found.get(address, own)
        found[address] = replace(
            own,
            input=max(own.input, other.input),
            output=max(own.output, other.output),
            read_cached=_dearer(own.read_cached, own.input, other.read_cached, other.input),
            write_cached=_dearer(own.write_cached, own.input, other.write_cached, other.input),
            stores=own.stores or other.stores,
        )
    return found


def _dearer(one: float | None, plain: float, other: float | None, other_plain: float) -> float | None:
    if one is other is None:
        return None
    return max(plain if one is None else one, other_plain if other is None else other)


def prices_at(addresses: Iterable[str], endpoints: Mapping[str, NamedEndpoint]) -> dict[str, Price]:
    """Return the known prices of the models at declared endpoints, by address."""
    others = [one for one in addresses if not is_own(one.partition(":")[0])]
    found = {one: price(one, {}, endpoints) for one in others if one.partition(":")[0] in endpoints}
    return {one: known for one, known in found.items() if known is not None}


CostOf = Callable[[str, Usage], float | None]
"""A function that returns the dollars for the tokens of a model, None if a price is not known."""


class Prices:
    """The prices of models: the prices that the flow declares, or else the known prices.

    ``endpoints`` are the endpoints that the user, the project and the flow declare.
    """

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        declared: Mapping[str, Price] | None = None,
        endpoints: Mapping[str, NamedEndpoint] = NO_ENDPOINTS,
    ) -> None:
        self.endpoints = endpoints
        self.environ = os.environ if environ is None else environ
        self.declared = declared or {}
        self._unpriced: set[str] = set()

    def __call__(self, model: str) -> Price | None:
        if model in self._unpriced:
            return None
        found = self.declared.get(model) or price(model, self.environ, self.endpoints)
        if found is None:
            self._unpriced.add(model)
        return found

    def cost_of(self, model: str, usage: Usage) -> float | None:
        """Work out the true bill of a usage of a model, in dollars.

        None if the price is not known, or if a number of tokens is missing and they are not free.
        """
        found = self(model)
        return None if found is None else found.bill(usage)

    def usual(self, *accounts: Account) -> CostOf:
        """Return a function for a part of a run: each token costs as much as those of its model in these accounts.

        So it counts what caches, batches, tiers and long prompts did to the price.
        """

        def cost(model: str, usage: Usage) -> float | None:
            price = self(model)
            if price is None or not usage.known or price.input == price.output == 0:
                return self.cost_of(model, usage)
            # The tokens are those of many requests, so they are no long prompt.
            flat = price.tariff().cost(usage.amounts)
            uses = [one.models[model] for one in accounts if model in one.models]
            whole = Usage(sum(use.input_tokens for use in uses), sum(use.output_tokens for use in uses))
            like = price.tariff().cost(whole.amounts)
            return flat * sum(use.cost(price) for use in uses) / like if like else flat

        return cost

    def cache_saving(self, account: Account) -> float | None:
        """Work out the dollars that the providers' caches saved; below zero if writing cost more than reading saved.

        None if a price is not known.
        """
        total = 0.0
        for model, use in account.models.items():
            if any(tokens.cached or tokens.stored or tokens.long_stored for tokens in use.lots.values()):
                found = self(model)
                if found is None:
                    return None
                total += use.uncached_cost(found) - use.cost(found)
        return total

    def of(self, account: Account) -> float | None:
        """Work out the dollars for the tokens of an account; None if a price is not known."""
        total = 0.0
        for model, use in account.models.items():
            if use.answered or use.spoilt:
                found = self(model)
                if found is None:
                    return None
                total += use.cost(found)
        return total


def must_be_priced(
    models: Iterable[str],
    environ: Mapping[str, str],
    declared: Mapping[str, Price] | None = None,
) -> None:
    """Raise UsageError if a model has no known price, because a budget in money then cannot be held."""
    prices = Prices(environ, declared)
    for model in models:
        if prices(model) is not None:
            continue
        traits, why, way_out = traits_of(model), "", ""
        if traits.price_list and environ.get(traits.price_variable, "").strip():
            why = f" ({traits.price_variable} points to a server of your own)"
        elif traits.price_list and find_spec("genai_prices") is None:
            way_out = "install flowrun-dsl[prices], "
        raise UsageError(
            f"the flow has a budget in money, and the price of {shown(model)} is unknown{why}: {way_out}declare the "
            "model with its price, in dollars for a million tokens (`with input_price: 0.15, output_price: 0.6`), or "
            "write a budget of calls instead, such as 400 calls"
        )
