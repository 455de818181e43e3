"""The table of the providers, by name. An import of this module loads no provider."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from ..vocabulary.tokens import estimate
from .traits import Count, Traits

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .endpoints import Service
    from .protocol import Provider, Surroundings

GROUP = "flowrun.providers"
"""The entry points of other people's providers: a name, and a callable that takes the model's name and Surroundings."""

_BUILT_IN = {
    "openai": (".openai", "open_openai"),
    "anthropic": (".anthropic", "open_anthropic"),
    "gemini": (".gemini", "open_gemini"),
    "embedded": (".embedded", "open_embedded"),
}
_NAMELESS = frozenset({"embedded"})
_EMBEDDED = Traits(local=True, bare=True, concurrency=1)

DEFAULT_MODEL = "embedded"
MODEL_VARIABLE = "FLOWRUN_MODEL"


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A row of ``flowrun models``. ``variables`` are pairs: the name of a variable, and whether it is set."""

    name: str
    title: str
    example: str
    variables: tuple[tuple[str, bool], ...] = ()
    base_url: str | None = None


class ProviderNames(Set[str]):
    """The names of all providers, with which the full name of a model begins.

    The names of other people's providers are looked up only when they matter: that reads the metadata of every
    installed package.
    """

    def __contains__(self, name: object) -> bool:
        return name in _BUILT_IN or name in self._foreign

    def __iter__(self) -> Iterator[str]:
        return iter((*_BUILT_IN, *self._foreign))

    def __len__(self) -> int:
        return len(_BUILT_IN) + len(self._foreign)

    @cached_property
    def _foreign(self) -> tuple[str, ...]:
        return tuple(_entries())


def open_provider(model: str, surroundings: Surroundings) -> Provider:
    """Return the provider for a model's full name, ``provider:name``. It sends and loads nothing before ``start``.

    Raises: UsageError, for an unknown provider, a missing name or a missing key.
    """
    provider, _, name = model.partition(":")
    if not model.isprintable():
        raise UsageError("the name of a model has a character that cannot be printed")
    if provider not in _BUILT_IN:
        return _foreign(model, provider)(name, surroundings)
    if not name and provider not in _NAMELESS:
        example = next(service.example for service in _services() if service.name == provider)
        raise UsageError(f"{provider} serves many models: name a model, as in {example}")
    module, function = _BUILT_IN[provider]
    opened: Provider = getattr(import_module(module, __package__), function)(name, surroundings)
    return opened


def provider_table(environ: Mapping[str, str] | None = None) -> tuple[ProviderInfo, ...]:
    """Return a row for every provider, read from the variables in ``environ`` (None: this process's own)."""
    environ = os.environ if environ is None else environ
    rows = [ProviderInfo("embedded", "A small model inside flowrun, without a key", "embedded:tiny")]
    for service in _services():
        variables = tuple((name, bool(environ.get(name, "").strip())) for name in service.variables)
        # An address may carry a password; only its host and path are shown.
        address = service.address(environ)
        scheme, _, rest = address.rpartition("://")
        shown = f"{scheme}://{rest.rpartition('@')[2]}"
        rows.append(ProviderInfo(service.name, service.title, service.example, variables, shown))
    rows += [
        ProviderInfo(entry.name, f"from {entry.dist.name if entry.dist else entry.value}", f"{entry.name}:NAME")
        for entry in _entries().values()
    ]
    return tuple(rows)


def base_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the base URLs that the user has set: from the name of each variable to its value."""
    set_ = {service.base_variable: environ.get(service.base_variable, "").strip() for service in _services()}
    return {name: value for name, value in set_.items() if value}


def traits_of(address: str) -> Traits:
    """Return the traits of a model's provider.

    For other people's providers: the attribute ``traits`` of the object that the entry point names, or the defaults.
    """
    provider = address.partition(":")[0]
    if provider == "embedded":
        return _EMBEDDED
    if provider in _BUILT_IN:
        return next(service.traits for service in _services() if service.name == provider)
    entry = _entries().get(provider)
    try:
        found = getattr(entry.load(), "traits", None) if entry is not None else None
    except (ImportError, AttributeError):
        found = None  # open_provider says why
    return found if isinstance(found, Traits) else Traits()


def token_counter(address: str, environ: Mapping[str, str]) -> Count:
    """Return a counter of a model's tokens: by its own vocabulary where that is known, else by the estimate."""
    traits = traits_of(address)
    own_server = bool(traits.price_variable and environ.get(traits.price_variable, "").strip())
    counter = None if own_server else traits.tokens(address.partition(":")[2])
    return counter or estimate


def is_local(address: str, endpoint: str) -> bool:
    """Tell whether a model at this endpoint runs on this machine."""
    from .addresses import is_loopback

    return traits_of(address).local or is_loopback(endpoint)


def places_of(address: str, environ: Mapping[str, str]) -> int | None:
    """Return how many requests may be in flight to a model's endpoint when a run begins; None where nobody knows."""
    name = address.partition(":")[0]
    own = next((one.places(one.address(environ)) for one in _services() if one.name == name), None)
    return own or traits_of(address).concurrency


def _services() -> tuple[Service, ...]:
    from .endpoints import ANTHROPIC, GEMINI, OPENAI

    return OPENAI, ANTHROPIC, GEMINI


def _entries() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP) if entry.name not in _BUILT_IN}


def _foreign(model: str, provider: str) -> Callable[[str, Surroundings], Provider]:
    entries = _entries()
    if provider in entries:
        try:
            opener: Callable[[str, Surroundings], Provider] = entries[provider].load()
        except (ImportError, AttributeError) as error:
            raise UsageError(f"the provider {provider} is installed but cannot be loaded: {error}") from error
        return opener
    from difflib import get_close_matches

    names = [*_BUILT_IN, *entries]
    near = get_close_matches(provider.lower(), names, n=1)
    name = model.partition(":")[2]
    guess = f"Did you mean {near[0]}{':' if name else ''}{name}? " if near else ""
    listed = ", ".join(known if known in _NAMELESS else f"{known}:NAME" for known in names)
    raise UsageError(f"no provider is called {shown(provider)}. {guess}Write a model as one of {listed}")
