"""The rows of a Word table.

A cell may extend over the rows below (`w:vMerge`) and over columns (`w:gridSpan`).
"""

from __future__ import annotations

from dataclasses import field

from flowrun.dsl import dataclass

from .archives import Attributes
from .html_tables import MOST_COLUMNS
from .numbering import whole


@dataclass(slots=True)
class _Cell:
    blocks: list[str] = field(default_factory=list)
    columns: int = 1
    goes_on: bool = False
    begins: bool = False


class WordTable:
    """A table. A cell is repeated in each row that it spans, so that each row is complete."""

    def __init__(self) -> None:
        self.cells: list[_Cell] | None = None
        self._first = 0
        self._above: dict[int, str] = {}

    def start(self, tag: str, attributes: Attributes) -> None:
        value = attributes.get("val", "")
        if tag == "tr":
            self.cells, self._first = [], 0
        elif self.cells is None:
            return
        elif tag == "tc":
            self.cells.append(_Cell())
        elif tag == "gridBefore":
            self._first = min(whole(value), MOST_COLUMNS)
        elif tag == "gridSpan" and self.cells:
            self.cells[-1].columns = max(min(whole(value), MOST_COLUMNS), 1)
        elif tag == "vMerge" and self.cells:
            self.cells[-1].begins = value == "restart"
            self.cells[-1].goes_on = value != "restart"

    def row(self) -> str:
        """End the current row and return it, with its cells side by side. "" if the row is empty."""
        cells, self.cells = self.cells or [], None
        out = [""] * self._first
        for cell in cells:
            column = len(out)
            text = " ".join(cell.blocks)
            if cell.goes_on:
                text = text or self._above.get(column, "")
            if cell.goes_on or cell.begins:
                self._above[column] = text
            out += [text, *[""] * min(cell.columns - 1, MOST_COLUMNS - column)]
        return " | ".join(out) if any(cell.blocks for cell in cells) else ""
