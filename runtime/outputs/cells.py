"""Flat values as rows of CSV (RFC 4180) or of tab-separated columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from flowrun.dsl import types

from ..vocabulary.json_value import Json

COLUMN = "value"
"""The name of the only column, for a table whose rows are not records."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""The beginnings of a text that a spreadsheet takes for a formula (OWASP, CSV Injection)."""
_PLAIN = frozenset({"text", "document", "int", "number", "bool", "choice", "range", "quantity", "none"})


_OPEN = (types.JSON, types.UNKNOWN, types.NONE)


class NotFlatError(ValueError):
    """A value does not fit in a row. The message names the field and its content."""


def columns_of(type_: types.Type) -> tuple[str, ...]:
    """Return the columns of a list or of a single record that its type names. The values may have more.

    Raises: NotFlatError, which names the part that is not flat.
    """
    item = types.unwrapped(type_)
    if isinstance(item, types.ListOf):
        item = types.unwrapped(item.item)
        if is_plain(item):
            return (COLUMN,)
    if item in _OPEN:
        return ()
    item = types.as_record(item) or item
    if not isinstance(item, types.Record):
        raise NotFlatError(f"the answer is {told(type_)}")
    for field in item.fields:
        if not is_plain(field.type) and types.unwrapped(field.type) not in _OPEN:
            raise NotFlatError(f"the field `{field.name}` is {told(field.type)}")
    return tuple(field.name for field in item.fields)


def table(
    value: Json, columns: Iterable[str] = (), *, delimiter: str = ",", raw: bool = False, header: bool = True
) -> str:
    """Write a list of records or of plain values, or one record, as a header and rows. None is an empty cell.

    ``columns`` come first, then columns that only the values have. A text that a spreadsheet would read as a formula
    gets an apostrophe in front, unless ``raw`` is True; numbers stay numbers. Without ``header`` there are only rows.
    Raises: NotFlatError.
    """
    rows = value if isinstance(value, list) else [] if value is None else [value]
    found = dict.fromkeys(columns) | dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row)
    names = list(found) or [COLUMN]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    if header:
        writer.writerow([_cell(name, raw) for name in names])
    for number, row in enumerate(rows, 1):
        where = f"row {number}"
        if not isinstance(row, dict) and row is not None and names != [COLUMN]:
            raise NotFlatError(f"{where} is not a record, and other rows are")
        cells = [row.get(name) for name in names] if isinstance(row, dict) else [row] + [None] * (len(names) - 1)
        for name, cell in zip(names, cells, strict=True):
            if isinstance(cell, dict | list):
                kind = "record" if isinstance(cell, dict) else "list"
                raise NotFlatError(f"{where} has a {kind} in `{name}`")
        writer.writerow([_cell(cell, raw) for cell in cells])
    return text.getvalue()


def is_plain(type_: types.Type) -> bool:
    """Tell whether a value of this type fits in one cell."""
    return types.unwrapped(type_).kind in _PLAIN


def _cell(value: Json, raw: bool) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value)
    return f"'{value}" if not raw and value.startswith(_FORMULA) else value


def told(type_: types.Type) -> str:
    """Write a type for use in a sentence, with its article."""
    match types.unwrapped(type_):
        case types.ListOf():
            return "a list"
        case types.Record() | types.Union():
            return "a record"
        case other:
            return f"{'an' if types.show(other)[0] in 'aeio' else 'a'} {types.show(other)}"
