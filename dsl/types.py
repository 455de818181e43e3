"""The types of the language: their forms, how they fit each other, how they are written, and their JSON Schema."""

from __future__ import annotations

from typing import Any

from .type_fits import as_record, comparable, exact, fits, join, join_within
from .type_forms import (
    BOOL,
    DOCUMENT,
    IMAGE,
    INT,
    JSON,
    MODEL,
    NAMED,
    NONE,
    NUMBER,
    TEXT,
    UNKNOWN,
    WORDS,
    YIELDING,
    ByKind,
    Choice,
    Field,
    ListOf,
    Mixed,
    OpenChoice,
    Optional,
    Quantity,
    Quote,
    Range,
    Record,
    Simple,
    SizedText,
    Type,
    Union,
    any_part,
    form,
    holds_model,
    is_number,
    is_text,
    is_whole,
    lengths,
    may_be_empty,
    optional,
    plain,
    tag_word,
    unwrapped,
)
from .type_images import as_paths, holds_image, is_images
from .type_plans import planned
from .type_quotes import quotable, quotes_of, without_quotes

__all__ = [
    "BOOL",
    "DOCUMENT",
    "IMAGE",
    "INT",
    "JSON",
    "MODEL",
    "NAMED",
    "NONE",
    "NUMBER",
    "TEXT",
    "UNKNOWN",
    "WORDS",
    "YIELDING",
    "ByKind",
    "Choice",
    "Field",
    "ListOf",
    "Mixed",
    "OpenChoice",
    "Optional",
    "Quantity",
    "Quote",
    "Range",
    "Record",
    "Simple",
    "SizedText",
    "Type",
    "Union",
    "any_part",
    "as_paths",
    "as_record",
    "comparable",
    "exact",
    "fits",
    "form",
    "holds_image",
    "holds_model",
    "is_images",
    "is_number",
    "is_text",
    "is_whole",
    "join",
    "join_within",
    "json_schema",
    "lengths",
    "may_be_empty",
    "optional",
    "plain",
    "planned",
    "quotable",
    "quotes_of",
    "show",
    "tag_word",
    "unwrapped",
    "without_quotes",
]


COPIED = "one passage copied word for word from `{source}`, with no word changed or left out"
"""The description of a quote in the schema that a model sees."""


def show(type_: Type) -> str:
    """Return a type as a flow writes it."""
    match type_:
        case Simple(kind):
            return kind
        case Quantity(unit):
            return {"%": "a percentage such as 5%", "$": "an amount such as $2.50", "s": "a duration such as 30s"}[unit]
        case Range(low, high):
            return f"{low}..{high}" if low != high else f"{low}"
        case Choice(options):
            return " | ".join(word if word.isidentifier() else f'"{word}"' for word in options)
        case OpenChoice(options):
            return f"{show(Choice(options))} | text"
        case Quote(source):
            return f"quote of {source}"
        case SizedText(least, most):
            parts = [f"min: {least}"] if least or most is None else []
            return f"text({', '.join([*parts, *([] if most is None else [f'max: {most}'])])})"
        case ListOf(item):
            size = f"({type_.least}..{'' if type_.most is None else type_.most})" if type_.sized else ""
            return f"[{show(item)}]{size}"
        case Optional(item):
            return f"{show(item)}?"
        case Mixed(options):
            return " or ".join(map(show, options))
        case Union(members, _, name):
            return name or " | ".join(map(show, members))
        case Record(fields, name):
            return name or "{ " + ", ".join(f"{field.name}: {show(field.type)}" for field in fields) + " }"


def json_schema(type_: Type) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) for an answer of this type."""
    match type_:
        case Simple("int"):
            return {"type": "integer"}
        case Simple("number"):
            return {"type": "number"}
        case Simple("bool"):
            return {"type": "boolean"}
        case Simple("none"):
            return {"type": "null"}
        case Simple("json" | "unknown"):
            return {}
        case Range(low, high):
            return {"type": "integer" if type_.whole else "number", "minimum": low, "maximum": high}
        case Choice(options):
            return {"type": "string", "enum": list(options)}
        case Quote(source):
            return {"type": "string", "description": COPIED.format(source=source)}
        case SizedText(least, most):
            return {"type": "string"} | _limits("minLength", least, "maxLength", most)
        case ListOf(item):
            limits = _limits("minItems", type_.least, "maxItems", type_.most)
            return {"type": "array", "items": json_schema(item)} | limits
        case Optional(item):
            return {"anyOf": [json_schema(item), {"type": "null"}]}
        case Mixed(options):
            return {"anyOf": [json_schema(option) for option in options]}
        case Union(members, tag):
            # The tag comes first: a model then chooses the member before it writes the fields, and OpenAI's strict mode
            # refuses members that begin with the same key, unless this key tells them apart.
            first = [sorted(member.fields, key=lambda field: field.name != tag) for member in members]
            return {"anyOf": [json_schema(Record(tuple(fields))) for fields in first]}
        case Record(fields):
            properties = {}
            for field in fields:
                schema = json_schema(field.type)
                said = [*filter(None, (field.description, schema.get("description")))]
                properties[field.name] = {**schema, "description": ": ".join(said)} if said else schema
            required = [field.name for field in fields if not isinstance(field.type, Optional)]
            return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "string"}


def _limits(low: str, least: int, high: str, most: int | None) -> dict[str, Any]:
    """Return the limits of a length that say something, by the words of a schema."""
    return ({low: least} if least else {}) | ({} if most is None else {high: most})
