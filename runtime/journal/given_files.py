"""The inputs of a run that stay in their files: large files of rows, and long texts. A journal has their digests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flowrun.dsl import plan as p
from flowrun.dsl import types

from ..files.files import read_plain_text
from ..files.large_text import FileMark, LargeText, mark_of
from ..files.urls import is_url
from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown

if TYPE_CHECKING:
    from ..documents.stored_rows import StoredRows

Place = tuple[str | int, ...]
"""The place of a value among the inputs: the name of a parameter, and the keys from there inwards."""


class Kept(NamedTuple):
    """Inputs as a journal keeps them. The values of ``files`` are None in ``inputs``, or missing there."""

    inputs: dict[str, Json]
    files: dict[str, dict[str, Json]]


def kept_apart(values: Mapping[str, Json]) -> Kept:
    """Take the values that stay in their files out of the inputs of a run."""
    from ..documents.stored_rows import StoredRows

    rows = {name: value for name, value in values.items() if isinstance(value, StoredRows)}
    files: dict[str, dict[str, Json]] = {name: _row_mark(value)._asdict() for name, value in rows.items()}
    for name, value in rows.items():
        if value.version:
            files[name]["version"] = value.version
    inputs = {name: value for name, value in values.items() if name not in rows}
    if LargeText.made:
        inputs = {name: _without(value, (name,), files) for name, value in inputs.items()}
    return Kept(inputs, files)


def marks_of(files: Mapping[str, Mapping[str, Json]]) -> Iterator[FileMark]:
    """Return the files of ``kept_apart``."""
    for one in files.values():
        yield FileMark(str(one["path"]), int(str(one["size"])), str(one["sha256"]))


def reopened(plan: p.Plan, inputs: Mapping[str, Json], files: Mapping[str, Mapping[str, Any]]) -> dict[str, Json]:
    """Return the inputs of a run with the values that stayed in their files.

    Raises InputError if a file cannot be read, UsageError if it has changed; KeyError, TypeError, ValueError.
    """
    found = dict(inputs)
    items = {param.name: param.type.item for param in plan.params if isinstance(param.type, types.ListOf)}
    for name, kept in files.items():
        path = Path(kept["path"])
        if is_url(kept["path"]):
            _reopen_url(found, name, kept, items)
        elif "at" in kept:
            text = _unchanged(name, kept, partial(_read_text, path))
            _put(found, kept["at"], text)
        elif name in items:
            found[name] = _unchanged(name, kept, partial(_read_rows, path, items[name]))
    return found


def _reopen_url(found: dict[str, Json], name: str, kept: Mapping[str, Any], items: Mapping[str, types.Type]) -> None:
    """Put the value of a URL into the inputs that were found. Raises as ``reopened``."""
    from ..documents.url_rows import UrlCopy, url_rows, version_of

    url = str(kept["path"])
    if "at" in kept:

        def read() -> tuple[Json, str]:
            with UrlCopy(url) as copy:
                return _read_text(copy.path)

        text = _unchanged(name, kept, read)
        mark = mark_of(text)
        if mark is not None and isinstance(text, LargeText):
            text._mark = mark._replace(path=url)
        _put(found, kept["at"], text)
    elif name in items:

        def read_rows() -> tuple[Json, str]:
            # Most servers tell of another version, and then nothing else need be read.
            if kept.get("version") and version_of(url) != kept["version"]:
                return None, ""
            rows = url_rows(url, items[name], checked=True)
            return rows, rows.digest

        found[name] = _unchanged(name, kept, read_rows)


def _read_text(path: Path) -> tuple[Json, str]:
    if path.suffix.lower() == ".pdf":
        from ..documents.page_images import paged  # few flows look at pages

        text: str = paged(path)
    else:
        text = read_plain_text(path)
    mark = mark_of(text)
    return text, mark.sha256 if mark else ""


def _read_rows(path: Path, item: types.Type) -> tuple[Json, str]:
    # The rows were checked when the run began, and the digest tells whether they are still the same.
    rows = _rows_file(path)(path, item, checked=True)
    return rows, rows.digest


def _rows_file(path: Path) -> Callable[..., StoredRows]:
    """Return the class that reads the rows of a file."""
    if path.suffix.lower() == ".parquet":
        from ..documents.parquet import ParquetRows

        return ParquetRows
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        from ..documents.row_file import RowFile

        return RowFile
    from ..documents.table_file import TableFile

    return TableFile


def _unchanged(name: str, kept: Mapping[str, Any], read: Callable[[], tuple[Json, str]]) -> Json:
    """Read a value from its file, and check the file's digest."""
    changed = UsageError(
        f"{shown(kept['path'])}, the value of `{name}`, has changed since the run began: "
        "restore the old file, or start a new run"
    )
    size = kept.get("size")
    try:
        # A file of another size need not be read, and it may not have the form of the old one.
        if size is not None and os.path.isfile(kept["path"]) and os.path.getsize(kept["path"]) != size:
            raise changed
        value, digest = read()
    except InputError as error:
        raise InputError(
            f"`{name}`: the journal does not hold this value, only the name of its file, and {error}: "
            "restore the file, or start a new run"
        ) from None
    if digest != kept["sha256"]:
        raise changed
    return value


def _row_mark(rows: StoredRows) -> FileMark:
    return FileMark(rows.place, rows.size, rows.digest)


def _without(value: Json, place: Place, files: dict[str, dict[str, Json]]) -> Json:
    """Return a value with None for each long text of a file. The files go into ``files``."""
    mark = mark_of(value)
    if mark is not None:
        files[_printed(place)] = {**mark._asdict(), "at": list(place)}
        return None
    if isinstance(value, Mapping):
        return {key: _without(one, (*place, key), files) for key, one in value.items()}
    if isinstance(value, list):
        return [_without(one, (*place, number), files) for number, one in enumerate(value)]
    return value


def _put(inputs: dict[str, Json], at: Sequence[str | int], value: Json) -> None:
    inner: Any = inputs
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value


def _printed(place: Place) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")
