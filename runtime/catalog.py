"""The catalog that the checker needs: the functions, reducers, options and providers of this runtime."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from flowrun.dsl import Catalog

from .plans.language import language
from .providers import ProviderNames, is_own, service_at, traits_of
from .vocabulary.errors import UsageError
from .vocabulary.json_value import Json

if TYPE_CHECKING:
    from .providers.named_endpoints import NamedEndpoint


class AnyProvider(frozenset[str]):
    """The provider names for a caller who opens models by a function of their own. Every name is accepted."""

    def __contains__(self, name: object) -> bool:
        return True


@cache
def catalog() -> Catalog:
    known = replace(language(), providers=ProviderNames(), places=_fixed_places, refused=_refused)
    return replace(known, built_in=is_own, lacks=_lacks, limits=_limits)


def catalog_for(source: str, environ: Mapping[str, str]) -> Catalog:
    """Return the catalog for a flow file, with the endpoints that its user and its project declare."""

    @cache
    def declared() -> Mapping[str, NamedEndpoint]:
        # Most flows ask only providers that flowrun knows.
        from .providers.declared_endpoints import DeclaredEndpoints

        return DeclaredEndpoints(source, environ)

    def named(name: str) -> NamedEndpoint | None:
        # A file of settings that is not valid is told elsewhere.
        with suppress(UsageError):
            return None if is_own(name) or "://" in name else declared().get(name)
        return None

    def limits(name: str) -> str:
        found = named(name)
        return _limits(name if found is None else found.base_url)

    def lacks(address: str) -> frozenset[str]:
        found = named(address.partition(":")[0])
        return _lacks(address) if found is None else service_at(found).traits.lacks

    return replace(catalog(), providers=ProviderNames(declared), limits=limits, lacks=lacks)


@cache
def open_catalog() -> Catalog:
    """Return the catalog for a caller who opens models by a function of their own. It accepts every provider's name."""
    return replace(language(), providers=AnyProvider(), built_in=is_own, lacks=_lacks)


def _refused(address: str, options: Mapping[str, Json]) -> Mapping[str, str]:
    from .providers.option_checks import refused_at  # most flows have no such options

    return refused_at(address, options)


def _fixed_places(provider: str) -> int | None:
    """Return 1 for a provider that takes one request at a time. None for others, whose number grows."""
    return 1 if traits_of(provider).concurrency == 1 else None


def _lacks(address: str) -> frozenset[str]:
    """Return what a model, or a provider, is known not to serve. Nothing is known of other packages' providers."""
    return traits_of(address).lacks if is_own(address.partition(":")[0]) else frozenset()


def _limits(name: str) -> str:
    """Return the provider whose limits of types a provider has, or the servers at an address."""
    if "://" not in name:
        return name
    from .providers.addresses import maker_of

    return maker_of(name)
