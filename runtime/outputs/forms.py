"""The form of an answer in a file, by the ending of its name. A form that cannot hold the answer is refused early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from flowrun.dsl import types

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import json_line, json_text, shown
from .cells import NotFlatError, columns_of, is_plain, table, told

LINES = (".jsonl", ".ndjson")
_TABLES = {".csv": ",", ".tsv": "\t"}
TEXTS = (".txt", ".text", ".md", ".markdown")
_NEVER = frozenset(".doc .docx .gz .ods .odt .parquet .pdf .ppt .pptx .rtf .sqlite .xls .xlsx .xz .zip".split())


class Form:
    """A maker of the text of a file.

    If ``by_line`` is True, each item of a list is a line, and items may come one by one. ``is_table`` is True for rows
    of cells.
    """

    def __init__(self, name: str, type_: types.Type, *, raw: bool = False) -> None:
        """Check that the form fits an answer of ``type_``. ``raw`` leaves formulas in CSV alone. Raises UsageError."""
        self.name = shown(name)
        self.suffix = PurePath(name).suffix.lower()
        self.by_line = self.suffix in LINES
        self.is_table = self.suffix in _TABLES
        self.raw = raw and self.is_table
        self.columns: tuple[str, ...] = ()
        if self.suffix in _NEVER:
            raise UsageError(
                f"flowrun cannot write a {self.suffix} file; give --output a name that ends in .json, .jsonl, .csv, "
                ".txt or .md"
            )
        if self.suffix in _TABLES:
            self._fit_table(type_)
        elif self.suffix in TEXTS:
            self._fit_text(type_)

    def row(self, value: Json) -> str:
        """Write one item of a list, for items that come one by one."""
        return json_line(value) + "\n"

    def whole(self, value: Json) -> str:
        """Write the whole file. Raises DiskError if the value does not fit, although its type allowed for it."""
        if self.by_line:
            return "".join(self.row(one) for one in (value if isinstance(value, list) else [value]))
        try:
            if self.suffix in _TABLES:
                return table(value, self.columns, delimiter=_TABLES[self.suffix], raw=self.raw)
            if self.suffix in TEXTS:
                return "".join(f"{line}\n" for line in _plain_lines(value))
        except NotFlatError as error:
            raise DiskError(f"{self.name} cannot hold the answer: {error}") from None
        if isinstance(value, str) and self.suffix != ".json":
            return f"{value}\n"
        return json_text(value) + "\n"

    def _fit_table(self, type_: types.Type) -> None:
        try:
            self.columns = columns_of(type_)
        except NotFlatError as error:
            if is_plain(type_):
                what, instead = "is for a list or a record", ".txt or .json"
            else:
                what, instead = (
                    "has one value in each cell",
                    (".jsonl or .json, or return records without lists and records inside"),
                )
            raise UsageError(
                f"{self.name} cannot hold the answer of this flow: {error}, and a {self.suffix} file {what}; "
                f"give --output a name that ends in {instead}"
            ) from None

    def _fit_text(self, type_: types.Type) -> None:
        inner = types.unwrapped(type_)
        inner = types.unwrapped(inner.item) if isinstance(inner, types.ListOf) else inner
        if is_plain(inner) or inner in (types.JSON, types.UNKNOWN):
            return
        raise UsageError(
            f"{self.name} cannot hold the answer of this flow: it is {told(type_)}, and a {self.suffix} file has text, "
            "or a plain value on each line; give --output a name that ends in .json, .jsonl or .csv"
        )


def _plain_lines(value: Json) -> Iterator[str]:
    """Yield a text, or the items of a list, each on one line. Raises NotFlatError."""
    if not isinstance(value, list):
        yield value if isinstance(value, str) else _word(value, "the answer")
        return
    for number, one in enumerate(value, 1):
        word = one if isinstance(one, str) else _word(one, f"item {number}")
        if "\n" in word or "\r" in word:
            raise NotFlatError(f"item {number} has several lines, and a reader would see several items")
        yield word


def _word(value: Json, what: str) -> str:
    if isinstance(value, dict | list):
        raise NotFlatError(f"{what} is a {'record' if isinstance(value, dict) else 'list'}")
    return "" if value is None else json_text(value)
