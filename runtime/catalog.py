"""What this runtime has, as the checker wants to know it."""

from __future__ import annotations

from functools import cache

from flowrun.dsl import Catalog

from .functions import FUNCTIONS
from .options import OPTIONS
from .providers import ProviderNames
from .reducers import REDUCERS


@cache
def catalog() -> Catalog:
    return Catalog(
        {name: function.spec for name, function in FUNCTIONS.items()},
        {name: rule.spec for name, rule in REDUCERS.items()},
        OPTIONS,
        ProviderNames(),
    )
