"""The asks that go to batch APIs. They cost half, and each round of them takes up to 24 hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .. import plan as p
from .bound import NOTHING, Bound
from .expression_sizes import SizeScope, size_of
from .model_facts import Served, World
from .sizes import Known

BATCH = "batch"
"""The name of the prices of batches among those of the service tiers."""


class OnlyBatches:
    """A ``World`` in which only calls to batch APIs take rounds. Everything else is that of another ``World``."""

    def __init__(self, world: World) -> None:
        self.count = world.count
        self.value = world.value
        self.text = world.text
        self.served = world.served


def rounds_of(tries: Bound, world: World, *, batch: bool, fallback: bool) -> Bound:
    """Return the rounds that these tries in a row take in the world.

    ``batch`` says that a batch API gets them, except the last one if the model has a ``fallback``.
    """
    if not isinstance(world, OnlyBatches):
        return tries
    if not batch:
        return NOTHING
    return replace(tries, most=tries.most - 1) if fallback and tries.most is not None else tries


def batched(served: Served | None, settings: Mapping[str, p.Expr], scope: SizeScope, world: World) -> bool:
    """Tell whether a model with these settings is asked through its batch API."""
    if served is None:
        return False
    if "batch" not in settings:
        return served.batch
    size = size_of(settings["batch"], scope, world, world.count)
    return isinstance(size, Known) and size.value is True
