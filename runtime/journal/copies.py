"""The copy of one run as lines of JSON, and the way back into a journal.

A copy has one line for the run, then one line for each of its rows, with the contents that they name before them. So a
run that comes back has the same rows, and its answers are used as before.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from ..vocabulary.errors import InputError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .givens import content_of
from .index import Run
from .reading import JournalReader
from .records import Kind, LogRecord, content
from .store import Journal

VERSION = 1
MOST_BYTES = 256 * 1024 * 1024
"""The most bytes of one line."""
_AT_ONCE = 2_000
_NAMED = ("plan", "inputs", "content")
"""The fields of a row that name a content by its key."""


def lines_of(reader: JournalReader, run: Run) -> Iterator[dict[str, Any]]:
    """Yield the lines of a run's copy, as plain data. Raises DiskError."""
    told: set[str] = set()
    for row in reader.rows(run.number, reader.last_row(run.number)):
        body = json.loads(row.body)
        if row.kind == Kind.CONTENT:
            continue
        if row.kind == Kind.RUN:
            yield {"version": VERSION, "kind": Kind.RUN, "body": body}
            continue
        for key in _contents_of(row.kind, body):
            if key not in told:
                told.add(key)
                yield {"kind": Kind.CONTENT, "body": dict(content_of(reader, key))}
        yield {"kind": row.kind, "key": row.key.hex(), "place": row.place, "body": body}


def bring_in(path: Path, lines: Iterable[bytes], name: str) -> tuple[str, int]:
    """Write the run of a copy into a journal. Return its id and the number of its answers.

    ``lines`` are those of the file called ``name``. All of them are read before anything is written.

    Raises: InputError, if they are no copy; UsageError, if the journal has a run of this id; DiskError.
    """
    records = [*_records(lines, name)]
    return asyncio.run(_written(path, records, name))


async def _written(path: Path, records: list[LogRecord], name: str) -> tuple[str, int]:
    run = str(records[0].body["id"]) if isinstance(records[0].body, dict) else ""
    with closing(Journal.open(path)) as journal:
        if any(one.id == run for one in journal.index.runs.values()):
            raise UsageError(
                f"the journal {shown(str(path))} has a run {run} already: to replace it by that of {shown(name)}, "
                f"write `flowrun journal erase {run}` first"
            )
        held = {one.key.hex() for one in records if one.kind is Kind.CONTENT}
        for key in (key for one in records for key in _contents_of(one.kind, one.body)):
            if key not in held and not _holds(journal, key):
                raise InputError(
                    f"{shown(name)} cannot be imported: it lacks the content {shown(key)} that its rows name"
                )
        wanted = (one for one in records if one.kind is not Kind.CONTENT or one.key not in journal.index.contents)
        number = await journal.append([next(wanted)])
        while some := [one._replace(run=number) for one in islice(wanted, _AT_ONCE)]:
            await journal.append(some)
    return run, sum(one.kind is Kind.ANSWER for one in records)


def _holds(journal: Journal, key: str) -> bool:
    try:
        return bytes.fromhex(key) in journal.index.contents
    except ValueError:
        return False


def _records(lines: Iterable[bytes], name: str) -> Iterator[LogRecord]:
    """Read the lines of a copy. The first record begins the run."""
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)
            if number == 1:
                yield _first(found)
            elif found["kind"] != "call":
                yield _record(found)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            said = "it is not a line of `flowrun journal export`"
            if isinstance(error, _Newer):
                said = str(error)
            raise InputError(f"line {number} of {shown(name)} cannot be imported: {said}") from None
    if not number:
        raise InputError(f"{shown(name)} is empty: a copy of a run comes from `flowrun journal export`")


class _Newer(ValueError):
    """A copy of a later version."""


def _first(found: Any) -> LogRecord:
    if found["kind"] != Kind.RUN:
        raise ValueError
    if found["version"] != VERSION:
        raise _Newer(f"it is of version {found['version']}, and this flowrun reads version {VERSION}")
    body = found["body"]
    if not all(isinstance(body[name], str) for name in ("id", "flow", "source")) or not body["id"].strip():
        raise ValueError
    return LogRecord(0, Kind.RUN, {**body, "began": float(body["began"])})


def _record(found: Any) -> LogRecord:
    kind, body = Kind(found["kind"]), found["body"]
    if kind is Kind.CONTENT:
        # The key is worked out again, so that no copy can give a content another name.
        return content(1, _body(body))
    key, place = bytes.fromhex(found["key"]), found["place"]
    if kind is Kind.RUN or not isinstance(place, str) or len(key) > 64 or (kind not in _BARE and not key):
        raise ValueError
    if body is not None or kind not in _EMPTY:
        _check_fields(kind, _body(body))
    return LogRecord(1, kind, body, key, place)


_BARE = frozenset({Kind.GIVEN, Kind.RESUMED, Kind.END, Kind.EXTERN, Kind.READ})
"""The kinds of rows that need no key."""

_EMPTY = frozenset({Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED, Kind.FORGOTTEN})
"""The kinds of rows that may have no body."""
_NEEDED = {
    Kind.INTENT: {"model"},
    Kind.ANSWER: {"text"},
    Kind.GIVEN: {"plan", "inputs"},
    Kind.RESUMED: {"began"},
    Kind.END: {"status", "ended"},
    Kind.EXTERN: {"function"},
    Kind.READ: {"path"},
}
"""The fields that a row of a kind must have."""
_NUMBER = (int, float)
_TYPES: Mapping[Any, str] = {
    list: "allow_read allow_host budget",
    str: "model key text finish error said why served id function path sha256 content pattern",
    _NUMBER: "from to at bytes max of most in out cached stored reasoning size began ended cost",
    dict: "waited more files settings models account",
}
_TYPE_OF = {name: kind for kind, names in _TYPES.items() for name in names.split()}


def _check_fields(kind: Kind, body: Mapping[str, Json]) -> None:
    """Check that a row has the fields of its kind, each of its type. Raises KeyError or TypeError."""
    for name in _NEEDED.get(kind, ()):
        if body[name] is None:
            raise TypeError
    settings = body.get("settings")
    for name, value in [*body.items(), *(settings.items() if isinstance(settings, dict) else ())]:
        wanted = _TYPE_OF.get(name, object)
        if value is not None and (not isinstance(value, wanted) or (wanted is _NUMBER and isinstance(value, bool))):
            raise TypeError


def _body(body: Json) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise TypeError
    return body


def _contents_of(kind: str, body: Json) -> Iterator[str]:
    if kind in (Kind.GIVEN, Kind.READ) and isinstance(body, dict):
        yield from (key for name in _NAMED if isinstance(key := body.get(name), str) and key)
