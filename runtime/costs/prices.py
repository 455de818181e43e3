"""The prices of tokens. They come from the table of genai-prices, an optional package, loaded when needed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec

from ..providers import NO_ENDPOINTS, is_own, traits_of
from ..providers.named import NamedEndpoint
from ..vocabulary.account import Account
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.question import PERSON
from ..vocabulary.quoting import shown
from .budget import Price

_FREE = Price(0.0, 0.0)
_LONG = 50_000_000
"""A number of tokens in a prompt that is beyond every tier of a price."""


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
    return _listed(traits.price_list, model.partition(":")[2], traits.most_written)


def cost(model: str, input_tokens: int, output_tokens: int, environ: Mapping[str, str] | None = None) -> float | None:
    """Work out the dollars for tokens of ``provider:name``, at the price of short prompts; None if it is not known."""
    return Prices(environ).cost(model, input_tokens, output_tokens)


def _declared(address: str, options: Mapping[str, Json]) -> Price | None:
    """Read the price from a model's options; None if they have none. If only one price is set, the other is 0."""
    given = [options.get(name) for name in ("input_price", "output_price")]
    if given == [None, None]:
        return None
    read, written = (0.0 if one is None else float(one) / 1_000_000 for one in given)
    return Price(read, written, traits_of(address).most_written)


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
        found[address] = replace(own, input=max(own.input, other.input), output=max(own.output, other.output))
    return found


def prices_at(addresses: Iterable[str], endpoints: Mapping[str, NamedEndpoint]) -> dict[str, Price]:
    """Return the known prices of the models at declared endpoints, by address."""
    others = [one for one in addresses if not is_own(one.partition(":")[0])]
    found = {one: price(one, {}, endpoints) for one in others if one.partition(":")[0] in endpoints}
    return {one: known for one, known in found.items() if known is not None}


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
        self._each: dict[str, tuple[float, float] | None] = {}

    def __call__(self, model: str) -> Price | None:
        return self.declared.get(model) or price(model, self.environ, self.endpoints)

    def cost(self, model: str, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """Work out the dollars for tokens of a model, at the price of short prompts.

        None if the price is not known, or if a number of tokens is missing and they are not free.
        """
        if model not in self._each:
            found = self(model)
            self._each[model] = None if found is None else found.usual or (found.input, found.output)
        each = self._each[model]
        if each is None:
            return None
        if input_tokens is None or output_tokens is None:
            return 0.0 if each == (0.0, 0.0) else None
        return input_tokens * each[0] + output_tokens * each[1]

    def of(self, account: Account) -> float | None:
        """Work out the dollars for the tokens of an account; None if a price is not known."""
        paid = [(model, use) for model, use in account.models.items() if use.answered or use.spoilt]
        costs = [self.cost(model, use.input_tokens, use.output_tokens) for model, use in paid]
        known = [one for one in costs if one is not None]
        return sum(known) if len(known) == len(costs) else None


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


@lru_cache(maxsize=256)
def _listed(service: str, name: str, sent: int | None) -> Price | None:
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    each = []
    window = None
    try:
        for prompt in (1000, _LONG):
            # The tier of an answer's price depends on the length of the prompt, too.
            found = calc_price(Usage(input_tokens=prompt, output_tokens=1000), model_ref=name, provider_id=service)
            each.append((float(found.input_price) / prompt, float(found.output_price) / 1000))
            window = found.model.context_window
    except LookupError:
        return None
    usual, long = each
    return Price(max(usual[0], long[0]), max(usual[1], long[1]), sent, window, usual)
