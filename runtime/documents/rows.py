"""The parsing of data files: JSON, JSON lines, and CSV."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard

if TYPE_CHECKING:
    from .dialects import Dialect

Row = tuple[int, list[str]]
DEEPEST = 64
_WITH_PARTS = (list, tuple, Mapping)


def parse_json(text: str) -> Json:
    """Parse a JSON text. Raises ValueError with a reason.

    The parser is stricter than the standard library, so that every value can be written as JSON again.
    """
    try:
        value = _JSON.decode(text)
        if text.count("[") + text.count("{") > DEEPEST:
            check_depth(value)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        raise ValueError(f"{error.msg[0].lower()}{error.msg[1:]} at {place}") from None
    if "\\u" in text and not is_unicode(json.dumps(value, ensure_ascii=False)):
        raise ValueError("it has half of a surrogate pair (\\ud800 to \\udfff), which is not a character")
    return value


def check_depth(value: Json) -> None:
    """Raise ValueError if lists and records are nested too deeply to be handled safely."""
    level = [value]
    for _ in range(DEEPEST):
        # One value may stand in many places, or in itself, when it does not come from a text.
        inner = {id(part): part for part in level if isinstance(part, _WITH_PARTS)}.values()
        if not inner:
            return
        level = [item for part in inner for item in (part.values() if isinstance(part, Mapping) else part)]
    if any(isinstance(part, _WITH_PARTS) for part in level):
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")


def is_unicode(text: str) -> bool:
    """Tell whether a text can be encoded. A text from an argument or from JSON may have half a character."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def read_json(text: str, name: str) -> Json:
    try:
        return parse_json(text)
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {error}") from None


def open_jsonl(text: str, name: str) -> Iterator[tuple[int, Json]]:
    """Yield the values with their line numbers, counted from 1. Blank lines are skipped."""
    from .dialects import lines_of

    # Only \\n ends a line: other separators may stand inside a JSON text.
    for line, one in enumerate(lines_of(text), 1):
        if not one.isspace():
            yield line, read_row(one, name, line)


def read_row(text: str, name: str, line: int) -> Json:
    try:
        return parse_json(text)
    except ValueError as error:
        raise InputError(f"{name}:{line}: this line is not JSON: {error}") from None


class Table(NamedTuple):
    """A table.

    ``columns`` are the names in the header. ``rows`` can be read once; each row comes with the line on which it begins.
    ``header`` has the line of the header, and its cells, some of which may be empty.
    """

    columns: list[str]
    rows: Iterator[tuple[int, dict[str, str]]]
    header: Row = (0, [])


def open_table(text: str, name: str, path: str = "", tell: Tell = unheard) -> Table:
    """Open a table of CSV. Empty rows are skipped, and so are columns with neither a name nor a value.

    ``dialect_of`` finds the delimiter. ``tell`` is called with an assumption that the file cannot confirm.
    """
    from .dialects import dialect_of, lines_of

    dialect = dialect_of(text, path)
    if dialect.assumed:
        tell(f"{name}: {dialect.assumed}")
    return table_of(lines_of(text, dialect.start), name, dialect, text.count("\n", 0, dialect.start))


def table_of(lines: Iterable[str], name: str, dialect: Dialect, above: int) -> Table:
    """Open a table of CSV whose lines come one by one. ``above`` is the number of lines above them."""
    cells = _cells(lines, name, dialect, above)
    header = next(cells, None)
    if header is None:
        return Table([], iter(()))
    line, names = header[0], [cell.strip() for cell in header[1]]
    twice = [cell for cell, times in Counter(names).items() if cell and times > 1]
    if twice:
        raise InputError(f"{name}:{line}: two columns have the name {shown(twice[0])}")
    return Table([cell for cell in names if cell], _below(names, line, cells, name), (line, names))


def more_rows(
    table: Table, lines: Iterable[str], name: str, dialect: Dialect, above: int
) -> Iterator[tuple[int, dict[str, str]]]:
    """Read rows of a table whose header was read before. ``above`` is the number of lines above them in the file."""
    line, names = table.header
    return _below(names, line, _cells(lines, name, dialect, above), name)


def _below(names: list[str], header: int, rows: Iterable[Row], name: str) -> Iterator[tuple[int, dict[str, str]]]:
    from .dialects import fits_width, named_width

    width = named_width(names)
    unnamed = [place for place, cell in enumerate(names) if not cell]
    for line, cells in rows:
        if not fits_width(cells, width, len(names)):
            raise InputError(f"{name}:{line}: this row has {_cells_of(len(cells))}, and the header has {width}")
        for place in unnamed:
            if "".join(cells[place : place + 1]).strip():
                raise InputError(
                    f"{name}:{header}: column {place + 1} has no name in the header row, and line {line} has a value "
                    "there"
                )
        yield line, {column: cell for column, cell in zip(names[:width], cells, strict=False) if column}


def _cells(lines: Iterable[str], name: str, dialect: Dialect, above: int) -> Iterator[Row]:
    """Yield the rows that are not empty, each with the line on which it begins."""
    from .dialects import cells_of, is_blank

    reader = cells_of(lines, dialect)
    while True:
        line = above + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = "a quote is opened and never closed" if "unexpected end" in str(error) else _plainer(error)
            raise InputError(f"{name}:{line}: this row is not CSV: {hint}") from None
        if not is_blank(cells):
            yield line, cells


def _plainer(error: csv.Error) -> str:
    """Return the standard library's message about a row, without the character that stands for a missing delimiter."""
    from .dialects import NONE

    return str(error).replace(f"'{NONE}'", "the end of the row")


def _cells_of(number: int) -> str:
    return "one cell" if number == 1 else f"{number} cells"


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


# Made once: with such strict settings, `json.loads` would make a decoder for each text.
_JSON = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
