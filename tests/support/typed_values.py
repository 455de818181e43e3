"""Random values, and a test whether a value belongs to a type, which shares no code with the checker."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from flowrun.dsl import types as t

Json = Any
Kind = tuple[Any, ...]
"""A type in the writer's form: ``("int",)``, ``("list", T)``, ``("opt", T)``, ``("rec", {name: T})`` and so on."""

FIELDS = ("a", "b", "c", "d")
WORDS = ("aye", "Über", "", "so so", "x y", "{{ a }}")


def holds(value: Json, type_: t.Type) -> bool:
    """Tell whether a value belongs to a type: it has every required field, and no field that the type does not have."""
    match type_:
        case t.Optional(item):
            return value is None or holds(value, item)
        case t.Mixed(options):
            return any(holds(value, option) for option in options)
        case t.ListOf(item):
            fits = isinstance(value, list) and all(holds(one, item) for one in value)
            return fits and type_.least <= len(value) and (type_.most is None or len(value) <= type_.most)
        case t.Record(fields):
            known = {one.name: one.type for one in fields}
            if not isinstance(value, Mapping) or not set(value) <= set(known):
                return False
            return all(holds(value.get(name), inner) for name, inner in known.items())
        case t.Choice(options):
            return value in options
        case t.Range(low, high):
            return _number(value) and low <= value <= high and (isinstance(value, int) or not type_.whole)
        case t.SizedText(least, most):
            return isinstance(value, str) and least <= len(value) and (most is None or len(value) <= most)
        case t.Simple("text" | "document"):
            return isinstance(value, str)
        case t.Simple("int"):
            return _number(value) and isinstance(value, int)
        case t.Simple("number"):
            return _number(value)
        case t.Simple("bool"):
            return isinstance(value, bool)
        case t.Simple("none"):
            return value is None
        case t.Simple("json"):
            return _data(value)
    return False


def _number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _data(value: Json) -> bool:
    if isinstance(value, list):
        return all(map(_data, value))
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _data(one) for name, one in value.items())
    return value is None or isinstance(value, str | int | float | bool)


def written(kind: Kind) -> str:
    """Write a type as in a flow."""
    match kind:
        case ("choice", words):
            return " | ".join(f'"{word}"' for word in words)
        case ("range", low, high):
            return f"{low}..{high}"
        case ("text", least, most):
            return f"text(min: {least}, max: {most})"
        case ("list", item):
            return f"[{written(item)}]"
        case ("opt", ("choice", words)):
            return f"Way{len(words)}?"
        case ("opt", item):
            return f"{written(item)}?"
        case ("rec", fields):
            return "{ " + ", ".join(f"{name}: {written(one)}" for name, one in fields.items()) + " }"
    return str(kind[0])


def sample(rng: random.Random, schema: Mapping[str, Any]) -> Json:
    """Draw a value that satisfies a JSON Schema of a flow."""
    if "anyOf" in schema:
        return sample(rng, rng.choice(schema["anyOf"]))
    if "enum" in schema:
        return rng.choice(schema["enum"])
    match schema.get("type"):
        case "null":
            return None
        case "boolean":
            return rng.random() < 0.5
        case "integer":
            return rng.randint(schema.get("minimum", -3), schema.get("maximum", 9))
        case "number":
            return rng.choice([0, 2, 0.5, -1.25] if "minimum" not in schema else [0.5, 1, 1.25])
        case "string":
            return rng.choice(_within(schema.get("minLength", 0), schema.get("maxLength", 99)))
        case "array":
            return [sample(rng, schema["items"]) for _ in range(rng.choice([0, 1, 1, 2]))]
        case "object":
            must = schema["required"]
            there = [name for name in schema["properties"] if name in must or rng.random() < 0.6]
            return {name: sample(rng, schema["properties"][name]) for name in there}
    return rng.choice([None, True, 3, "x", [1, "x"], {"a": 1}])


def _within(least: int, most: int) -> list[str]:
    return [word for word in WORDS if least <= len(word) <= most]


def given(rng: random.Random, kind: Kind) -> Json:
    """Draw a value as a user may give it: records have unknown fields, and lack some optional ones."""
    match kind:
        case ("opt", item):
            return None if rng.random() < 0.4 else given(rng, item)
        case ("list", item):
            return [given(rng, item) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
        case ("rec", fields):
            hidden = {name: rng.choice([5, "w", None]) for name in FIELDS if rng.random() < 0.4}
            there = {name: one for name, one in fields.items() if one[0] != "opt" or rng.random() < 0.6}
            return {name: one for name, one in hidden.items() if name not in fields} | {
                name: given(rng, one) for name, one in there.items()
            }
        case ("choice", words):
            return rng.choice(words)
        case ("range", low, high):
            return rng.randint(low, high) if isinstance(low, int) else rng.choice([0.5, 1, 1.25])
        case ("bool",):
            return rng.random() < 0.5
        case ("text", least, most):
            return rng.choice(_within(least, most))
        case ("int",):
            return rng.randint(-3, 9)
        case ("number",):
            return rng.choice([0, 3, 0.5, -1.5])
    return rng.choice(WORDS)


def told(value: Json) -> str:
    """Write a value as in a message."""
    return json.dumps(value, ensure_ascii=False, default=repr)
