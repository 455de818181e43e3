"""What a plan takes with these inputs, in this world: its files, its models and their prices. Nothing is sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from flowrun.dsl import RIGHT, Bounds, Rates, Served, UnsettledError, bounds_of
from flowrun.dsl import plan as p

from .catalog import catalog
from .errors import FlowrunError, UsageError
from .files import Files
from .functions import FUNCTIONS, World
from .prices import Prices, declared_prices
from .prompts import render
from .providers import DEFAULT_MODEL, MODEL_VARIABLE, places_of
from .tokens import counter, estimate
from .values import evaluate

Json = Any
Lookup = Callable[[str], Json]
_ALONE = frozenset({"anthropic"})
"""Providers that answer one sample a request, so that each of several pays for its prompt."""


def estimate_plan(
    plan: p.Plan,
    inputs: Mapping[str, Json],
    files: Files,
    *,
    model: str | None = None,
    environ: Mapping[str, str] | None = None,
    right: float = RIGHT,
) -> Bounds:
    """The bounds of a plan with these inputs, of which some may be missing. ``model`` is for asks that name none.
    ``right`` is how often one sample of a vote is right, for what is expected of it.

    Reads the files that the flow reads. Raises InputError where one cannot be read.
    """
    environ = os.environ if environ is None else environ
    default = model or environ.get(MODEL_VARIABLE, "").strip() or DEFAULT_MODEL
    world = _Surroundings(files, environ, Prices(environ, declared_prices(plan)))
    return bounds_of(plan, catalog().reducers, inputs=inputs, world=world, model=default, right=right)


class _Names:
    """Names whose values need no model."""

    def __init__(self, lookup: Lookup, files: Files) -> None:
        self.value = lookup
        self.files = files

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        if FUNCTIONS[function].spec.of_step:
            raise UnsettledError(function)
        return FUNCTIONS[function].call(args, World(self.files, lambda name: None))


class _Surroundings:
    def __init__(self, files: Files, environ: Mapping[str, str], prices: Prices) -> None:
        self.files = files
        self.environ = environ
        self.prices = prices
        self.served = lru_cache(maxsize=256)(self._served)

    def count(self, text: str) -> int:
        return estimate(text)

    def value(self, expr: p.Expr, lookup: Lookup) -> Json:
        try:
            return evaluate(expr, _Names(lookup, self.files))
        except UsageError:
            raise
        except FlowrunError as error:
            raise UnsettledError(str(error)) from None

    def text(self, template: str, lookup: Lookup) -> str:
        try:
            return render(template, lookup)
        except FlowrunError as error:
            raise UnsettledError(str(error)) from None

    def _served(self, address: str) -> Served:
        provider = address.partition(":")[0]
        known = self.prices(address)
        rates = None
        if known is not None:
            rates = Rates(known.usual or (known.input, known.output), (known.input, known.output))
        places = places_of(address, self.environ)
        own = provider in ("openai",) and bool(self.environ.get("OPENAI_BASE_URL", "").strip())
        return Served(
            address,
            estimate if own else counter(address),
            rates,
            shares=provider not in _ALONE,
            bare=provider == "embedded",
            longest=known.sent if known is not None else None,
            # All models of a provider of ours share its endpoint.
            endpoint="" if places is None else provider,
            places=places,
        )
