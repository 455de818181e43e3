"""The difference between two values, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from flowrun.runtime.vocabulary.json_value import Json
from flowrun.runtime.vocabulary.quoting import json_line, sentence

SHORT = 60
"""Values that are written with at most this many characters need no difference: a reader sees it."""
MOST = 12
"""The most lines of a difference."""
LONG = 100
"""A line of a text with more characters is not shown as a whole: its difference may be far behind."""
SIDES = ("on the left", "on the right")
_AROUND = 20


def text_of(value: Json, most: int = 400) -> str:
    """Write a value on one line: a text in quotes, anything else as JSON."""
    try:
        return sentence(json_line(value), most)
    except (TypeError, ValueError):
        return sentence(str(value), most)


def differences(left: Json, right: Json) -> tuple[str, ...]:
    """Say where two values differ, in at most ``MOST`` lines. Empty if both are short, or of different kinds."""
    short = len(text_of(left)) <= SHORT and len(text_of(right)) <= SHORT
    if short or not any(isinstance(left, kind) and isinstance(right, kind) for kind in (str, list, Mapping)):
        return ()
    found = list(islice(_differ(left, right, ""), MOST + 1))
    return (*found[:MOST], "…") if len(found) > MOST else tuple(found)


def _differ(left: Json, right: Json, path: str) -> Iterator[str]:
    if left == right:
        return
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in dict.fromkeys([*left, *right]):
            inner = f"{path}.{name}".removeprefix(".")
            if name not in left:
                yield f"{inner}: only on the right: {text_of(right[name], 80)}"
            elif name not in right:
                yield f"{inner}: only on the left: {text_of(left[name], 80)}"
            else:
                yield from _differ(left[name], right[name], inner)
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        for number, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from _differ(one, other, f"{path}[{number}]")
        if len(left) != len(right):
            yield f"{path or 'the list'}: {len(left)} elements on the left, {len(right)} on the right"
    elif isinstance(left, str) and isinstance(right, str):
        yield from texts_differ(left, right, path)
    else:
        yield f"{_lead(path)}{text_of(left, 80)} on the left, {text_of(right, 80)} on the right"


def texts_differ(left: str, right: str, path: str = "", sides: tuple[str, str] = SIDES) -> Iterator[str]:
    """Say where two texts differ. ``sides`` are the words for the two."""
    olds, news = left.splitlines(), right.splitlines()
    if len(olds) == len(news) > 1:
        pairs = [(number, *pair) for number, pair in enumerate(zip(olds, news, strict=True), 1) if pair[0] != pair[1]]
        if pairs and max(len(one) for _, *pair in pairs for one in pair) > LONG:
            for number, old, new in pairs:
                yield from texts_differ(old, new, f"{_lead(path)}line {number}", sides)
            return
    if "\n" in left or "\n" in right:
        from difflib import unified_diff

        lines = unified_diff(olds, news, "left", "right", lineterm="", n=1)
        for line in islice(lines, 2, None):
            if not line.startswith("@@"):
                yield f"{_lead(path)}{sentence(line, 120) or line}"
        return
    at = next((n for n, (one, other) in enumerate(zip(left, right, strict=False)) if one != other), None)
    at = min(len(left), len(right)) if at is None else at
    yield f"{_lead(path)}from character {at + 1} on: {_part(left, at)} {sides[0]}, {_part(right, at)} {sides[1]}"


def _part(text: str, at: int) -> str:
    start = max(0, at - _AROUND)
    part = text[start : at + 2 * _AROUND]
    lead, tail = "…" if start else "", "…" if at + 2 * _AROUND < len(text) else ""
    return f"{lead}{text_of(part)}{tail}"


def _lead(path: str) -> str:
    return f"{path}: " if path else ""
