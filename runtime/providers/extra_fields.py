"""Clashes of the option `extra` with the fields that flowrun writes in the body of a request, by its API.

The checker refuses the fields that no API lets a flow set. Others are flowrun's own only at some APIs, or inside of an
object that may have further fields. A field has one name in all spellings: `generation_config` is `generationConfig`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..vocabulary.json_value import Json
from .option_forms import Api, Family, Path


def clash(api: Api, family: Family, extra: Json) -> str:
    """Return the reason why `extra` cannot be sent to models of a family; "" if it can, or only the run knows it."""
    if not isinstance(extra, Mapping):
        return ""
    own = {tuple(map(plain_name, path)): why for path, why in _own(api, family)}
    for path in _leaves(extra):
        shown, plain = ".".join(path), tuple(map(plain_name, path))
        for ours, why in own.items():
            if plain[: len(ours)] == ours:
                return f"flowrun writes `{shown}` itself: {why}"
            if ours[: len(plain)] == plain:
                return f"flowrun writes fields into `{shown}`: write an object, whose fields join those"
    return ""


def join_extra(body: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """Add the fields of `extra` to a body. Objects of one name become one object, in any spelling of the name."""
    names = {plain_name(name): name for name in body}
    for written, value in extra.items():
        name = names.get(plain_name(written), written)
        known = body.get(name)
        if isinstance(value, Mapping) and isinstance(known, dict):
            join_extra(known, value)
        else:
            body[name] = value


def plain_name(name: str) -> str:
    return name.replace("_", "").lower()


def _own(api: Api, family: Family) -> Iterator[tuple[Path, str]]:
    """Yield the paths of flowrun's own fields that `extra` reaches, below its place, with the reasons."""
    for path, why in _every(api, family):
        if path[: len(api.extra)] == api.extra and len(path) > len(api.extra):
            yield path[len(api.extra) :], why


def _every(api: Api, family: Family) -> Iterator[tuple[Path, str]]:
    for option, path in api.fields.items():
        yield path, f"write the option `{option}`"
    for path in _leaves(api.logprobs):
        yield path, "write the option `logprobs`"
    if (way := family.reasoning) is not None:
        paths = [way.at, *([] if way.tokens_at is None else [way.tokens_at])]
        paths += [path for part in (way.off, way.on, way.counted) if part for path in _leaves(part)]
        for path in paths:
            yield path, "write the option `reasoning`"
    yield from api.own.items()


def _leaves(part: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the paths of all values in an object that are no objects."""
    todo: list[tuple[Path, Any]] = [((), part)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, Mapping):
            todo += [((*path, name), one) for name, one in value.items()]
        else:
            yield path
