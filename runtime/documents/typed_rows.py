"""The fitting of a file's rows to a type, both for inputs and for files that a flow reads itself.

The type is a list of rows, one row, or json. Each function raises InputError with the file, the lines and the fields
that do not fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from flowrun.dsl import did_you_mean, types

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard
from .dialects import lines_of
from .fitting import Problems, fit
from .rows import open_table

Rows = Iterable[tuple[int, Json]]


def fit_rows(rows: Rows, type_: types.Type, name: str, *, cells: bool = False) -> Json:
    """Fit rows that come with their lines. With ``cells``, their texts are converted to the type."""
    if type_ == types.JSON or (type_ == types.ListOf(types.JSON) and not cells):
        return [value for _, value in rows]
    problems = Problems()
    item = type_.item if isinstance(type_, types.ListOf) else type_
    values = [fit(value, item, (f"line {line}",), problems, cells=cells) for line, value in rows]
    problems.stop(name)
    if isinstance(type_, types.ListOf):
        return values
    if len(values) != 1:
        raise InputError(f"{name} has {len(values)} rows, and the parameter takes a single {types.show(type_)}")
    return values[0]


def fit_table(text: str, type_: types.Type, name: str, path: str = "", tell: Tell = unheard) -> Json:
    """Fit the rows of CSV. A missing column is reported once and not for every row."""
    columns, rows = open_table(text, name, path, tell)
    first = next(rows, None)
    if first is None:
        return fit_rows((), type_, name)
    record = types.unwrapped(type_.item if isinstance(type_, types.ListOf) else type_)
    if isinstance(record, types.Record):
        for field in record.fields:
            if field.name not in columns and not isinstance(field.type, types.Optional):
                guess = did_you_mean(field.name, columns) or "its columns are " + ", ".join(map(shown, columns[:20]))
                raise InputError(f"{name} has no column {shown(field.name)}, which {types.show(record)} needs; {guess}")
    return fit_rows(chain((first,), rows), type_, name, cells=True)


def fit_lines(text: str, type_: types.Type, name: str) -> Json:
    """Fit the lines that are not blank."""
    rows = ((number, line.rstrip()) for number, line in enumerate(lines_of(text), 1) if not line.isspace())
    return fit_rows(rows, type_, name, cells=True)


def is_plain(item: types.Type) -> bool:
    """Tell whether a line can write a value of the type: a text, a number, a bool or a choice."""
    item = types.unwrapped(item)
    return item in (types.TEXT, types.INT, types.NUMBER, types.BOOL) or isinstance(item, types.Choice | types.Range)
