"""The planning of endpoints. An endpoint belongs to its file, and a plan gives each a name of its own."""

from __future__ import annotations

from collections.abc import Iterable

from . import plan as p
from . import syntax as s
from .checking.endpoints import kind_of, lacks_of

Renamed = dict[tuple[str, str], str]
"""The names of endpoints in a plan, by the path of the file and the name in it, where the two names differ."""


def plan_endpoints(files: Iterable[tuple[str, s.File]]) -> tuple[tuple[p.Endpoint, ...], Renamed]:
    """Return the endpoints of files, and their new names.

    Files that declare the same endpoint share it. An endpoint is renamed if another file means something else by its
    name: another endpoint, or a provider.
    """
    files = list(files)
    planned: dict[str, p.Endpoint] = {}
    renamed: Renamed = {}
    taken: set[str] = set()
    for _, file in files:
        own = {decl.name.text for decl in file.endpoints}
        addresses = [one for model in file.models for one in (model.address, model.fallback) if one is not None]
        taken |= {one.value.partition(":")[0] for one in addresses} - own
    for path, file in files:
        for decl in file.endpoints:
            name, number = decl.name.text, 1
            made = _endpoint(decl, name)
            while name in taken or planned.get(name, made) != made:
                number += 1
                name = f"{decl.name.text}{number}"
                made = _endpoint(decl, name)
            planned[name] = made
            if name != decl.name.text:
                renamed[path, decl.name.text] = name
    return tuple(planned.values()), renamed


def _endpoint(decl: s.EndpointDecl, name: str) -> p.Endpoint:
    key = "" if decl.key is None else decl.key.value
    addresses = tuple(one.value.rstrip("/") for one in decl.addresses)
    return p.Endpoint(name, addresses, key, kind_of(decl), lacks_of(decl))
