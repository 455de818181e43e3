"""The language of this runtime: its functions, reducers and options, without the providers."""

from __future__ import annotations

from functools import cache

from flowrun.dsl import Catalog

from ..reducers import REDUCERS
from ..registry.registry import View
from ..splitters import SPLITTERS
from ..values.functions import FUNCTIONS
from .options import OPTIONS


@cache
def language() -> Catalog:
    """Make a catalog for checking a plan. It accepts any provider, because models are checked when they are opened."""
    return Catalog(
        {name: function.spec for name, function in FUNCTIONS.items()},
        View(REDUCERS, lambda rule: rule.spec),
        OPTIONS,
        frozenset({"any"}),
        _fault,
    )


def _fault(kind: str, name: str) -> str | None:
    return REDUCERS.fault(name) if kind == "reducer" else SPLITTERS.fault(name) if kind == "splitter" else None
