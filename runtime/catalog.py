"""The catalog that the checker needs: the functions, reducers, options and providers of this runtime."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from flowrun.dsl import Catalog

from .plans.language import language
from .providers import ProviderNames


@cache
def catalog() -> Catalog:
    return replace(language(), providers=ProviderNames())
