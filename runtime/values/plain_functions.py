"""The functions of the language that depend only on their arguments.

The checker evaluates them if the file decides the arguments. A part of such an argument that only the run decides is an
object of no type of the language.
"""

from __future__ import annotations

from collections.abc import Mapping


def length_of(args: Mapping[str, object]) -> int | None:
    """Return the number of characters, items or fields. None if the argument has none."""
    value = args.get("of")
    return len(value) if isinstance(value, (str, list, tuple, Mapping)) else None


def joined(args: Mapping[str, object]) -> str | None:
    """Join texts into one text. None if an item is not a text."""
    items, separator = args.get("items"), args.get("separator")
    between = "\n" if separator is None else separator
    if not isinstance(items, (list, tuple)) or not isinstance(between, str):
        return None
    return between.join(items) if all(isinstance(item, str) for item in items) else None
