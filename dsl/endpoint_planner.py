"""The planning of endpoints. An endpoint belongs to its file, and a plan gives each a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import plan as p
from . import syntax as s
from .checking.endpoints import kind_of, lacks_of


def with_endpoints(plan: p.Plan, files: Mapping[str, s.File]) -> p.Plan:
    """Return a plan with the endpoints of its files, which are given by their paths.

    Files that declare the same endpoint share it. An endpoint is renamed, with its models, if another file means
    something else by its name: another endpoint, or a provider.
    """
    planned: dict[str, p.Endpoint] = {}
    renamed: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for file in files.values():
        own = {decl.name.text for decl in file.endpoints}
        addresses = [one for model in file.models for one in (model.address, model.fallback) if one is not None]
        taken |= {one.value.partition(":")[0] for one in addresses} - own
    for path, file in files.items():
        for decl in file.endpoints:
            name, number = decl.name.text, 1
            made = _endpoint(decl, name)
            while name in taken or planned.get(name, made) != made:
                number += 1
                name = f"{decl.name.text}{number}"
                made = _endpoint(decl, name)
            planned[name] = made
            renamed[path, decl.name.text] = name
    models = tuple(_moved(model, renamed) for model in plan.models)
    return replace(plan, models=models, endpoints=tuple(planned.values()))


def _moved(model: p.Model, renamed: Mapping[tuple[str, str], str]) -> p.Model:
    path = model.name.rpartition(":")[0]

    def address(text: str) -> str:
        name, colon, rest = text.partition(":")
        return f"{renamed.get((path, name), name)}{colon}{rest}"

    fallback = None if model.fallback is None else address(model.fallback)
    return replace(model, address=address(model.address), fallback=fallback)


def _endpoint(decl: s.EndpointDecl, name: str) -> p.Endpoint:
    key = "" if decl.key is None else decl.key.value
    addresses = tuple(one.value.rstrip("/") for one in decl.addresses)
    return p.Endpoint(name, addresses, key, kind_of(decl), lacks_of(decl))
