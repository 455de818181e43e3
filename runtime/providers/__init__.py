"""The table of the providers, by name. An import of this module loads no provider.

A provider is a module of this folder with its own name that binds ``PROVIDER``, or an entry point of the group
``flowrun.providers``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Set
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass

from ..registry.entries import entry_points, words_for
from ..registry.modules import binding, binds
from ..vocabulary.errors import FlowrunError, UsageError, mistake_in
from ..vocabulary.quoting import shown
from ..vocabulary.tokens import estimate
from .traits import Count, ProviderSpec, Traits

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .named import NamedEndpoint
    from .protocol import Provider, Surroundings

GROUP = "flowrun.providers"
"""The entry points of other people's providers.

Each names a ProviderSpec, or a callable that takes a model's name and Surroundings and may have ``traits``.
"""

_MEMBERS = ("model", "endpoint", "samples", "concurrency", "start", "complete", "close")
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
    """The names of all providers. The full name of a model begins with one of them.

    The names of other packages' providers are looked up only when they are needed, because that reads the metadata of
    every installed package.
    """

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (is_own(name) or name in self._foreign)

    def __iter__(self) -> Iterator[str]:
        return iter((*own_names(), *self._foreign))

    def __len__(self) -> int:
        return len(own_names()) + len(self._foreign)

    @cached_property
    def _foreign(self) -> tuple[str, ...]:
        return tuple(_entries())


def is_own(name: str) -> bool:
    """Tell whether flowrun itself has a provider of this name. No provider is loaded for this."""
    return binds(__name__, name, "PROVIDER")


def own_names() -> tuple[str, ...]:
    """Return the names of flowrun's own providers. No provider is loaded for this."""
    return tuple(binding(__name__, "PROVIDER"))


@cache
def _own(name: str) -> ProviderSpec:
    spec: ProviderSpec = import_module(f".{name}", __name__).PROVIDER
    if spec.name != name:
        raise TypeError(f"the provider {spec.name} is in the module {name}: a provider has the name of its module")
    return spec


def all_own() -> list[ProviderSpec]:
    """Return the declarations of flowrun's own providers. Those that run models on this machine come first."""
    return sorted(map(_own, own_names()), key=lambda spec: (not spec.traits.local, spec.name))


def open_provider(model: str, surroundings: Surroundings) -> Provider:
    """Return the provider for a model's full name, ``provider:name``. It sends and loads nothing before ``start``.

    Raises: UsageError, for an unknown provider, a missing name or a missing key.
    """
    provider, _, name = model.partition(":")
    if not model.isprintable():
        raise UsageError("the name of a model has a character that cannot be printed")
    if (named := surroundings.endpoints.get(provider)) is not None:
        if named.others:
            opened: Provider = import_module(".replicas", __name__).open_replicas(model, named, surroundings)
            return opened
        return _open_named(named, name, surroundings)
    if not is_own(provider):
        return _open_foreign(model, provider, name, surroundings)
    spec = _own(provider)
    if not name and not spec.nameless:
        raise UsageError(f"{provider} serves many models: name a model, as in {spec.example}")
    return spec.open(name, surroundings)


def provider_table(environ: Mapping[str, str] | None = None) -> tuple[ProviderInfo, ...]:
    """Return a row for every provider. The variables are read from ``environ``, or from this process if it is None."""
    environ = os.environ if environ is None else environ
    rows = []
    for spec in all_own():
        variables = tuple((name, bool(environ.get(name, "").strip())) for name in spec.variables)
        # An address may carry a password; only its host and path are shown.
        scheme, _, rest = spec.address(environ).rpartition("://")
        shown = f"{scheme}://{rest.rpartition('@')[2]}" if rest else None
        rows.append(ProviderInfo(spec.name, spec.title, spec.example, variables, shown))
    rows += [
        ProviderInfo(entry.name, f"from {entry.dist.name if entry.dist else entry.value}", f"{entry.name}:NAME")
        for entry in _entries().values()
    ]
    return tuple(rows)


def base_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the base URLs that the user has set, by the names of their variables."""
    names = [spec.base_variable for spec in all_own() if spec.base_variable]
    set_ = {name: environ.get(name, "").strip() for name in names}
    return {name: value for name, value in set_.items() if value}


def traits_of(address: str) -> Traits:
    """Return the traits of a model's provider.

    For another package's provider this is the attribute ``traits`` of the object that the entry point names, or the
    default.
    """
    provider = address.partition(":")[0]
    if is_own(provider):
        return _own(provider).traits
    entry = _entries().get(provider)
    try:
        found = getattr(entry.load(), "traits", None) if entry is not None else None
    except (Exception, SystemExit):  # noqa: BLE001 (open_provider says why)
        found = None
    return found if isinstance(found, Traits) else Traits()


def token_counter(address: str, environ: Mapping[str, str]) -> Count:
    """Return a function that counts a model's tokens: by its own vocabulary if that is known, else by the estimate."""
    traits = traits_of(address)
    own_server = bool(traits.price_variable and environ.get(traits.price_variable, "").strip())
    counter = None if own_server else traits.tokens(address.partition(":")[2])
    return counter or estimate


def is_local(address: str, endpoint: str) -> bool:
    """Tell whether a model at this endpoint runs on this machine."""
    from .addresses import is_loopback

    return traits_of(address).local or is_loopback(endpoint)


def places_of(address: str, environ: Mapping[str, str]) -> int | None:
    """Return how many requests to a model's endpoint may be in flight when a run begins. None if not known."""
    name = address.partition(":")[0]
    return _own(name).places(environ) if is_own(name) else traits_of(address).concurrency


def provider_faults() -> list[str]:
    """Return a sentence for each provider of another package that cannot be used because of its name."""
    faults = []
    for name, entries in entry_points(GROUP).items():
        who = words_for("provider", name, entries)
        if is_own(name):
            faults.append(f"{who} is not used: flowrun has a provider of this name itself")
        elif len(entries) > 1:
            faults.append(f"{who} cannot be used: only one package may have one of this name, so uninstall the others")
    return faults


def _open_named(named: NamedEndpoint, name: str, surroundings: Surroundings) -> Provider:
    """Open a model at an endpoint that is declared by name."""
    from .endpoints import Service, service_of

    if not name:
        raise UsageError(f"{named.name} serves many models: name a model, as in {named.name}:NAME")
    spoken = _own(named.kind)
    assert isinstance(spoken, Service)
    opened: Provider = import_module(f".{named.kind}", __name__).opened(name, surroundings, service_of(named, spoken))
    return opened


def _entries() -> dict[str, EntryPoint]:
    return {name: entries[0] for name, entries in entry_points(GROUP).items() if not is_own(name)}


def _open_foreign(model: str, provider: str, name: str, surroundings: Surroundings) -> Provider:
    entry = _entries().get(provider)
    if entry is None:
        raise UsageError(_unknown(model, provider))
    who = words_for("provider", provider, [entry])
    for fault in provider_faults():
        if fault.startswith(words_for("provider", provider, entry_points(GROUP).get(provider, []))):
            raise UsageError(fault)
    try:
        found = entry.load()
    except (Exception, SystemExit) as mistake:  # noqa: BLE001 (the package is somebody else's)
        raise UsageError(f"{who} is installed but cannot be loaded: {mistake_in(mistake)}") from None
    opener: Callable[[str, Surroundings], Provider] = found.open if isinstance(found, ProviderSpec) else found
    return opened_by(opener, model, name, surroundings, who)


def opened_by(
    opener: Callable[[str, Surroundings], Provider], model: str, name: str, surroundings: Surroundings, who: str
) -> Provider:
    """Open a model by a function of somebody else's, which gets ``name``; ``who`` is the word for it in messages.

    Raises: UsageError, if the function fails or returns no provider; the function's own FlowrunErrors.
    """
    try:
        opened = opener(name, surroundings)
    except FlowrunError:
        raise
    except Exception as mistake:
        raise UsageError(f"{who} cannot open `{model}`: {mistake_in(mistake)}") from mistake
    if missing := [member for member in _MEMBERS if not hasattr(opened, member)]:
        raise UsageError(f"{who} opens no provider for `{model}`: what it opens has no {', '.join(missing)}")
    wrong = [
        f"`{member}` is no text" for member in ("model", "endpoint") if not isinstance(getattr(opened, member), str)
    ]
    for member in ("samples", "concurrency"):
        number = getattr(opened, member)
        if not isinstance(number, int) or number < 1:
            wrong.append(f"`{member}` is no whole number from 1")
    if wrong:
        raise UsageError(f"{who} opens no provider for `{model}`: its {', its '.join(wrong)}")
    return opened


def _unknown(model: str, provider: str) -> str:
    from difflib import get_close_matches

    own = {spec.name: spec.name if spec.nameless else f"{spec.name}:NAME" for spec in all_own()}
    names = own | {name: f"{name}:NAME" for name in _entries()}
    near = get_close_matches(provider.lower(), names, n=1)
    name = model.partition(":")[2]
    guess = f"Did you mean {near[0]}{':' if name else ''}{name}? " if near else ""
    return f"no provider is called {shown(provider)}. {guess}Write a model as one of {', '.join(names.values())}"
