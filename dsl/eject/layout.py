"""The layout of a program: short lines, space around functions, and imports by their modules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

WIDEST = 110
_OPEN, _CLOSED = "([{", ")]}"


def broken(line: str) -> str:
    """Return a line, broken at the commas inside its brackets if it is too long. Texts stay whole."""
    indent = len(line) - len(line.lstrip())
    if len(line) <= WIDEST:
        return line
    found = _brackets(line)
    if found is None:
        return line
    start, end, commas = found
    places = [start, *commas, end]
    parts = [line[a + 1 : b].strip() for a, b in pairwise(places)]
    inside = [broken(" " * (indent + 4) + part + ",") for part in parts if part]
    return "\n".join([line[: start + 1], *inside, " " * indent + line[end:]])


def _brackets(line: str) -> tuple[int, int, list[int]] | None:
    """Return the places of the last outermost brackets of a line that hold commas, and of their commas.

    Brackets around a single value, and those of a comprehension, cannot be broken at a comma.
    """
    best = None
    stack: list[int] = []
    commas: list[int] = []
    at = 0
    while at < len(line):
        char = line[at]
        if char in "\"'":
            at = _text_end(line, at)
        elif char in _OPEN:
            if not stack:
                commas = []
            stack.append(at)
        elif char in _CLOSED and stack:
            start = stack.pop()
            if not stack and commas and " for " not in line[start:at]:
                best = start, at, commas
        elif char == "," and len(stack) == 1:
            commas.append(at)
        at += 1
    return best


def _text_end(line: str, at: int) -> int:
    """Return the place of the quote that ends a text."""
    quote, at = line[at], at + 1
    while line[at] != quote:
        at += 2 if line[at] == "\\" else 1
    return at


def laid_out(lines: Sequence[str]) -> str:
    """Return the lines of a function, with a blank line around the functions inside it."""
    found: list[str] = []
    inside = -1
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if number and line.lstrip().startswith("async def "):
            if found[-1] and not found[-1].endswith(":"):
                found.append("")
            inside = indent if inside < 0 else inside
        elif 0 <= indent <= inside:
            found.append("")
            inside = -1
        found.append(broken(line))
    return "\n".join(found)


def joined_imports(lines: Iterable[str]) -> str:
    """Return imports, one line for each module."""
    plain = sorted({line for line in lines if line.startswith("import ")})
    names: dict[str, set[str]] = {}
    for line in lines:
        if line.startswith("from "):
            module, _, name = line.removeprefix("from ").partition(" import ")
            names.setdefault(module, set()).add(name)
    grouped = [f"from {module} import {', '.join(sorted(found))}" for module, found in sorted(names.items())]
    return "\n".join([*plain, *grouped])
