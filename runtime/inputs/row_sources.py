"""The files of rows and of other data, by their endings, and texts whose form shows in their first character."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.dsl import pattern, types

from ..documents.fitting import Problems, fit
from ..documents.rows import open_jsonl, parse_json, read_json
from ..files.files import read_plain_text
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell

if TYPE_CHECKING:
    from ..documents.workbooks import Reference

TABLES = (".csv", ".tsv", ".tab", ".psv")
JSON_LINES = (".jsonl", ".ndjson")
COLUMNAR = ".parquet"
_OTHER_TABLES = (".xls", ".xlsb", ".xltx", ".ods", ".numbers", ".arrow", ".feather", ".orc", ".avro", ".sqlite")
_WORKBOOK = pattern(r".+\.(?:xlsx|xlsm)(?:#.+)?", re.IGNORECASE)
_TEXT_LINES = (".txt", ".text", ".list")


def rows_of_file(path: Path, type_: types.Type, tell: Tell) -> Json:
    """Read a file of rows or of other data as a value of the type. Raises InputError."""
    if book := workbook(str(path)):
        return rows_of_workbook(book, type_, tell)
    if path.suffix.lower() == COLUMNAR:
        from ..documents.parquet import read_parquet

        return read_parquet(path, type_)
    if path.suffix.lower() in _OTHER_TABLES:
        raise InputError(
            f"{shown(str(path))}: flowrun does not read tables of the kind {path.suffix.lower()}; save it as .xlsx, "
            ".parquet, .csv or .jsonl"
        )
    text = read_plain_text(path)
    name = shown(str(path))
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _fitted(read_json(text, name), type_, name)
    from ..documents.typed_rows import fit_lines, fit_rows, fit_table

    if suffix in JSON_LINES:
        return fit_rows(open_jsonl(text, name), type_, name)
    if suffix in TABLES:
        return fit_table(text, type_, name, str(path), tell)
    if suffix in _TEXT_LINES and _is_plain_list(type_):
        return fit_lines(text, type_, name)
    return rows_of_text(text, type_, name, tell)


def workbook(given: str) -> Reference | None:
    """Return the spreadsheet that a value names, and perhaps a sheet in it. None if it names none."""
    if not _WORKBOOK.fullmatch(given):
        return None
    from ..documents.workbooks import reference

    return reference(given)


def rows_of_workbook(book: Reference, type_: types.Type, tell: Tell) -> Json:
    """Read a sheet of a spreadsheet as a value of the type. Raises InputError."""
    from ..documents.workbooks import read_workbook

    return read_workbook(book, type_, tell)


def rows_of_text(text: str, type_: types.Type, name: str, tell: Tell) -> Json:
    """Read standard input, or a file whose name does not tell its format. The text itself shows the format."""
    is_json = text.lstrip()[:1] in ("[", "{")
    from ..documents.typed_rows import fit_lines, fit_rows, fit_table

    if not is_json and _is_plain_list(type_):
        return fit_lines(text, type_, name)
    if not is_json and type_ != types.JSON:
        return fit_table(text, type_, name, tell=tell)
    try:
        value = parse_json(text)
    except ValueError:
        if "\n" in text.strip() and (type_ == types.JSON or isinstance(type_, types.ListOf)):
            return fit_rows(open_jsonl(text, name), type_, name)
        return read_json(text, name)
    if isinstance(type_, types.ListOf) and isinstance(value, dict):
        return fit_rows([(1, value)], type_, name)
    return _fitted(value, type_, name)


def _is_plain_list(type_: types.Type) -> bool:
    from ..documents.typed_rows import is_plain

    return isinstance(type_, types.ListOf) and is_plain(type_.item)


def _fitted(value: Json, type_: types.Type, name: str) -> Json:
    problems = Problems()
    fitted = fit(value, type_, (), problems)
    problems.stop(name)
    return fitted
