"""The list of all endpoints: those that flowrun knows, and those that the user and the project declare."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from flowrun.dsl import dataclass

from ..experience.store import Store, open_store
from ..providers import all_own, provider_table, service_at
from ..providers.addresses import is_loopback, printable
from ..providers.declared_endpoints import DeclaredEndpoints
from ..providers.endpoints import without_version
from ..providers.homes import sent_by
from ..providers.services import Service
from ..providers.traits import ProviderSpec
from ..vocabulary.json_value import Json
from .approvals import is_approved


@dataclass(frozen=True, slots=True)
class KeptCheck:
    """The findings that `flowrun endpoints check` has kept of a model: its name, the date in seconds, and each part."""

    model: str
    date: int
    found: Mapping[str, str]

    def as_row(self) -> dict[str, Json]:
        checked = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.date))
        return {"model": self.model, "checked": checked, "abilities": dict(self.found)}


@dataclass(frozen=True, slots=True)
class ListedEndpoint:
    """An endpoint as `flowrun endpoints` shows it. The values of variables are never part of it.

    ``origin`` is `built-in`, `user`, `project`, or `package` for one of another package. ``kind`` is the API that it
    speaks, "" if it is none of the known ones. ``address`` is "" without a server. ``keys`` has the variables with its
    key, each with whether it is set, and ``variables`` all others that it reads. ``approved`` is False for an endpoint
    of a project that may not be reached yet. ``checks`` are what checks of its models found.
    """

    name: str
    title: str
    origin: str
    kind: str = ""
    address: str = ""
    keys: Mapping[str, bool] | None = None
    variables: Mapping[str, bool] | None = None
    lacks: tuple[str, ...] = ()
    approved: bool = True
    checks: tuple[KeptCheck, ...] = ()

    def as_row(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "title": self.title,
            "origin": self.origin,
            "kind": self.kind,
            "address": self.address,
            "keys": [{"variable": name, "set": is_set} for name, is_set in (self.keys or {}).items()],
            "variables": [{"variable": name, "set": is_set} for name, is_set in (self.variables or {}).items()],
            "lacks": list(self.lacks),
            "approved": self.approved,
            "checks": [one.as_row() for one in self.checks],
        }


def listed_endpoints(declared: DeclaredEndpoints, environ: Mapping[str, str]) -> Iterator[ListedEndpoint]:
    """Yield all endpoints. Raises UsageError if a file of settings is not valid."""
    known = set()
    store = open_store(environ, lambda line: None)
    for spec in all_own():
        known.add(spec.name)
        yield _listed(spec, "built-in", environ, store)
    approved = is_approved(declared, environ)
    for named in declared.values():
        known.add(named.name)
        free = named.origin == "user" or (is_loopback(named.base_url) and not sent_by(named))
        yield _listed(service_at(named), named.origin, environ, store, approved=free or approved)
    for row in provider_table(environ):
        if row.name not in known:
            yield ListedEndpoint(row.name, row.title, "package")


def _listed(
    spec: ProviderSpec, origin: str, environ: Mapping[str, str], store: Store | None, *, approved: bool = True
) -> ListedEndpoint:
    def are_set(names: tuple[str, ...]) -> dict[str, bool]:
        return {name: bool(environ.get(name, "").strip()) for name in names}

    served = isinstance(spec, Service)
    keys = tuple(reversed(spec.key_variables)) if isinstance(spec, Service) else ()
    return ListedEndpoint(
        spec.name,
        "" if origin in ("user", "project") else spec.title,
        origin,
        spec.api if isinstance(spec, Service) else "",
        printable(spec.address(environ)) if served else "",
        are_set(keys),
        are_set(tuple(name for name in spec.variables if name not in keys)),
        tuple(sorted(spec.traits.lacks)),
        approved,
        () if store is None or not isinstance(spec, Service) else _checks_of(spec, store, environ),
    )


def _checks_of(spec: Service, store: Store, environ: Mapping[str, str]) -> tuple[KeptCheck, ...]:
    """Return what was found of the models at the address of an endpoint, the latest first."""
    address, begin = spec.address(environ), f"{spec.api}:"
    kept = store.checks(without_version(spec, address)) if address else {}
    found = [(name.removeprefix(begin), one) for name, one in kept.items() if name.startswith(begin)]
    return tuple(KeptCheck(name, one.date, one.found) for name, one in sorted(found, key=lambda row: -row[1].date))
