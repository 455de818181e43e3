"""The table of the providers, by name. An import of this module loads no provider.

A provider is a module of this folder with its own name that binds ``PROVIDER``, a row of ``table.py``, an endpoint that
the user, the project or the flow declares, or an entry point of the group ``flowrun.providers``. Own ones come first.
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
from ..vocabulary.errors import UsageError, mistake_in
from ..vocabulary.quoting import shown
from ..vocabulary.tokens import estimate
from .traits import Count, ProviderSpec, Traits

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from .named_endpoints import BuiltIn, NamedEndpoint
    from .protocol import Provider, Surroundings
    from .services import Service

GROUP = "flowrun.providers"
"""The entry points of other people's providers.

Each names a ProviderSpec, or a callable that takes a model's name and Surroundings and may have ``traits``.
"""

NO_ENDPOINTS: Mapping[str, NamedEndpoint] = {}
DEFAULT_MODEL = "embedded"
MODEL_VARIABLE = "FLOWRUN_MODEL"


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """A row of `flowrun models`. ``variables`` are pairs: the name of a variable, and whether it is set."""

    name: str
    title: str
    example: str
    variables: tuple[tuple[str, bool], ...] = ()
    base_url: str = ""


class ProviderNames(Set[str]):
    """The names of all providers. The full name of a model begins with one of them.

    The names of other packages' providers are looked up only when they are needed, because that reads the metadata of
    every installed package. ``declared`` returns the endpoints that the user and the project declare. If their files
    are not valid, every name is taken for one of them, since a run or a check of these files tells of the mistake.
    """

    def __init__(self, declared: Callable[[], Mapping[str, NamedEndpoint]] = lambda: NO_ENDPOINTS) -> None:
        self._declare = declared

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str):
            return False
        if is_own(name):
            return True
        try:
            return name in self._declared or name in self._foreign
        except UsageError:
            return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        try:
            declared = tuple(self._declared)
        except UsageError:
            declared = ()
        return tuple(dict.fromkeys((*own_names(), *_table(), *declared, *self._foreign)))

    @cached_property
    def _declared(self) -> Mapping[str, NamedEndpoint]:
        return self._declare()

    @cached_property
    def _foreign(self) -> tuple[str, ...]:
        return tuple(_entries())


def is_own(name: str) -> bool:
    """Tell whether flowrun itself has a provider or an endpoint of this name. No provider is loaded for this."""
    return binds(__name__, name, "PROVIDER") or name in _table()


def own_names() -> tuple[str, ...]:
    """Return the names of flowrun's own providers that are modules. No provider is loaded for this."""
    return tuple(binding(__name__, "PROVIDER"))


def _table() -> Mapping[str, BuiltIn]:
    # Most flows ask the providers that are modules.
    from .table import BUILT_IN

    return BUILT_IN


@cache
def own_spec(name: str) -> ProviderSpec:
    """Return the declaration of a provider or an endpoint of flowrun itself."""
    if not binds(__name__, name, "PROVIDER"):
        from .services import service_of_row

        return service_of_row(_table()[name], spoken_by(_table()[name].at.kind))
    spec: ProviderSpec = import_module(f".{name}", __name__).PROVIDER
    if spec.name != name:
        raise TypeError(f"the provider {spec.name} is in the module {name}: a provider has the name of its module")
    return spec


def all_own() -> list[ProviderSpec]:
    """Return the declarations of flowrun's own providers: first that of models in this process, last the table."""
    modules = sorted(map(own_spec, own_names()), key=lambda spec: (not spec.traits.local, spec.name))
    return [*modules, *map(own_spec, _table())]


def spoken_by(kind: str) -> Service:
    """Return the service that speaks an API."""
    from .services import Service

    spoken = own_spec(kind)
    assert isinstance(spoken, Service)
    return spoken


def service_at(named: NamedEndpoint) -> Service:
    """Return the service at a declared endpoint."""
    from .services import service_of

    return service_of(named, spoken_by(named.kind))


def open_provider(model: str, surroundings: Surroundings) -> Provider:
    """Return the provider for a model's full name, ``provider:name``. It sends and loads nothing before ``start``.

    Raises: UsageError, for an unknown provider, a missing name or a missing key.
    """
    provider, _, name = model.partition(":")
    if not model.isprintable():
        raise UsageError("the name of a model has a character that cannot be printed")
    if not is_own(provider):
        if (named := surroundings.endpoints.get(provider)) is not None:
            if named.others:
                opened: Provider = import_module(".replicas", __name__).open_replicas(model, named, surroundings)
                return opened
            from .homes import check_home

            check_home(named, all_own(), getattr(surroundings.endpoints, "user", {}), surroundings.environ)
            return _open_service(service_at(named), name, surroundings)
        return _open_foreign(model, provider, name, surroundings)
    spec = own_spec(provider)
    if getattr(spec, "row", None) is not None:
        return _open_service(spec, name, surroundings)
    if not name and not spec.nameless:
        raise UsageError(f"{provider} serves many models: name a model, as in {spec.example}")
    return spec.open(name, surroundings)


def _open_service(service: ProviderSpec, name: str, surroundings: Surroundings) -> Provider:
    """Open a model at an endpoint that is a row of the table or declared by name."""
    from .services import Service

    assert isinstance(service, Service)
    if not name:
        raise UsageError(f"{service.name} serves many models: name a model, as in {service.example}")
    opened: Provider = import_module(f".{service.api}", __name__).opened(name, surroundings, service)
    return opened


def provider_table(environ: Mapping[str, str] | None = None) -> tuple[ProviderInfo, ...]:
    """Return a row for every provider. The variables are read from ``environ``, or from this process if it is None."""
    from .addresses import printable

    environ = os.environ if environ is None else environ
    rows = []
    for spec in all_own():
        variables = tuple((name, bool(environ.get(name, "").strip())) for name in spec.variables)
        # An address may carry a password.
        rows.append(ProviderInfo(spec.name, spec.title, spec.example, variables, printable(spec.address(environ))))
    rows += [
        ProviderInfo(entry.name, f"from {entry.dist.name if entry.dist else entry.value}", f"{entry.name}:NAME")
        for entry in _entries().values()
    ]
    return tuple(rows)


def base_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the base URLs that the user has set, by the names of their variables."""
    set_ = {spec.base_variable: spec.address(environ) for spec in all_own() if spec.base_variable}
    return {name: value for name, value in set_.items() if environ.get(name, "").strip()}


def traits_of(address: str, endpoints: Mapping[str, NamedEndpoint] = NO_ENDPOINTS) -> Traits:
    """Return the traits of a model's provider. ``endpoints`` are the declared endpoints.

    For another package's provider this is the attribute ``traits`` of the object that the entry point names, or the
    default.
    """
    provider, _, name = address.partition(":")
    if is_own(provider):
        return own_spec(provider).traits_for(name)
    if provider in endpoints:
        return service_at(endpoints[provider]).traits
    entry = _entries().get(provider)
    try:
        found = getattr(entry.load(), "traits", None) if entry is not None else None
    except (Exception, SystemExit):  # noqa: BLE001 (open_provider says why)
        found = None
    return found if isinstance(found, Traits) else Traits()


def token_counter(
    address: str, environ: Mapping[str, str], endpoints: Mapping[str, NamedEndpoint] = NO_ENDPOINTS
) -> Count:
    """Return a function that counts a model's tokens: by its own vocabulary if that is known, else by the estimate."""
    traits = traits_of(address, endpoints)
    own_server = bool(traits.price_variable and environ.get(traits.price_variable, "").strip())
    counter = None if own_server else traits.tokens(address.partition(":")[2])
    return counter or estimate


def is_local(address: str, endpoint: str) -> bool:
    """Tell whether a model at this endpoint runs on this machine."""
    from .addresses import is_loopback

    if is_loopback(endpoint) or not traits_of(address).local:
        return is_loopback(endpoint)
    # A server of the table that usually runs here may be elsewhere.
    return "://" not in endpoint or address.partition(":")[0] not in _table()


def places_of(
    address: str, environ: Mapping[str, str], endpoints: Mapping[str, NamedEndpoint] = NO_ENDPOINTS
) -> int | None:
    """Return how many requests to a model's endpoint may be in flight when a run begins. None if not known."""
    name = address.partition(":")[0]
    if is_own(name):
        return own_spec(name).places(environ)
    return service_at(endpoints[name]).places(environ) if name in endpoints else traits_of(address).concurrency


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


def _entries() -> dict[str, EntryPoint]:
    return {name: entries[0] for name, entries in entry_points(GROUP).items() if not is_own(name)}


def _open_foreign(model: str, provider: str, name: str, surroundings: Surroundings) -> Provider:
    entry = _entries().get(provider)
    if entry is None:
        raise UsageError(unknown(model, provider, surroundings.endpoints))
    from .foreign_models import opened_by

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


def unknown(model: str, provider: str, declared: Mapping[str, NamedEndpoint]) -> str:
    """Return the sentence for a model whose provider nobody declares."""
    from difflib import get_close_matches

    own = {spec.name: spec.name if spec.nameless else f"{spec.name}:NAME" for spec in all_own()}
    names = own | {name: f"{name}:NAME" for name in (*declared, *_entries())}
    near, name = get_close_matches(provider.lower(), names, n=1), model.partition(":")[2]
    guess = f"Did you mean {near[0]}{':' if name else ''}{name}? " if near else ""
    return f"no provider is called {shown(provider)}. {guess}Write a model as one of {', '.join(names.values())}"
