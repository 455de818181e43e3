"""A text that does not parse, changed until it does, so that its names are known.

No character moves: the lines with mistakes become blanks, and brackets that are open at the end are closed there.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from ..catalog import Catalog
from ..check import Load, examine_tree
from ..checked import Checked
from ..diagnostics import Diagnostic, FlowError
from ..parsing.parse import misfit, parse_flow
from ..source import Source
from .pieces import open_brackets
from .shift import Shift, inserted, same

Mended = tuple[Checked, Shift] | None
"""A checked file of a changed text, with the way to its offsets."""
_PARTS = ("", " x", ' "x"', ' x "x"', '"', " first", " x reduce count", '" } reduce first', " } reduce first", " = x")
"""The parts that may be missing: nothing but brackets, a name, a text, the end of a text, a rule."""
MOST_TRIED = 100_000
"""The most characters that are read to find the part that is missing. One trial is always made."""
ROUNDS = 4
MOST_CHARACTERS = 200_000
"""The greatest length of a text that is mended."""


def completed(
    source: Source, found: Iterable[Diagnostic], at: int | None, catalog: Catalog, load: Load | None
) -> Mended:
    """Return the checked file of a text with the part that is missing, such as a value behind a `=`.

    ``at`` is the place of the last change, where the cursor probably is. None if no part that was tried fits.
    """
    text = source.text
    if len(text) > MOST_CHARACTERS:
        return None
    wrong = [one.span for one in found if one.code.startswith("F01") and one.span.source.name == source.name]
    places = [] if at is None else [at]
    for span in wrong[:1]:
        places += [span.end, _before(text, span.start)]
    opened = open_brackets(source)
    closers = [_closers(opened), *([_closers(opened, "reduce first")] if "{" in opened else [])]
    left = MOST_TRIED
    for place, closing in product(dict.fromkeys(places), dict.fromkeys(closers)):
        for part in _PARTS:
            # A part that closes a block leaves one bracket less to close at the end.
            end = _closers(opened[:-1]) if "}" in part else closing
            whole = Source(text[:place] + part + text[place:] + end, source.name)
            left -= len(whole.text)
            wrong_at = misfit(whole)
            if wrong_at is None:
                checked = examine_tree(whole, catalog, load, quick=True)[1]
                return None if checked is None else (checked, inserted(text, place, len(part)))
            # No part at this place mends a mistake on a line before it.
            if wrong_at <= text.rfind("\n", 0, place) or left < 0:
                break
    return None


def _before(text: str, at: int) -> int:
    """Return the end of what stands before a mistake."""
    return len(text[:at].rstrip())


def mended(source: Source, findings: Iterable[Diagnostic], catalog: Catalog, load: Load | None) -> Mended:
    """Return the checked file of a text without its mistakes. None if they are too many."""
    if len(source.text) > MOST_CHARACTERS:
        return None
    text = source.text
    found = [one for one in findings if one.span.source.name == source.name]
    for _ in range(ROUNDS):
        text = _blanked(source, text, found)
        closed = Source(text + _closers(open_brackets(Source(text))), source.name)
        try:
            parse_flow(closed)
        except FlowError as error:
            found = list(error.diagnostics)
            continue
        checked = examine_tree(closed, catalog, load, quick=True)[1]
        return None if checked is None else (checked, same(source.text))
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


def _closers(opened: Iterable[str], behind: str = "") -> str:
    """Return the brackets that close all open ones, the innermost first. ``behind`` follows the first brace."""
    found = [{"{": "\n}", "(": ")", "[": "]"}[one] for one in reversed(list(opened))]
    brace = next((place for place, one in enumerate(found) if one == "\n}"), None)
    if behind and brace is not None:
        found[brace] += f" {behind}"
    return "".join(found)
