"""What this runtime has, as the checker wants to know it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from flowrun.dsl import Catalog

from .plans.language import language
from .providers import ProviderNames


@cache
def catalog() -> Catalog:
    return replace(language(), providers=ProviderNames())
