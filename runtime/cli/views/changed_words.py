"""The changes between two texts: the words that differ, with a few equal words around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from ...vocabulary.quoting import one_line
from .screen import Screen

AROUND = 4
"""The equal words that are shown at each side of a change."""
_MOST_WORDS = 1_000
"""The most words of a text that are compared: the comparison takes time by their square."""
_MOST = 400
"""The most characters of a piece that is shown."""
_WORDS = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")


def changed_words(before: str, after: str, screen: Screen) -> str:
    """Write two texts as one line. A word that is gone is ``[-so-]``, and a word that came is ``{+so+}``.

    On a screen with colours the marks are colours. Long equal parts, and the rest of very long texts, are left out.
    """
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    head, tail = before[:start], before[len(before) - end :] if end else ""
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    pieces = [_equal(head, first=True, last=False)]
    pieces += _changes(_WORDS.findall(old)[:_MOST_WORDS], _WORDS.findall(new)[:_MOST_WORDS], screen)
    pieces.append(_equal(tail, first=False, last=True))
    return "".join(pieces)


def _common(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts, up to the end of a word."""
    most = min(len(one), len(other))
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    while 0 < low < max(len(one), len(other)) and one[low - 1].isalnum():
        low -= 1
    return low


def _changes(old: list[str], new: list[str], screen: Screen) -> Iterator[str]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for kind, at, to, other_at, other_to in matcher.get_opcodes():
        gone, came = "".join(old[at:to]), "".join(new[other_at:other_to])
        if kind == "equal":
            yield _equal(gone, first=False, last=False)
            continue
        # The space before both is no part of the change.
        space = 0
        while gone[space : space + 1].isspace() and gone[space] == came[space : space + 1]:
            space += 1
        yield one_line(gone[:space])
        if gone[space:]:
            yield _piece(gone[space:], screen, "red", "[-", "-]")
        if came[space:]:
            yield _piece(came[space:], screen, "green", "{+", "+}")


def _piece(text: str, screen: Screen, colour: str, start: str, end: str) -> str:
    shown = one_line(text[:_MOST]) + ("…" if len(text) > _MOST else "")
    return screen.paint(shown, colour) if screen.colour else f"{start}{shown}{end}"


def _equal(text: str, *, first: bool, last: bool) -> str:
    """Write an equal part: only the words beside the changes, if it is long."""
    words = _WORDS.findall(text[:_MOST] if last else text[-_MOST:] if first else text)
    most = 2 * AROUND
    if len(words) <= most * (2 - first - last) and len("".join(words)) >= len(text):
        return one_line(text)
    begin, end = "".join(words[:most]), "".join(words[-most:])
    if first:
        return f"…{one_line(end)}"
    return f"{one_line(begin)}…" if last else f"{one_line(begin)} … {one_line(end)}"
