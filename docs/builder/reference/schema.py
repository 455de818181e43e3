"""The page of the plan's JSON, from its schema."""

from __future__ import annotations

import json
from typing import Any

from flowrun.dsl import planned_schema

from ..markdown import code, page, table
from .docstrings import paragraphs

FILE = "grammars/plan.schema.json"


def schema_page() -> str:
    """Make the page of the schema of ``flowrun plan --json``."""
    schema = planned_schema()
    parts = [
        f"`flowrun plan FILE --json` prints a plan with its bounds. [The schema](../files/{FILE}.txt) is a JSON Schema "
        "(2020-12). A test compares it with the program. `flowrun audit` takes an edited plan and checks it again.",
        "## The whole",
        *_object(schema),
    ]
    for name, one in sorted(schema["$defs"].items()):
        parts += [f"## {name}", *_object(one)]
    return page("The JSON of a plan", *parts)


def _object(schema: dict[str, Any]) -> list[str]:
    needed = set(schema.get("required", ()))
    rows = []
    for name, one in schema.get("properties", {}).items():
        default = "needed" if name in needed else _default(one)
        rows.append((code(name), _type(one), default))
    text = paragraphs(schema.get("description", ""))
    return [text, table(("field", "type", "default"), rows) if rows else f"A value of {_type(schema)}."]


def _default(schema: dict[str, Any]) -> str:
    return code(json.dumps(schema["default"])) if "default" in schema else ""


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(map(_type, schema[key]))
    if "const" in schema:
        return code(str(schema["const"]))
    if "enum" in schema:
        return " or ".join(code(str(one)) for one in schema["enum"])
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return "a list of " + ", ".join(map(_type, schema["prefixItems"]))
        return f"a list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"an object of {_type(schema['additionalProperties'])}"
    return str(schema.get("type", "any JSON"))
