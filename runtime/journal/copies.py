"""The copy of one run as lines of JSON, and the way back into a journal.

A copy has one line for the run, then one line for each of its rows, with the contents that they name before them. So a
run that comes back has the same rows, and its answers are used as before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .attempts import RunRow
from .copy_lines import VERSION, read_copy
from .index import Index, Run
from .opening import open_journal
from .reading import JournalReader
from .recorded_beginning import content_of
from .records import Kind, LogRecord
from .survey import read_runs

_AT_ONCE = 2_000
_IMPORTS = (1 << 31) - 1
"""The number that a process which imports a run holds, as if it were that of a live run."""
_NAMED = ("plan", "inputs", "content")
"""The fields of a row that name a content by its key."""
_NAMING = (Kind.GIVEN, Kind.READ)
"""The kinds of rows that name contents."""


def lines_of(reader: JournalReader, run: Run) -> Iterator[dict[str, Any]]:
    """Yield the lines of a run's copy, as plain data. The first has the number of the others. Raises DiskError."""
    last = reader.last_row(run.number)
    rows = sum(1 + len(contents) for _, contents in _told(reader, run, last))
    number = 0
    for row, contents in _told(reader, run, last):
        if row.kind == Kind.RUN:
            yield {"version": VERSION, "kind": Kind.RUN, "rows": rows - 1, "body": json.loads(row.body)}
            continue
        for key in contents:
            number += 1
            yield {"kind": Kind.CONTENT, "row": number, "body": dict(content_of(reader, key))}
        number += 1
        yield {
            "kind": row.kind,
            "row": number,
            "key": row.key.hex(),
            "place": row.place,
            "body": json.loads(row.body),
        }


def _told(reader: JournalReader, run: Run, last: int) -> Iterator[tuple[RunRow, list[str]]]:
    """Yield the rows of a run, each with the keys of the contents that it is the first to name."""
    told: set[str] = set()
    for row in reader.rows(run.number, last):
        if row.kind != Kind.CONTENT:
            named = _contents_of(row.kind, json.loads(row.body)) if row.kind in _NAMING else ()
            contents = [key for key in dict.fromkeys(named) if key not in told]
            told.update(contents)
            yield row, contents


def bring_in(path: Path, lines: Iterable[bytes], name: str) -> tuple[str, int]:
    """Write the run of a copy into a journal. Return its id and the number of its answers.

    ``lines`` are those of the file called ``name``. All of them are read before anything is written. A copy that is
    refused leaves everything as it was.

    Raises: InputError, if they are no copy; UsageError, if the journal has a run of this id; DiskError.
    """
    records = read_copy(lines, name)
    with closing(JournalReader(path, read_runs)) as reader:
        _check_place(records, reader.index, path, name)
    return asyncio.run(_written(path, records, name))


async def _written(path: Path, records: list[LogRecord], name: str) -> tuple[str, int]:
    with _imports(path), closing(open_journal(path)) as journal:
        # Another process may have written since.
        run = _check_place(records, journal.index, path, name)
        wanted = (one for one in records if one.kind is not Kind.CONTENT or one.key not in journal.index.contents)
        number = await journal.append([next(wanted)])
        while some := [one._replace(run=number) for one in islice(wanted, _AT_ONCE)]:
            await journal.append(some)
    return run, sum(one.kind is Kind.ANSWER for one in records)


@contextmanager
def _imports(path: Path) -> Iterator[None]:
    """Keep other imports off, so that a run is taken once. Raises UsageError if another process imports a run."""
    with closing(open_journal(path)) as guard:
        try:
            guard.begin(_IMPORTS)
        except UsageError:
            raise UsageError(
                f"another process imports a run into the journal {shown(str(path))}: try again when it is done"
            ) from None
        yield


def _check_place(records: list[LogRecord], index: Index, path: Path, name: str) -> str:
    """Check that a copy fits into a journal, and return the id of its run. Raises InputError, UsageError."""
    run = str(records[0].body["id"]) if isinstance(records[0].body, dict) else ""
    if any(one.id == run for one in index.runs.values()):
        raise UsageError(
            f"the journal {shown(str(path))} has a run {run} already: to replace it by that of {shown(name)}, "
            f"write `flowrun journal erase {run}` first"
        )
    held = {one.key.hex() for one in records if one.kind is Kind.CONTENT}
    for key in (key for one in records for key in _contents_of(one.kind, one.body)):
        if key not in held and not _holds(index, key):
            raise InputError(f"{shown(name)} cannot be imported: it lacks the content {shown(key)} that its rows name")
    return run


def _holds(index: Index, key: str) -> bool:
    try:
        return bytes.fromhex(key) in index.contents
    except ValueError:
        return False


def _contents_of(kind: str, body: Json) -> Iterator[str]:
    if kind in _NAMING and isinstance(body, dict):
        yield from (key for name in _NAMED if isinstance(key := body.get(name), str) and key)
