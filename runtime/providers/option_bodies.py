"""The further options of a request: the reasons why an API does not take some, and their fields in its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowrun.dsl import LATER

from ..vocabulary.json_value import Json
from .extra_fields import clash, join_extra
from .option_forms import Api, Family, Path, Reasoning
from .option_names import APIS, HOSTS


def api_of(name: str, host: str) -> Api:
    """Return an API by its name in traits, as the server at a host speaks it."""
    ends = (row for (api, end), row in HOSTS.items() if api == name and (host == end or host.endswith(f".{end}")))
    return next(ends, APIS[name])


def refusals(api: Api, model: str, options: Mapping[str, Json]) -> dict[str, str]:
    """Return the options that a model does not take, with the reasons.

    ``options`` also has the temperature and the `max_tokens` of the ask, if it has them. An option that only the run
    knows has the value ``LATER``.
    """
    family = _family(api, model)
    found: dict[str, str] = {}
    for name in options:
        if (why := api.lacks.get(name) or family.lacks.get(name)) is not None:
            found[name] = why
    for name, why in _reasons(api, family, model, options):
        found.setdefault(name, why)
    return found


def _family(api: Api, model: str) -> Family:
    return next(one for one in api.families if one.names.search(model))


def _reasons(api: Api, family: Family, model: str, options: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    tier = options.get("service_tier", LATER)
    if tier is not LATER and tier not in api.tiers and "service_tier" not in api.lacks:
        yield "service_tier", f"the tiers of {api.title} are {_listed(api.tiers)}"
    stop = options.get("stop")
    if isinstance(stop, list) and family.stops is not None and len(stop) > family.stops:
        yield "stop", f"it takes at most {family.stops} texts"
    heat = options.get("temperature")
    # The language itself has no temperature above 2.
    if isinstance(heat, int | float) and api.hottest < heat <= 2:
        yield "temperature", f"{api.title} takes 0 to {api.hottest:g}"
    if family.one_choice and {"temperature", "top_p"} <= options.keys():
        yield "top_p", "it takes `temperature` or `top_p`, not both"
    if why := clash(api, family, options.get("extra")):
        yield "extra", why
    asked = options.get("reasoning", "none")
    if asked is LATER:
        return
    # A model that always reasons need not be told.
    why = _refused(family.reasoning, asked, options, api.written) if "reasoning" in options else ""
    if why and "reasoning" in options:
        yield "reasoning", why
    if asked == "none":
        return
    for name in sorted(family.unreasoned & options.keys()):
        if not (name == "temperature" and options[name] in (1, LATER)):
            yield name, f"`{model}` takes it only without reasoning"
    top_p, least = options.get("top_p"), family.reasoning.least_top_p if family.reasoning else 0.0
    if isinstance(top_p, int | float) and top_p < least:
        yield "top_p", f"with reasoning it must be from {least} to 1"


def _refused(reasoning: Reasoning | None, asked: Json, options: Mapping[str, Json], written: int | None) -> str:
    """Return the reason why models do not take a value of `reasoning`; "" if they do."""
    if reasoning is None:
        return "" if asked == "none" else "it does not reason"
    known = [*(["none"] if reasoning.off is not None else []), *reasoning.levels]
    if isinstance(asked, dict):
        tokens = asked.get("tokens")
        if reasoning.tokens_at is None:
            return f"it takes no number of tokens: write {_listed(known)}"
    elif asked not in known:
        return "it always reasons" if asked == "none" else f"it takes {_listed(known)}"
    else:
        tokens = reasoning.levels.get(asked)
    if not isinstance(tokens, int):
        return ""
    if tokens < reasoning.least or (reasoning.most is not None and tokens > reasoning.most):
        most = "" if reasoning.most is None else f" to {reasoning.most:,}"
        return f"it takes tokens from {reasoning.least:,}{most}{' up' if not most else ''}"
    limit = options.get("max_tokens", written)
    if reasoning.within and isinstance(limit, int) and tokens >= limit:
        usual = "" if "max_tokens" in options else ", which are the usual ones"
        return (
            f"it takes {tokens:,} tokens of the {limit:,} for the whole answer{usual}: "
            f"write `max_tokens` with more than {tokens:,}"
        )
    return ""


def _listed(words: Any) -> str:
    *most, last = [f"`{word}`" for word in words]
    return f"{', '.join(most)} or {last}" if most else last


def fields(
    api: Api,
    model: str,
    options: Mapping[str, Json],
    lacks: frozenset[str] = frozenset(),
    into: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the fields of a request's body for options that ``refusals`` does not name, without those in ``lacks``.

    `logprobs` may be among those that it names, and is left out then. The fields are added to ``into``, if that is
    given.
    """
    body: dict[str, Any] = {} if into is None else into
    for name, value in options.items():
        if name == "reasoning":
            merge(body, _reasoning(_family(api, model).reasoning, value))
        elif name == "logprobs":
            # `sure(x)` asks for them wherever they are to be had.
            if name not in lacks and name not in refusals(api, model, options):
                merge(body, api.logprobs)
        elif name != "extra" and (path := api.fields[name])[-1] not in lacks:
            merge(body, _at(path, _value(name, value, api)))
    if extra := options.get("extra"):
        join_extra(body, _at(api.extra, extra))
    return body


def _value(name: str, value: Json, api: Api) -> Json:
    if name == "stop" and isinstance(value, str):
        return [value]
    return api.tiers[value] if name == "service_tier" else value


def _reasoning(way: Reasoning | None, asked: Json) -> Mapping[str, Any]:
    if way is None:
        return {}
    if asked == "none":
        return way.off or {}
    body: dict[str, Any] = {}
    if isinstance(asked, dict):
        assert way.tokens_at is not None
        merge(body, way.counted)
        merge(body, _at(way.tokens_at, asked["tokens"]))
    else:
        merge(body, way.on)
        merge(body, _at(way.at, way.levels[asked]))
    return body


def merge(body: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add fields to a body. Objects of one name become one object."""
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(known := body.get(name), dict):
            merge(known, value)
        elif isinstance(value, Mapping):
            body[name] = {}
            merge(body[name], value)
        else:
            body[name] = value


def names_in(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all fields in a part of a body."""
    for name, value in body.items():
        yield name
        if isinstance(value, Mapping):
            yield from names_in(value)


def _at(path: Path, value: Json) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    return value  # type: ignore[no-any-return]
