"""The bounds of a plan with its inputs, files, models and prices. Nothing is sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from flowrun.dsl import RIGHT, Bounds, ImageText, OnlyBatches, Served, UnsettledError, bounds_of, necessary
from flowrun.dsl import plan as p

from ..catalog import catalog
from ..costs.prices import Prices
from ..files.files import Files
from ..providers import is_own, own_spec, places_of, token_counter, traits_of
from ..providers.declared_endpoints import endpoints_of
from ..providers.default_model import model_without_option
from ..providers.image_counts import with_images
from ..reads.reading import reading
from ..values.expressions import evaluate
from ..values.functions import FUNCTIONS, World
from ..values.prompts import render
from ..vocabulary.errors import FlowrunError, NotInstalledError, UsageError
from ..vocabulary.image_tokens import most_tokens, reads_images, worst
from ..vocabulary.json_value import Json
from ..vocabulary.tokens import estimate
from .declared_prices import declared_prices
from .rates import rates_of

Lookup = Callable[[str], Json]


def estimate_plan(
    plan: p.Plan,
    inputs: Mapping[str, Json],
    files: Files,
    *,
    model: str | None = None,
    environ: Mapping[str, str] | None = None,
    right: float = RIGHT,
    batch: bool = False,
    only_batches: bool = False,
) -> Bounds:
    """Work out the bounds of a plan with these inputs. Some inputs may be missing.

    ``model`` is for asks that name none. ``right`` is the probability that a vote's sample is right; the expected
    numbers depend on it. With ``batch`` all models that can are asked through their batch APIs. With ``only_batches``
    only their calls take rounds. Reads the files that the flow reads. Raises InputError if a file cannot be read.
    """
    environ = os.environ if environ is None else environ
    default = model or model_without_option(environ, plan.source).name
    world = _Surroundings(files, environ, _prices(plan, environ), batch=batch)
    reducers, counted = catalog().reducers, OnlyBatches(world) if only_batches else world
    return bounds_of(plan, reducers, inputs=inputs, world=counted, model=default, right=right)


def least_of(plan: p.Plan, model: str, environ: Mapping[str, str]) -> Bounds:
    """Work out the least that a run needs, whatever its inputs are. Reads no file.

    ``model`` is for asks that name none.
    """
    world = _Unread(Files(Path()), environ, _prices(plan, environ))
    reducers = catalog().reducers
    return bounds_of(necessary(plan, reducers), reducers, world=world, model=model)


def bounds_without_inputs(plan: p.Plan, model: str, environ: Mapping[str, str]) -> Bounds:
    """Work out the bounds of a plan whatever its inputs are. Reads no file. ``model`` is for asks that name none."""
    return bounds_of(plan, catalog().reducers, world=world_of(plan, environ), model=model)


def world_of(plan: p.Plan, environ: Mapping[str, str]) -> _Surroundings:
    """Return what the bounds of a plan's file need, besides inputs: the prices and the tokens of its models."""
    return _Unread(Files(Path()), environ, _prices(plan, environ))


def _prices(plan: p.Plan, environ: Mapping[str, str]) -> Prices:
    return Prices(environ, declared_prices(plan), endpoints_of(plan, environ))


class _Names:
    """The names and functions that an expression may use if it needs no answer of a model."""

    def __init__(self, lookup: Lookup, files: Files) -> None:
        self.value = lookup
        self.read = reading(files)

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        spec = FUNCTIONS[function].spec
        if spec.of_step:
            raise UnsettledError(function)
        try:
            return FUNCTIONS[function].call(args, World(lambda name: None, self.read))
        except UsageError as error:
            if spec.reads or isinstance(error, NotInstalledError):
                raise
            # The step will fail in the run, after the steps before it.
            raise UnsettledError(str(error)) from None


class _Surroundings:
    refuses = True
    """True if an image for a model that reads none is an error."""

    def __init__(self, files: Files, environ: Mapping[str, str], prices: Prices, *, batch: bool = False) -> None:
        self.batch = batch
        self.files = files
        self.environ = environ
        self.prices = prices
        self.served = lru_cache(maxsize=256)(self._served)

    def count(self, text: str) -> int:
        if not isinstance(text, ImageText):
            return estimate(text)
        return worst(most_tokens) if text.value is None else most_tokens(*text.pixels)

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
        endpoints, name = self.prices.endpoints, address.partition(":")[0]
        traits = traits_of(address, endpoints)
        known = self.prices(address)
        keeps = traits.least_kept(address.partition(":")[2])
        rates = None if known is None else rates_of(known, keeps=keeps)
        takes = not self.refuses or ("images" not in traits.lacks and reads_images(address))
        places = places_of(address, self.environ, endpoints)
        provider = address.partition(":")[0]
        return Served(
            address,
            with_images(token_counter(address, self.environ, endpoints), address, takes=takes),
            rates,
            shares=traits.shares_prompt,
            bare=traits.bare,
            longest=known.sent if known is not None else None,
            # All models of a built-in provider share its endpoint.
            endpoint="" if places is None else provider,
            places=places,
            single=places != 1 or not is_own(provider) or own_spec(provider).single(self.environ),
            keeps=keeps,
            batch=self.batch and "batch" not in traits.lacks and (is_own(name) or name in endpoints),
        )


class _Unread(_Surroundings):
    """A ``World`` that knows only prices. It works out no value and reads no file."""

    refuses = False

    def value(self, expr: p.Expr, lookup: Lookup) -> Json:
        raise UnsettledError

    def text(self, template: str, lookup: Lookup) -> str:
        raise UnsettledError
