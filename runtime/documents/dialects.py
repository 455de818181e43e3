"""The search for the character that separates the cells of a table.

No file declares it, except by `sep=;` in the first line, which Excel reads. The delimiter is the character that cuts
the first rows into as many cells as the header has (RFC 4180, section 2.4), whatever other characters are in them.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from flowrun.dsl import pattern

from ..files.files import MOST_BYTES

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
NONE = "\0"
"""A delimiter that cuts nothing, because it occurs in no text that flowrun reads."""
_TABS = (".tsv", ".tab")
_ROWS = 200
DIALECT_CHARACTERS = 256 * 1024
"""The characters at the beginning of a table that show its dialect."""
_DECLARED = pattern(r"\s*sep=(.)[^\S\n]*(?:\n|\Z)", re.IGNORECASE)
_NUMBER = pattern(r"\s*[-+]?[0-9]+(?:[.,][0-9]+)*\s*%?\s*")


class Dialect(NamedTuple):
    """The dialect of a table.

    ``start`` is the offset at which the table begins. If ``spaced`` is True, a quote may follow a space. ``assumed``
    describes an assumption that the file cannot confirm, "" if there is none.
    """

    delimiter: str
    start: int = 0
    spaced: bool = False
    assumed: str = ""


class _Fit(NamedTuple):
    """The fit of a delimiter. A greater value is better. A field counts only if all fields before it are equal."""

    share: float
    """The share of the rows that have as many cells as the header."""
    tight: bool
    """True if the delimiter is not the comma of a sentence. Such a comma has a space behind it."""
    numbers: float
    """The share of the cells that are numbers and nothing else."""
    cells: int
    order: int


def dialect_of(text: str, path: str = "") -> Dialect:
    """Find the dialect of a table. The suffix of its ``path`` matters too: a .tsv file has tabs."""
    declared = _DECLARED.match(text)
    start = declared.end() if declared else 0
    if declared and declared[1] not in '"\n':
        return Dialect(declared[1], start, _spaced(_sample(text, start), declared[1]))
    sample = _sample(text, start)
    if os.path.splitext(path)[1].lower() in _TABS:
        return Dialect("\t", start, _spaced(sample, "\t"), _without_tabs(sample))
    fits = sorted((fit, delimiter) for delimiter in DELIMITERS if (fit := _fit(sample, delimiter)))
    if not fits:
        return Dialect(NONE, start, assumed=_one_column(sample))
    (best, delimiter), others = fits[-1], fits[:-1]
    return Dialect(delimiter, start, _spaced(sample, delimiter), _rivals(delimiter, best, others))


def lines_of(text: str, start: int = 0) -> Iterator[str]:
    """Yield the lines with their ends, one by one, so that no copy of a large text is made."""
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def cells_of(lines: Iterable[str], dialect: Dialect) -> Reader:
    """Read the cells of each row. Raise csv.Error at a broken row."""
    # The standard library refuses cells over 128 KiB, but a cell may hold a whole document.
    if csv.field_size_limit() < MOST_BYTES:
        csv.field_size_limit(MOST_BYTES)
    return csv.reader(lines, delimiter=dialect.delimiter, skipinitialspace=dialect.spaced, strict=True)


def is_blank(cells: Iterable[str]) -> bool:
    return not any(cell and not cell.isspace() for cell in cells)


def named_width(header: list[str]) -> int:
    """Return the number of columns in a header, up to the last one that has a name."""
    return max((place for place, cell in enumerate(header, 1) if cell.strip()), default=0)


def fits_width(cells: list[str], width: int, whole: int = 0) -> bool:
    """Tell whether a row has at least ``width`` cells. Cells beyond both ``width`` and ``whole`` must be empty.

    Some programs end each row with empty cells.
    """
    return len(cells) >= width and is_blank(cells[max(width, whole) :])


def _sample(text: str, start: int) -> str:
    end = start + DIALECT_CHARACTERS
    return text[start:] if end >= len(text) else text[start : text.rfind("\n", start, end) + 1 or end]


def _rows(sample: str, dialect: Dialect) -> tuple[list[list[str]], bool]:
    """Return the first rows that are not blank, and True if they are free of errors."""
    rows: list[list[str]] = []
    try:
        rows.extend(cells for cells in islice(cells_of(lines_of(sample), dialect), _ROWS) if not is_blank(cells))
    except csv.Error as error:
        # The last row of a sample is cut off where a cell goes on behind it.
        return rows, "unexpected end" in str(error) and len(sample) > DIALECT_CHARACTERS // 2
    return rows, True


def _fit(sample: str, delimiter: str) -> _Fit | None:
    """Measure how well a delimiter fits. None if it does not cut the header into cells."""
    rows, well = _rows(sample, Dialect(delimiter, spaced=_spaced(sample, delimiter)))
    if not rows or len(rows[0]) < 2:
        return None
    body = rows[1:]
    width = named_width(rows[0])
    good = sum(fits_width(cells, width, len(rows[0])) for cells in body)
    inner = [cell for cells in rows for cell in cells[1:]]
    numbers = [bool(_NUMBER.fullmatch(cell)) for cells in body for cell in cells if cell]
    return _Fit(
        good / max(len(body) + (not well), 1) if body or not well else 1.0,
        2 * sum(cell.startswith(" ") for cell in inner) <= len(inner),
        sum(numbers) / len(numbers) if numbers else 0.0,
        width,
        -list(DELIMITERS).index(delimiter),
    )


def _spaced(sample: str, delimiter: str) -> bool:
    """Tell whether quotes follow a space, as in `a, "b, c"`."""
    return re.search(rf"(?m)(?:^|[^\n]){re.escape(delimiter)} +\"", sample) is not None


def _rivals(delimiter: str, best: _Fit, others: list[tuple[_Fit, str]]) -> str:
    rivals = [DELIMITERS[other] for fit, other in others if fit.share == best.share and fit.tight == best.tight]
    if not rivals or not best.share:
        return ""
    return (
        f"flowrun reads it with {DELIMITERS.get(delimiter)} between the cells; {' and '.join(rivals)} would fit too. "
        "To be sure, quote the cells that contain such signs"
    )


def _one_column(sample: str) -> str:
    rows, _ = _rows(sample, Dialect(NONE))
    inside = [name for mark, name in DELIMITERS.items() if any(mark in cells[0] for cells in rows[1:])]
    if not inside:
        return ""
    return f"flowrun reads it as a single column, like its header: the {' and '.join(inside)} below it are text"


def _without_tabs(sample: str) -> str:
    rows, _ = _rows(sample, Dialect("\t"))
    other = [name for mark, name in DELIMITERS.items() if rows and mark in rows[0][0]]
    if "\t" in sample or not other:
        return ""
    return (
        "flowrun reads it as a single column, because its name ends in .tsv and it has no tabs: "
        f"{' and '.join(other)} are text"
    )
