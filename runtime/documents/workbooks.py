"""Spreadsheets (.xlsx, .xlsm): the rows of one sheet. The child process reads them, with a limit on its memory.

The values are those that the spreadsheet program stored, also for formulas. Nothing is calculated, no macro runs, and
links to other files are not followed.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flowrun.dsl import did_you_mean, types

from ..files.files import read_plain_bytes
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard
from .archives import unpacked_size
from .process import PROCESS
from .table_values import Unplain, bounded, plain
from .typed_rows import as_wanted, fit_each, must_have, row_of

if TYPE_CHECKING:
    from openpyxl.cell.read_only import ReadOnlyCell
    from openpyxl.worksheet.worksheet import Worksheet

SUFFIXES = (".xlsx", ".xlsm")
_REFERENCE = re.compile(r"(.+\.(?:xlsx|xlsm))#(.+)", re.IGNORECASE)
_OLD = b"\xd0\xcf\x11\xe0"
_MOST_UNPACKED = 512 * 1024 * 1024
_MOST_ROWS = 1_048_576
"""The rows of a sheet in Excel."""
_MOST_CELLS = 50_000_000
_DECLARATION = 4096
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_PART = 1024 * 1024
Row = tuple[int, list[Json]]


class Reference(NamedTuple):
    """A sheet of a spreadsheet, as in ``book.xlsx#Sheet2``. ``sheet`` is "" for the first one."""

    path: str
    sheet: str = ""


def reference(given: str) -> Reference | None:
    """Read the name of a spreadsheet, and perhaps of a sheet in it. None for every other path."""
    if given.lower().endswith(SUFFIXES):
        return Reference(given)
    found = _REFERENCE.fullmatch(given)
    return Reference(found[1], found[2]) if found else None


def read_workbook(book: Reference, type_: types.Type, tell: Tell) -> Json:
    """Read a sheet as a value of the type: a list of rows, one row, or json. Raises InputError.

    Its first row that is not empty has the names of the columns. ``tell`` gets a remark if other sheets are not read.
    """
    name = shown(book.path)
    data = read_plain_bytes(Path(book.path), name)
    work = partial(_sheet_rows, data, book.sheet, row_of(type_), name)
    rows: Json = PROCESS.run(work, name, tell)
    return as_wanted(rows, type_, name)


def _sheet_rows(data: bytes, sheet: str, row: types.Type, name: str, tell: Tell = unheard) -> Iterator[Json]:
    """Yield the typed rows of a sheet. This runs in the child process."""
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise InputError(f"{name}: to read .xlsx files, install an extra: `pip install 'flowrun-dsl[xlsx]'`") from None
    _must_be_harmless(data, name)
    # The library warns of parts that it leaves out, such as pictures.
    warnings.simplefilter("ignore")
    try:
        open_book = partial(load_workbook, read_only=True, keep_links=False)
        found = _sheet(open_book(io.BytesIO(data), data_only=True), sheet, name, tell)
        formulas = None
        if _has_formulas(data):
            formulas = _sheet(open_book(io.BytesIO(data)), found.title, name, unheard)
        yield from _typed(_cells(found, formulas, name), row, name)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 (the library fails on hostile files in many ways)
        raise InputError(
            f"{name} is damaged, or no spreadsheet ({type(error).__name__}); save it again as .xlsx"
        ) from None


def _must_be_harmless(data: bytes, name: str) -> None:
    """Refuse files that no spreadsheet program writes, before a library looks at them. Raises InputError."""
    if data.startswith(_OLD):
        raise InputError(f"{name} has a password or an older format; save it again as .xlsx without a password")
    if unpacked_size(data) > _MOST_UNPACKED:
        raise InputError(
            f"{name} has more than {_MOST_UNPACKED // 1024**2} MiB when it is unpacked, which is the limit; split it "
            "into smaller files, or save it as .csv"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                with archive.open(info) as part:
                    if b"<!DOCTYPE" in part.read(_DECLARATION):
                        raise InputError(f"{name} declares a document type, which no spreadsheet program writes")
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, OSError):
        raise InputError(f"{name} is damaged or incomplete: a .xlsx file is a zip file, and this file is not") from None


def _has_formulas(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.filename.startswith("xl/worksheets/"):
                with archive.open(info) as part:
                    end = b""
                    while block := part.read(_PART):
                        if _FORMULA.search(end + block):
                            return True
                        end = block[-64:]
    return False


def _sheet(book: Any, wanted: str, name: str, tell: Tell) -> Worksheet:
    """Return the sheet of this name, or the first one that is shown. Raises InputError."""
    sheets = book.worksheets
    names = [one.title for one in sheets]
    if wanted:
        found = next((one for one in sheets if one.title == wanted), None)
        if found is None:
            guess = did_you_mean(wanted, names) or f"its sheets are {', '.join(map(shown, names[:20]))}"
            raise InputError(f"{name} has no sheet {shown(wanted)}; {guess}")
    else:
        visible = [one for one in sheets if one.sheet_state == "visible"] or sheets
        if not visible:
            raise InputError(f"{name} has no sheet with rows")
        found = visible[0]
        if len(visible) > 1:
            other = shown(f"…#{visible[1].title}")
            tell(
                f"{name}: the rows are those of its first sheet, {shown(found.title)}; for another sheet write {other}"
            )
    # A sheet may declare any size.
    found.reset_dimensions()
    sheet: Worksheet = found
    return sheet


def _cells(sheet: Worksheet, formulas: Worksheet | None, name: str) -> Iterator[Row]:
    """Yield the rows that are not empty, each with its number. A value that cannot be used is an ``_Unusable``."""
    counted = 0
    written = () if formulas is None else formulas.iter_rows()
    for number, (row, kept) in enumerate(zip_longest(sheet.iter_rows(), written, fillvalue=()), 1):
        counted += len(row) + 1
        if number > _MOST_ROWS or counted > _MOST_CELLS:
            raise InputError(
                f"{name} has more than {_MOST_ROWS:,} rows or {_MOST_CELLS:,} cells, which are the limits; split it "
                "into smaller files, or save it as .csv"
            )
        values = [_value(cell, kept[place] if place < len(kept) else None) for place, cell in enumerate(row)]
        if any(value is not None and value != "" for value in values):
            yield number, values


class _Unusable(str):
    """A cell without a value that can be used. The text says why."""


def _value(cell: ReadOnlyCell, formula: ReadOnlyCell | None) -> Json:
    value = cell.value
    if value is None:
        if formula is not None and formula.data_type == "f" and cell.data_type == "n":
            return _Unusable(
                "has a formula without a stored value; open the file in a spreadsheet program and save it there"
            )
        return None
    if cell.data_type == "e":
        return _Unusable(f"has the error {str(value)[:40]}")
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second or value.microsecond):
        from openpyxl.styles.numbers import is_datetime

        return plain(value.date() if is_datetime(cell.number_format) == "date" else value)
    try:
        return plain(value)
    except Unplain as error:
        return _Unusable(f"cannot be used: {error}")


def _typed(rows: Iterator[Row], row: types.Type, name: str) -> Iterator[Json]:
    """Yield the rows below the header as values of their type. Raises InputError."""
    number, header = next(rows, (0, []))
    unusable = next((cell for cell in header if isinstance(cell, _Unusable)), None)
    if unusable is not None:
        raise InputError(f"{name}: row {number} has the names of the columns, and one of its cells {unusable}")
    names = [_text(cell).strip() for cell in header]
    twice = [one for one, times in Counter(names).items() if one and times > 1]
    if twice:
        raise InputError(f"{name}: two columns have the name {shown(twice[0])}, in row {number}")
    first = next(rows, None)
    if first is None:
        return
    must_have([one for one in names if one], row, name)
    inner = types.unwrapped(row)
    record = types.as_record(inner)
    fields = None if record is None else {field.name: field.type for field in record.fields}
    below = bounded(_records(chain((first,), rows), names, fields, name), name)
    yield from fit_each(below, row, name, cells=fields is not None, number="row")


def _records(
    rows: Iterable[Row], names: list[str], fields: dict[str, types.Type] | None, name: str
) -> Iterator[tuple[int, Json]]:
    for number, cells in rows:
        record: dict[str, Json] = {}
        for place, cell in enumerate(cells):
            column = names[place] if place < len(names) else ""
            if not column:
                if cell is not None and cell != "":
                    raise InputError(
                        f"{name}: column {place + 1} has no name in the header row, and row {number} has a value there"
                    )
                continue
            if fields is None or column in fields:
                if isinstance(cell, _Unusable):
                    raise InputError(f"{name}: row {number}, column {shown(column)}: the cell {cell}")
                record[column] = _shaped(cell, types.JSON if fields is None else fields[column])
        for column in names:
            if column and column not in record and (fields is None or column in fields):
                record[column] = _shaped(None, types.JSON if fields is None else fields[column])
        yield number, record


def _shaped(cell: Json, type_: types.Type) -> Json:
    """Return the value of a cell for its type. A number for a text becomes a text, and so does an empty cell."""
    inner = types.unwrapped(type_)
    if inner in (types.JSON, types.UNKNOWN):
        return cell
    if cell is None:
        return None if isinstance(type_, types.Optional) else ""
    return _text(cell) if types.is_text(inner) or inner == types.MODEL else cell


def _text(cell: Json) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)
