"""Structured answers: the schema for a server, the same demand in words, and the unwrapping of the answer."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from flowrun.dsl import dataclass, pattern

from ..vocabulary.call import Request, schema_text
from ..vocabulary.json_text import JsonError, read_json, unfenced

# Keywords that strict modes take besides those of the structure: OpenAI's page "Structured Outputs", supported schemas.
# Anthropic's SDK moves every other constraint into the description, where the model at least reads it.
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
OPENAI_KEYWORDS = _NUMBERS | {"pattern", "format", "minItems", "maxItems"}
ANTHROPIC_KEYWORDS = frozenset({"format"})

_STRUCTURE = frozenset({"type", "enum", "const", "title", "description", "$ref"})
_DROPPED = frozenset({"default", "examples", "$schema", "$id", "$comment", "required", "additionalProperties"})
_KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": int | float}
_HALF = pattern("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape that one request's answers must have, and the way to unwrap them.

    ``schema`` has an object at its root. ``strict`` is the same schema for servers that enforce it; None if the schema
    allows something that a strict mode cannot express (open objects). ``wrapped`` says that the value is under
    ``answer``.
    """

    schema: Mapping[str, Any]
    strict: Mapping[str, Any] | None
    wrapped: bool
    choices: tuple[str, ...]
    source: Mapping[str, Any]
    optional: bool
    key: str
    """A text that is equal for all requests with this form."""

    def unwrap(self, text: str) -> str | None:
        """Unwrap an answer: return a bare choice or JSON text. None if the text has another form."""
        try:
            value = read_json(text, halves=True)
        except JsonError:
            return None
        if not isinstance(value, dict):
            return None
        if self.wrapped:
            if value.keys() != {"answer"}:
                return None
            value = value["answer"]
        if self.choices:
            return value if isinstance(value, str) else None
        bare = _without_nulls(value, self.source, self.source) if self.optional else value
        # The model's own spelling is kept where nothing has to be removed.
        return json.dumps(bare, ensure_ascii=False) if self.wrapped or bare != value else unfence(text)

    def holds(self, text: str) -> bool:
        """Tell whether an unwrapped text seems to have the shape: its type and required fields, or a choice."""
        if self.choices:
            return " ".join(text.split()).strip("\"'`*_.").casefold() in {word.casefold() for word in self.choices}
        try:
            value = read_json(text)
        except JsonError:
            return False
        kind = self.source.get("type")
        if isinstance(kind, str) and kind in _KINDS and not isinstance(value, _KINDS[kind]):
            return False
        return not isinstance(value, dict) or all(name in value for name in self.source.get("required", ()))

    def in_words(self, *, as_object: bool) -> str:
        """Return the same demand as words for the prompt. ``as_object``: the server's JSON mode wants an object."""
        if self.choices and not as_object:
            words = json.dumps(self.choices, ensure_ascii=False)[1:-1]
            return f"Answer with exactly one of these and nothing else, without quotes: {words}"
        schema = json.dumps(self.schema if as_object else self.source, ensure_ascii=False)
        return f"Answer with JSON and nothing else. It must satisfy this JSON Schema:\n{schema}"


_shapes: dict[tuple[tuple[str, ...], str | None, frozenset[str]], Shape] = {}


def shape(request: Request, keywords: frozenset[str] = frozenset()) -> Shape | None:
    """Return the shape of a request's answers. None if the request asks for plain text."""
    if not request.choices and request.schema is None:
        return None
    key = (request.choices, None if request.schema is None else schema_text(request.schema), keywords)
    known = _shapes.get(key)
    if known is None:
        if len(_shapes) >= 256:
            _shapes.clear()
        known = _shapes[key] = _make(request, keywords)
    return known


def _make(request: Request, keywords: frozenset[str]) -> Shape:
    source = request.schema
    if source is None:
        source = {"type": "string", "enum": list(request.choices)}
    wrapped = source.get("type") != "object"
    schema = source
    if wrapped:
        inner = {name: value for name, value in source.items() if name not in ("$defs", "$schema")}
        schema = {
            "type": "object",
            "properties": {"answer": inner},
            "required": ["answer"],
            "additionalProperties": False,
        }
        if "$defs" in source:
            schema["$defs"] = source["$defs"]
    try:
        strict = _strict(schema, keywords)
    except _OpenSchemaError:
        strict = None
    key = json.dumps(source, sort_keys=True)
    return Shape(schema, strict, wrapped, request.choices, source, _has_optional(source), key)


class _OpenSchemaError(Exception):
    """The schema allows something that a strict mode cannot promise."""


def _strict(node: object, keywords: Collection[str]) -> dict[str, Any]:
    if not isinstance(node, Mapping):
        raise _OpenSchemaError
    out: dict[str, Any] = {name: node[name] for name in node if name in _STRUCTURE}
    for name in ("$defs", "definitions"):
        if name in node:
            out[name] = {key: _strict(value, keywords) for key, value in node[name].items()}
    if "$ref" in node:
        out.pop("description", None)  # a reference stands alone in both strict dialects
        return out
    rest = dict.fromkeys(name for name in node if name not in _STRUCTURE and name not in _DROPPED)
    for name in ("$defs", "definitions"):
        rest.pop(name, None)
    branches = node.get("anyOf") or node.get("oneOf")
    if branches:
        out["anyOf"] = [_strict(branch, keywords) for branch in branches]
        rest.pop("anyOf", None)
        rest.pop("oneOf", None)
    if "allOf" in node or "patternProperties" in node or "prefixItems" in node:
        raise _OpenSchemaError
    kind = node.get("type")
    if kind == "object":
        out |= _strict_fields(node, keywords)
        rest.pop("properties", None)
    elif kind == "array":
        out["items"] = _strict(node.get("items"), keywords)
        rest.pop("items", None)
    elif kind is None and not branches and "enum" not in node and "const" not in node:
        raise _OpenSchemaError
    out |= {name: node[name] for name in rest if name in keywords}
    notes = ", ".join(f"{name}: {json.dumps(node[name], ensure_ascii=False)}" for name in rest if name not in keywords)
    if notes:
        out["description"] = f"{out['description']} ({notes})" if out.get("description") else notes
    return out


def _strict_fields(node: Mapping[str, Any], keywords: Collection[str]) -> dict[str, Any]:
    """Require every property of an object: an optional one may be null instead."""
    properties = node.get("properties")
    if not properties or node.get("additionalProperties"):
        raise _OpenSchemaError
    required = node.get("required", ())
    fields = {name: _strict(value, keywords) for name, value in properties.items()}
    return {
        "properties": {name: one if name in required else _or_null(one) for name, one in fields.items()},
        "required": list(properties),
        "additionalProperties": False,
    }


def _or_null(node: dict[str, Any]) -> dict[str, Any]:
    return node if _takes_null(node) else {"anyOf": [node, {"type": "null"}]}


def _takes_null(node: Mapping[str, Any]) -> bool:
    kind = node.get("type")
    return kind == "null" or (isinstance(kind, list) and "null" in kind) or any(map(_takes_null, node.get("anyOf", ())))


def _has_optional(node: object) -> bool:
    if isinstance(node, Mapping):
        properties = node.get("properties")
        if isinstance(properties, Mapping) and set(properties) - set(node.get("required", ())):
            return True
        return any(map(_has_optional, node.values()))
    return isinstance(node, list) and any(map(_has_optional, node))


def _without_nulls(value: Any, node: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """Return the value without its optional fields that are null. A strict mode made the model send them."""
    node = _resolve(node, root)
    if isinstance(value, list) and isinstance(node.get("items"), Mapping):
        return [_without_nulls(item, node["items"], root) for item in value]
    if not isinstance(value, dict):
        return value
    for branch in node.get("anyOf", ()):
        resolved = _resolve(branch, root)
        if _may_be(value, resolved):
            return _without_nulls(value, resolved, root)
    properties, required = node.get("properties", {}), node.get("required", ())
    return {
        name: _without_nulls(item, properties.get(name, {}), root)
        for name, item in value.items()
        if item is not None or name in required or _takes_null(_resolve(properties.get(name, {}), root))
    }


def _may_be(value: Mapping[str, Any], branch: Mapping[str, Any]) -> bool:
    """Tell whether a record has only the fields of a branch, and no word that the branch does not list."""
    properties = branch.get("properties", {})
    listed = {name: one["enum"] for name, one in properties.items() if isinstance(one, Mapping) and "enum" in one}
    return set(value) <= set(properties) and all(
        not isinstance(value.get(name), str) or value[name] in words for name, words in listed.items()
    )


def _resolve(node: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = node.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return node
    target: Any = root
    for name in reference[2:].split("/"):
        target = target.get(name, {}) if isinstance(target, Mapping) else {}
    return target if isinstance(target, Mapping) else {}


def unfence(text: str) -> str:
    """Return the text without the Markdown fence that some models put around it."""
    return unfenced(text) if "```" in text else text


def clean(text: str) -> str:
    """Return the text with lone surrogates replaced. JSON may contain them, but a file may not."""
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
