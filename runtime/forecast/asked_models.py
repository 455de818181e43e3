"""The models that a run would ask, where they are, and which variables have their keys. Nothing is opened for this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flowrun.dsl import AskedModel
from flowrun.dsl import plan as p

from ..plans.models import declared_models
from ..plans.wanted_models import default_model, wanted_models
from ..providers import GROUP, is_own, own_spec, service_at, unknown
from ..providers.addresses import host_of, printable
from ..providers.declared_endpoints import endpoints_of
from ..providers.homes import sent_by
from ..providers.services import Service
from ..providers.traits import ProviderSpec
from ..registry.entries import entry_points
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json


def asked_models(
    plan: p.Plan, values: Mapping[str, Json], model: str, environ: Mapping[str, str]
) -> tuple[AskedModel, ...]:
    """Return the models that a run with these inputs may ask. ``model`` is for asks that name none.

    Raises UsageError if a file of settings is not valid, or if nobody declares the provider of a model.
    """
    declared = declared_models(plan)
    endpoints = endpoints_of(plan, environ)
    found = []
    for address in wanted_models(plan, values, declared, default_model(model, declared)):
        name = address.partition(":")[0]
        if is_own(name):
            found.append(_asked(address, own_spec(name), "built-in", environ))
        elif name in endpoints:
            named = endpoints[name]
            for base in (named.base_url, *named.others):
                one = replace(named, base_url=base)
                found.append(_asked(address, service_at(one), named.origin, environ, sent_by(named)))
        elif name in entry_points(GROUP):
            found.append(AskedModel(address, "package"))
        else:
            raise UsageError(unknown(address, name, endpoints))
    return tuple(found)


def _asked(
    model: str, spec: ProviderSpec, origin: str, environ: Mapping[str, str], variables: tuple[str, ...] = ()
) -> AskedModel:
    if not isinstance(spec, Service):
        return AskedModel(model, origin, local=spec.traits.local)
    at = spec.address(environ)
    usual = reversed(spec.key_variables)
    key = next((name for name in spec.key_variables if environ.get(name, "").strip()), next(usual, ""))
    is_set = bool(environ.get(key, "").strip())
    if spec.row is not None and spec.row.local and not is_set:
        key = ""
    others = tuple(name for name in variables if name not in spec.key_variables)
    return AskedModel(model, origin, printable(at), host_of(at).lower(), key, is_set, others)


def in_words(one: AskedModel) -> str:
    """Return a model in a line: where it is, and the variables that are sent there."""
    parts = [one.model if one.origin in ("built-in", "package") else f"{one.model} of the {one.origin}"]
    if one.local:
        parts.append("on this machine")
    elif one.origin == "package":
        parts.append("of another package")
    else:
        parts.append(f"at {one.address or 'no address'}")
    if one.key:
        parts.append(f"with {one.key}{'' if one.key_set else ' (not set)'}")
    if one.headers:
        parts.append(f"and {' and '.join(one.headers)} in a header")
    return " ".join(parts)
