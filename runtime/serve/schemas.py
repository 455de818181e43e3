"""The JSON Schemas (2020-12) of a flow's inputs and of its value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from flowrun.dsl import plan as p
from flowrun.dsl import types

from ..vocabulary.json_value import Json

Schema = dict[str, Any]
VALUE = "value"
"""The field that has a value which is no record, since a tool returns an object."""
_FILE: Schema = {
    "anyOf": [
        {
            "type": "object",
            "properties": {"path": {"type": "string", "description": "a file in a folder that the server allows"}},
            "required": ["path"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "base64": {"type": "string", "contentEncoding": "base64", "description": "the bytes of the file"},
                "name": {"type": "string", "description": "its name, whose ending tells its kind: report.pdf"},
            },
            "required": ["base64"],
            "additionalProperties": False,
        },
    ]
}
"""The forms of a file in JSON."""


def input_schema(params: Iterable[p.Param], about: Mapping[str, str], models: Collection[str]) -> Schema:
    """Return the schema of the inputs. ``about`` describes parameters; ``models`` are those that a caller may name."""
    found: dict[str, Schema] = {}
    required = []
    for param in params:
        schema = given_schema(param.type, models)
        said = about.get(param.name, "")
        if param.required:
            required.append(param.name)
        elif isinstance(param.default, p.Constant) and _is_plain(param.default.value):
            schema = {**schema, "default": param.default.value}
        if said:
            more = schema.get("description")
            schema = {**schema, "description": f"{said} ({more})" if more else said}
        found[param.name] = schema
    return {"type": "object", "properties": found, "required": required, "additionalProperties": False}


def given_schema(type_: types.Type, models: Collection[str]) -> Schema:
    """Return the schema of a value that a caller gives."""
    match type_:
        case types.Simple("document"):
            return {"anyOf": [{"type": "string"}, *_FILE["anyOf"]], "description": "the text itself, or a file"}
        case types.Simple("image"):
            return {**_FILE, "description": "an image: PNG, JPEG, GIF or WebP"}
        case types.Simple("model"):
            return {"type": "string", "enum": sorted(models)}
        case types.Optional(item):
            return {"anyOf": [given_schema(item, models), {"type": "null"}]}
        case types.ListOf(item):
            return {**types.json_schema(type_), "items": given_schema(item, models)}
        case types.Union(members):
            return {"anyOf": [given_schema(types.Record(member.fields), models) for member in members]}
        case types.Record(fields):
            found = types.json_schema(type_)
            for field in fields:
                inner = given_schema(field.type, models)
                said = [*filter(None, (field.description, inner.get("description")))]
                found["properties"][field.name] = {**inner, "description": ": ".join(said)} if said else inner
            # The words of a file may have more than the flow reads.
            return found | {"additionalProperties": True}
    return types.json_schema(type_)


def output_schema(type_: types.Type) -> Schema:
    """Return the schema of what a tool returns: the value if it is a record, else an object with the value."""
    schema = types.json_schema(type_)
    if isinstance(type_, types.Record):
        return schema
    return {"type": "object", "properties": {VALUE: schema}, "required": [VALUE], "additionalProperties": False}


def as_output(type_: types.Type, value: Json) -> Json:
    """Return a value in the form of ``output_schema``."""
    return value if isinstance(type_, types.Record) else {VALUE: value}


def _is_plain(value: Json) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
