"""Files of data: JSON, JSON lines, and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isfinite
from typing import Any, NoReturn

from ..errors import InputError
from ..files import MOST_BYTES, shown

Json = Any
DEEPEST = 64
_WITH_PARTS = (list, tuple, Mapping)


def parse_json(text: str) -> Json:
    """Raises ValueError with a reason. Stricter than the standard library: what is read can be written again."""
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
        raise ValueError("it has half a surrogate pair (\\ud800 to \\udfff), which is no character")
    return value


def check_depth(value: Json) -> None:
    """Raises ValueError where lists and records are nested too deeply to be handled safely."""
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
    """Whether a text can be written out; one from an argument or from JSON may hold half a character."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def read_json(text: str, name: str) -> Json:
    try:
        return parse_json(text)
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {error}") from None


def read_jsonl(text: str, name: str) -> list[tuple[int, Json]]:
    """The values with their lines, counted from 1; blank lines are skipped."""
    out = []
    # Only \\n ends a line: other separators may stand inside a JSON text.
    for line, one in enumerate(text.split("\n"), 1):
        if not one or one.isspace():
            continue
        out.append((line, read_row(one, name, line)))
    return out


def read_row(text: str, name: str, line: int) -> Json:
    try:
        return parse_json(text)
    except ValueError as error:
        raise InputError(f"{name}:{line}: this line is not JSON: {error}") from None


def read_csv(text: str, name: str) -> list[tuple[int, dict[str, str]]]:
    """The rows below the header, with the lines they begin on; blank lines are skipped.

    Cells are set apart by commas, or by semicolons or tabs where the header has no comma.
    """
    header: list[str] | None = None
    out: list[tuple[int, dict[str, str]]] = []
    for line, cells in _cells(text, name):
        if header is None:
            header = _header([cell.strip() for cell in cells], name, line)
        elif len(cells) != len(header):
            raise InputError(f"{name}:{line}: this row has {_cells_of(len(cells))}, and the header has {len(header)}")
        else:
            out.append((line, dict(zip(header, cells, strict=True))))
    return out


def _cells(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    first = next((line for line in text.split("\n", 20) if line.strip()), "")
    delimiter = "," if "," in first else ";" if ";" in first else "\t" if "\t" in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    with _long_cells():
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                hint = "a quote is opened and never closed" if "unexpected end" in str(error) else str(error)
                raise InputError(f"{name}:{line}: this row is not CSV: {hint}") from None
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                yield line, cells
            line = reader.line_num + 1


@contextmanager
def _long_cells() -> Iterator[None]:
    """The standard library refuses cells over 128 KiB; a whole document may stand in one."""
    before = csv.field_size_limit(MOST_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _header(cells: list[str], name: str, line: int) -> list[str]:
    for place, cell in enumerate(cells, 1):
        if not cell:
            raise InputError(f"{name}:{line}: column {place} has no name in the header row")
    twice = [cell for cell, times in Counter(cells).items() if times > 1]
    if twice:
        raise InputError(f"{name}:{line}: two columns are called {shown(twice[0])}")
    return cells


def _cells_of(number: int) -> str:
    return "one cell" if number == 1 else f"{number} cells"


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number of JSON")


# Made once: `json.loads` makes a decoder of its own for each text that it reads so strictly.
_JSON = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)
