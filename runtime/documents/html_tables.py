"""The rows of an HTML table, whose cells may span several rows and columns."""

from __future__ import annotations

from typing import NamedTuple

MOST_COLUMNS = 1000
MOST_ROWS = 65_534
"""The most rows that a cell may span, by the HTML standard (section 4.9.11)."""
# Only this many columns may have cells that span rows. Otherwise a small page could become a very large text.
_MOST_SPANNED = 100


class Cell(NamedTuple):
    text: str
    rows: int = 1
    columns: int = 1
    head: bool = False


class Grid:
    """The layout of rows, one after the other. A cell is repeated in each row that it spans, since a row is read alone.

    A cell is repeated in each row that it spans, so that each row is complete.

    A cell that spans several columns is written in the first of them. A header cell is written in all of them.
    """

    def __init__(self) -> None:
        self._below: dict[int, tuple[int, str]] = {}

    def row(self, cells: list[Cell]) -> list[str]:
        out: list[str] = []
        below: dict[int, tuple[int, str]] = {}
        for cell in cells:
            self._from_above(out, below)
            for place in range(max(min(cell.columns, MOST_COLUMNS - len(out)), 1)):
                text = cell.text if cell.head or place == 0 else ""
                if cell.rows > 1 and len(out) < _MOST_SPANNED:
                    below[len(out)] = (cell.rows - 1, text)
                out.append(text)
        self._from_above(out, below)
        # The remaining cells of the rows above stand further to the right.
        for column in sorted(self._below):
            out += [""] * (column - len(out))
            self._from_above(out, below)
        self._below = below
        last = cells[-1] if cells else None
        if last is not None and not last.head:
            # Nothing stands to the right of the columns that it spans.
            while last.columns > 1 and len(out) > 1 and not out[-1]:
                out.pop()
                last = last._replace(columns=last.columns - 1)
        return out

    def _from_above(self, out: list[str], below: dict[int, tuple[int, str]]) -> None:
        while (found := self._below.pop(len(out), None)) is not None:
            left, text = found
            if left > 1:
                below[len(out)] = (left - 1, text)
            out.append(text)
