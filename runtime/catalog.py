"""The catalog that the checker needs: the functions, reducers, options and providers of this runtime."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from flowrun.dsl import Catalog

from .plans.language import language
from .providers import ProviderNames, is_own, traits_of


class AnyProvider(frozenset[str]):
    """The provider names for a caller who opens models by a function of their own. Every name is accepted."""

    def __contains__(self, name: object) -> bool:
        return True


@cache
def catalog() -> Catalog:
    return replace(language(), providers=ProviderNames(), places=_fixed_places, built_in=is_own, lacks=_lacks)


@cache
def open_catalog() -> Catalog:
    """Return the catalog for a caller who opens models by a function of their own. It accepts every provider's name."""
    return replace(language(), providers=AnyProvider(), built_in=is_own, lacks=_lacks)


def _fixed_places(provider: str) -> int | None:
    """Return 1 for a provider that takes one request at a time. None for others, whose number grows."""
    return 1 if traits_of(provider).concurrency == 1 else None


def _lacks(provider: str) -> frozenset[str]:
    """Return what a provider is known not to serve. Nothing is known of the providers of other packages."""
    return traits_of(provider).lacks if is_own(provider) else frozenset()
