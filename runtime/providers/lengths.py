"""The limits of lengths in a schema, for servers that do not take all of them: the description says them instead."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

_TEXTS = frozenset({"minLength", "maxLength"})
_ALL = _TEXTS | {"minItems", "maxItems"}
_NAMED = frozenset({"properties", "$defs", "definitions"})
"""Parts of a schema whose keys are names, and no keywords."""
MOST_REPEATED = 1_000
"""llama.cpp makes a grammar of a schema, and refuses a grammar that repeats a part thousands of times."""


def without_text_lengths(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema that says the lengths of texts in descriptions.

    Gemini's page "Structured output" lists limits of numbers and lists among the keywords that it takes, and none of
    texts.
    """
    return _told(schema, lambda name, limit: name in _TEXTS)


def without_long_lengths(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema that says great lengths in descriptions."""
    return _told(schema, lambda name, limit: name in _ALL and limit > MOST_REPEATED)


def _told(schema: Mapping[str, Any], moved: Callable[[str, Any], bool]) -> Mapping[str, Any]:
    notes = {name: limit for name, limit in schema.items() if name in _ALL and moved(name, limit)}
    made = {name: _part(name, value, moved) for name, value in schema.items() if name not in notes}
    if notes:
        words = ", ".join(f"{name}: {json.dumps(limit)}" for name, limit in notes.items())
        made["description"] = f"{made['description']} ({words})" if made.get("description") else words
    return made


def _part(name: str, value: Any, moved: Callable[[str, Any], bool]) -> Any:
    if isinstance(value, list):
        return [_part("", one, moved) for one in value]
    if not isinstance(value, Mapping):
        return value
    if name in _NAMED:
        return {key: _part("", one, moved) for key, one in value.items()}
    return _told(value, moved)
