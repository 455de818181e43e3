"""The fitting of a file's rows to a type, for inputs and for files that a flow reads itself.

The type is a list of rows, one row, or json. Each function raises InputError with the file, the lines and the fields
that do not fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from flowrun.dsl import did_you_mean, types

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard
from .dialects import lines_of
from .fitting import Problems, fit, quick_fit
from .lengths import misses
from .rows import open_table

Rows = Iterable[tuple[int, Json]]


def fit_rows(rows: Rows, type_: types.Type, name: str, *, cells: bool = False) -> Json:
    """Fit rows that come with their lines. With ``cells``, their texts are converted to the type."""
    if type_ == types.JSON:
        return [value for _, value in rows]
    return as_wanted(list(fit_each(rows, row_of(type_), name, cells=cells)), type_, name)


def row_of(type_: types.Type) -> types.Type:
    """Return the type of a row, for a list of rows, one row or json."""
    return type_.item if isinstance(type_, types.ListOf) else type_


def as_wanted(values: list[Json], type_: types.Type, name: str) -> Json:
    """Return the rows of a file as a value of the type: all of them, or the only one. Raises InputError."""
    if isinstance(type_, types.ListOf):
        if said := misses(type_, values):
            raise InputError(f"{name}: {said}")
        return values
    if type_ == types.JSON:
        return values
    if len(values) != 1:
        raise InputError(f"{name} has {len(values)} rows, and the parameter takes a single {types.show(type_)}")
    return values[0]


def fit_each(rows: Rows, row: types.Type, name: str, *, cells: bool = False, number: str = "line") -> Iterator[Json]:
    """Fit rows to the type of a row, and yield each. Raise InputError after the last row if some rows do not fit.

    ``number`` says in messages what the rows are counted by.
    """
    if row == types.JSON and not cells:
        yield from (value for _, value in rows)
        return
    problems = Problems()
    as_it_is = _no_cell if cells else quick_fit(row)
    for line, value in rows:
        made = as_it_is(value)
        yield fit(value, row, (f"{number} {line}",), problems, cells=cells) if made is None else made
    problems.stop(name)


def _no_cell(value: Json) -> Json:
    """Fit no value, because a cell must be converted."""
    return None


def fit_table(text: str, type_: types.Type, name: str, path: str = "", tell: Tell = unheard) -> Json:
    """Fit the rows of CSV. See ``table_rows``."""
    return fit_rows(table_rows(text, row_of(type_), name, path, tell), type_, name, cells=True)


def table_rows(text: str, row: types.Type, name: str, path: str = "", tell: Tell = unheard) -> Rows:
    """Open the rows of CSV. A missing column is reported once, and not for every row."""
    columns, rows, _ = open_table(text, name, path, tell)
    first = next(rows, None)
    if first is None:
        return ()
    must_have(columns, row, name)
    return chain((first,), rows)


def must_have(columns: list[str], row: types.Type, name: str) -> None:
    """Raise InputError if a table lacks a column that the type of its rows needs."""
    record = types.unwrapped(row)
    if isinstance(record, types.Record | types.Union):
        for field in record.fields:
            if field.name not in columns and not isinstance(field.type, types.Optional):
                guess = did_you_mean(field.name, columns) or "its columns are " + ", ".join(map(shown, columns[:20]))
                raise InputError(f"{name} has no column {shown(field.name)}, which {types.show(record)} needs; {guess}")


def fit_lines(text: str, type_: types.Type, name: str) -> Json:
    """Fit the lines that are not blank."""
    return fit_rows(line_rows(text), type_, name, cells=True)


def line_rows(text: str) -> Rows:
    """Yield the lines that are not blank, each with its number."""
    return ((number, line.rstrip()) for number, line in enumerate(lines_of(text), 1) if not line.isspace())


def is_plain(item: types.Type) -> bool:
    """Tell whether one line can hold a value of the type: a text, a number, a bool or a choice."""
    item = types.plain(types.unwrapped(item))
    return item in (types.TEXT, types.INT, types.NUMBER, types.BOOL) or isinstance(item, types.Choice | types.Range)
