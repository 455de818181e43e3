"""Tables of text that fit a terminal: less important columns are dropped, and long cells are cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from flowrun.dsl import dataclass

GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column. Of those that do not fit, the column with the highest ``rank`` is dropped first; rank 0 is never.

    A column can be cut down to ``least`` characters; 0 for a column that is whole or absent. ``right`` aligns its cells
    at the right.
    """

    head: str
    rank: int = 0
    least: int = 0
    right: bool = False


def width_of(text: str) -> int:
    """Return the number of terminal cells of a text: wide letters take two, marks and joiners none."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, most: int) -> str:
    """Cut a text to this many cells of a terminal, with an ellipsis at its end."""
    # Of a very long text, only the beginning is measured.
    head = text[: 8 * most + 8]
    if len(head) == len(text) and width_of(text) <= most:
        return text
    room = most - 1
    kept: list[str] = []
    for char in head:
        room -= _cells(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "…" * (most > 0)


def _filled(text: str, width: int, *, right: bool) -> str:
    space = " " * max(0, width - width_of(text))
    return space + text if right else text + space


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None, *, heads: bool = True
) -> list[str]:
    """Return the lines of a table, at most ``width`` cells wide; None for any width.

    A column without any text is left out. The heads are the first line.
    """
    kept = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    widths = {
        at: max([width_of(row[at]) for row in rows] + ([width_of(columns[at].head)] if heads else [])) for at in kept
    }
    if width is not None:
        _fit(columns, kept, widths, width)
    lines = []
    for row in ([[one.head for one in columns]] if heads and rows else []) + [list(row) for row in rows]:
        cells = [_filled(cut(row[at], widths[at]), widths[at], right=columns[at].right) for at in kept]
        lines.append(GAP.join(cells).rstrip())
    return lines


def _fit(columns: Sequence[Column], kept: list[int], widths: dict[int, int], width: int) -> None:
    """Drop columns, and cut the widest of those that may be cut, until the rest fits."""

    def least(at: int) -> int:
        return min(widths[at], columns[at].least) if columns[at].least else widths[at]

    while sum(least(at) for at in kept) + len(GAP) * (len(kept) - 1) > width:
        last = max(kept, key=lambda at: columns[at].rank, default=None)
        if last is None or not columns[last].rank:
            break
        kept.remove(last)
    over = sum(widths[at] for at in kept) + len(GAP) * (len(kept) - 1) - width
    while over > 0:
        able = [at for at in kept if widths[at] > max(least(at), 1) and columns[at].least]
        if not able:
            # Nothing may be cut any more: the widest columns give way, so that no line breaks.
            able = [at for at in kept if widths[at] > 1]
            if not able:
                return
        widest = max(able, key=lambda at: widths[at])
        widths[widest] -= 1
        over -= 1
