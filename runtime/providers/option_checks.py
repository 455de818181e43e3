"""The check of a model's further options by its address, before the model is opened."""

from __future__ import annotations

from collections.abc import Mapping

from ..vocabulary.json_value import Json
from . import is_own, own_spec, traits_of
from .addresses import host_of
from .named_endpoints import NamedEndpoint
from .option_bodies import api_of, refusals
from .option_names import APIS

_AS_THEY_ARE = "any"
_OF_EVERY_REQUEST = frozenset({"temperature", "max_tokens"})


def is_foreign(model: str) -> bool:
    """Tell whether a model of Chat Completions is none of OpenAI's."""
    families = APIS["openai"].families
    return next(one for one in families if one.names.search(model)) is families[-1]


def refused_at(
    address: str,
    options: Mapping[str, Json],
    environ: Mapping[str, str] | None = None,
    endpoints: Mapping[str, NamedEndpoint] | None = None,
) -> dict[str, str]:
    """Return the options that a model does not take, with the reasons.

    Without ``environ`` its server is not known, and options that only some servers take are not named.
    """
    provider, _, model = address.partition(":")
    named = (endpoints or {}).get(provider)
    if named is None and not is_own(provider) and environ is None:
        return {}  # only the run knows endpoints by name, and the providers of other packages
    traits = traits_of(named.kind if named is not None else address)
    if traits.api == _AS_THEY_ARE:
        return {}
    if traits.api not in APIS:
        why = f"the provider `{provider}` does not tell that it takes it"
        return dict.fromkeys(options.keys() - _OF_EVERY_REQUEST, why)
    host = ""
    if named is not None:
        host = host_of(named.base_url)
    elif environ is not None and is_own(provider):
        host = host_of(own_spec(provider).address(environ))
    found = refusals(api_of(traits.api, host), model.removeprefix("models/"), options)
    if environ is None and traits.api == "openai" and isinstance(options.get("reasoning"), dict) and is_foreign(model):
        # OpenRouter takes a number of tokens, and only the run knows the server.
        found.pop("reasoning", None)
    lacks = traits.lacks if named is None else named.lacks
    found |= {
        name: "its endpoint does not serve it"
        for name in (options.keys() & lacks) - _OF_EVERY_REQUEST
        if name not in found
    }
    return found
