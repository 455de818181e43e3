"""Columnar files (.parquet): their rows, read by row groups. A child process reads them, with a limit on its memory."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from weakref import finalize

from flowrun.dsl import types

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard
from .process import PROCESS, ReadingProcess
from .stored_rows import BLOCK, Stamp, StoredRows, stamp_of
from .table_values import Unplain, bounded, plain
from .typed_rows import as_wanted, fit_each, must_have, row_of

LARGE = 1024 * 1024
"""The size in bytes from which the rows of a file stay on the disk. Such files are compressed."""
_PART = 1024 * 1024


def read_parquet(path: Path, type_: types.Type) -> Json:
    """Read a file as a value of the type: a list of rows, one row, or json. Raises InputError."""
    name = shown(str(path))
    _stamp(path, name)
    rows: Json = PROCESS.run(partial(_all_rows, os.path.abspath(path), row_of(type_), name), name)
    return as_wanted(rows, type_, name)


class ParquetRows(StoredRows):
    """The rows of a columnar file. A child process of its own reads a block of them at a time.

    With ``checked`` the caller knows that rows with the right digest fit.
    """

    def __init__(self, path: Path, item: types.Type, *, checked: bool = False, url: str = "") -> None:
        """Open a file and check its rows. Raise InputError if the file cannot be read or a row does not fit."""
        super().__init__(path, item, url)
        self._stamp = self._stamped()
        self._process = ReadingProcess()
        finalize(self, self._process.close)
        self.digest = _digest(path, self.name)
        work = partial(_count, os.path.abspath(path), item, self.name, checked=checked)
        self._length: int = self._process.run(work, self.name)[0]

    def __len__(self) -> int:
        return self._length

    def _read(self, first: int, last: int) -> list[Json]:
        work = partial(_block, Wanted(os.path.abspath(self.path), self._stamp, self.item, self.name), first, last)
        rows: list[Json] = self._process.run(work, self.name)
        return rows

    def _stamped(self) -> Stamp:
        return _stamp(self.path, self.name)


def _stamp(path: Path, name: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{name} is no regular file, and a .parquet file is read from several places at once")
    return stamp_of(found)


def _digest(path: Path, name: str) -> str:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while part := file.read(_PART):
                digest.update(part)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None
    return digest.hexdigest()


# All functions below run in the child process, which has a current folder of its own: paths are absolute.


class Wanted(NamedTuple):
    """The rows of a file that the child reads: the file as it was when it was opened, and the type of a row."""

    path: str
    stamp: Stamp
    item: types.Type
    name: str


class _Place:
    """The place up to which the child has read a file. The next block usually begins there."""

    wanted: Wanted | None = None
    at = 0
    rows: Iterator[Json] = iter(())


def _block(wanted: Wanted, first: int, last: int, tell: Tell = unheard) -> list[Json]:
    if _Place.wanted != wanted or _Place.at != first:
        _Place.wanted, _Place.at = wanted, first
        _Place.rows = _from_row(wanted.path, wanted.item, wanted.name, first)
    found = list(islice(_Place.rows, last - first))
    _Place.at = last
    if len(found) != last - first:
        raise InputError(f"{wanted.name} has changed while the flow was reading it; run the flow again")
    return found


def _count(path: str, item: types.Type, name: str, tell: Tell = unheard, *, checked: bool) -> list[Json]:
    if not checked:
        return [sum(1 for _ in _from_row(path, item, name, 0))]
    with _guarded(name), _opened(path, name) as file:
        return [file.metadata.num_rows]


def _all_rows(path: str, item: types.Type, name: str, tell: Tell = unheard) -> Iterator[Json]:
    with _guarded(name), _opened(path, name) as file:
        rows = bounded(_records(file, item, name, 0), name)
        yield from fit_each(rows, item, name, number="row")


def _from_row(path: str, item: types.Type, name: str, first: int) -> Iterator[Json]:
    with _guarded(name), _opened(path, name) as file:
        yield from fit_each(_records(file, item, name, first), item, name, number="row")


class _guarded:
    """A context in which the errors of the library become InputErrors."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, InputError | MemoryError):
            raise InputError(
                f"{self._name} is damaged, or no .parquet file that flowrun can read ({type(error).__name__})"
            ) from None


def _opened(path: str, name: str) -> Any:
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise InputError(
            f"{name}: to read .parquet files, install an extra: `pip install 'flowrun-dsl[parquet]'`"
        ) from None
    return ParquetFile(path, pre_buffer=False, memory_map=False)


def _records(file: Any, item: types.Type, name: str, first: int) -> Iterator[tuple[int, Json]]:
    """Yield the rows from the row ``first`` on, with their numbers from 1. Row groups before it are not read."""
    schema = file.schema_arrow
    twice = [one for one, times in Counter(schema.names).items() if times > 1]
    if twice:
        raise InputError(f"{name}: two columns have the name {shown(twice[0])}")
    must_have(schema.names, item, name)
    inner = types.unwrapped(item)
    known = types.as_record(inner)
    fields = None if known is None else {field.name for field in known.fields}
    columns = None if fields is None else [one for one in schema.names if one in fields]
    if columns == []:
        # A file without these columns still has its rows.
        yield from ((number, {}) for number in range(first + 1, file.metadata.num_rows + 1))
        return
    made: dict[str, Callable[[Any], Json]] = {field.name: plain for field in schema if _must_be_made(field.type)}
    number = 0
    groups: list[int] = []
    for group in range(file.metadata.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if number + count > first or groups:
            groups.append(group)
        else:
            number += count
    for batch in file.iter_batches(batch_size=BLOCK, row_groups=groups, columns=columns, use_threads=False):
        if number + batch.num_rows <= first:
            number += batch.num_rows
            continue
        for record in _rows_of(batch, number, name):
            number += 1
            if number > first:
                yield number, _made(record, made, number, name) if made else record


def _rows_of(batch: Any, before: int, name: str) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except ValueError as error:
        # Python's times end at microseconds.
        reason = "a time with nanoseconds" if "anosecond" in str(error) else "a value that has no form in Python"
        raise InputError(
            f"{name}: between row {before + 1:,} and row {before + batch.num_rows:,} is {reason}"
        ) from None
    return rows


def _made(record: dict[str, Any], made: dict[str, Callable[[Any], Json]], number: int, name: str) -> dict[str, Json]:
    for column, make in made.items():
        if column in record:
            try:
                record[column] = make(record[column])
            except Unplain as error:
                raise InputError(f"{name}: row {number:,}, column {shown(column)}: {error}") from None
    return record


def _must_be_made(type_: Any) -> bool:
    """Tell whether the values of a column may be other objects than those of JSON."""
    from pyarrow import types as kinds

    simple = (kinds.is_boolean, kinds.is_integer, kinds.is_string, kinds.is_large_string)
    return not any(is_kind(type_) for is_kind in simple)
