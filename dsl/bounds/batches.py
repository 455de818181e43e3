"""The asks that go to batch APIs. They cost half, and each round of them takes up to 24 hours."""

from __future__ import annotations

from collections.abc import Mapping

from .. import plan as p
from .expression_sizes import SizeScope, size_of
from .served import Served, World
from .sizes import Known

BATCH = "batch"
"""The name of the prices of batches among those of the service tiers."""


def batched(served: Served | None, settings: Mapping[str, p.Expr], scope: SizeScope, world: World) -> bool:
    """Tell whether a model with these settings is asked through its batch API."""
    if served is None:
        return False
    if "batch" not in settings:
        return served.batch
    size = size_of(settings["batch"], scope, world, world.count)
    return isinstance(size, Known) and size.value is True
