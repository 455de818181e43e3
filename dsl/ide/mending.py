"""A text that does not parse, changed until it does, so that its names are known.

No character moves: the lines with mistakes become blanks, and brackets that are open at the end are closed there.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..catalog import Catalog
from ..check import Load, examine_tree
from ..checked import Checked
from ..diagnostics import Diagnostic, FlowError
from ..parsing.parse import parse_flow
from ..source import Source
from .pieces import open_brackets

ROUNDS = 4
MOST_CHARACTERS = 200_000
"""The greatest length of a text that is mended."""


def mended(source: Source, findings: Iterable[Diagnostic], catalog: Catalog, load: Load | None) -> Checked | None:
    """Return the checked file of a text without its mistakes. None if they are too many."""
    if len(source.text) > MOST_CHARACTERS:
        return None
    text = source.text
    found = [one for one in findings if one.span.source.name == source.name]
    for _ in range(ROUNDS):
        text = _blanked(source, text, found)
        closed = Source(text + _closers(text), source.name)
        try:
            parse_flow(closed)
        except FlowError as error:
            found = list(error.diagnostics)
            continue
        return examine_tree(closed, catalog, load, quick=True)[1]
    return None


def _blanked(source: Source, text: str, found: Iterable[Diagnostic]) -> str:
    """Replace the lines of mistakes by blanks, but keep their brackets of blocks."""
    for number in {one.span.line for one in found if one.code.startswith("F01")}:
        if number > text.count("\n") + 1:
            continue
        start = source.offset(number, 1) if number <= source.text.count("\n") + 1 else len(text)
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        text = text[:start] + _empty(text[start:end]) + text[end:]
    return text


def _empty(line: str) -> str:
    """Return blanks of the same length. A line that only closes a block, or opens one, keeps its bracket."""
    bare = line.strip()
    if bare.startswith("}") and not bare.endswith("{"):
        # `} reduce` without a rule: the shortest rule stands in its place if there is room.
        rule = "} reduce first"
        return rule.ljust(len(line)) if len(line) >= len(rule) and "reduce" in bare else " " * len(line)
    return " " * len(line)


def _closers(text: str) -> str:
    """Return the brackets that close all open ones at the end of the text."""
    opened = open_brackets(Source(text))
    return "".join({"{": "\n}", "(": ")", "[": "]"}[one] for one in reversed(opened))
