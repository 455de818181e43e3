"""The asks that go to batch APIs. They cost half, and each round of them takes up to 24 hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import plan as p
from .expression_sizes import SizeScope, size_of
from .served import Rates, Served, World
from .sizes import Known

SHARE = 0.5
"""The part of the live price that a batch API takes."""


def batched(served: Served | None, settings: Mapping[str, p.Expr], scope: SizeScope, world: World) -> bool:
    """Tell whether a model with these settings is asked through its batch API."""
    if served is None:
        return False
    if "batch" not in settings:
        return served.batch
    size = size_of(settings["batch"], scope, world, world.count)
    return isinstance(size, Known) and size.value is True


def at_batch_price(served: Served | None, *, batch: bool) -> Served | None:
    """Return a model with the prices of its batch API."""
    if served is None or served.rates is None or not batch:
        return served
    least, most = served.rates.least, served.rates.most
    half = Rates((SHARE * least[0], SHARE * least[1]), (SHARE * most[0], SHARE * most[1]))
    return replace(served, rates=half)
