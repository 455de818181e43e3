"""The functions of the language that look at their arguments alone.

The checker works them out where a file tells the arguments: a part that the run decides stands there as an object that
is of no type of the language.
"""

from __future__ import annotations

from collections.abc import Mapping


def length_of(args: Mapping[str, object]) -> int | None:
    """How many characters, items or fields; None where the argument has none."""
    value = args.get("of")
    return len(value) if isinstance(value, (str, list, tuple, Mapping)) else None


def joined(args: Mapping[str, object]) -> str | None:
    """One text of many; None where something else stands among them."""
    items, separator = args.get("items"), args.get("separator")
    between = "\n" if separator is None else separator
    if not isinstance(items, (list, tuple)) or not isinstance(between, str):
        return None
    return between.join(items) if all(isinstance(item, str) for item in items) else None
