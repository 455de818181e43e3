"""The notes of a run in its journal: what its Python functions returned, and which files it read.

A resume needs none of them. A replay needs them all, because it calls no function and reads no file.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from ..files.large_text import FileMark
from ..files.seen_files import MOST, FileSeen
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .index import Run
from .recorded_beginning import RowSource, content_of
from .records import Encoded, Kind, LogRecord, content, digest_of, encode
from .row_access import RowAccess

_HIDDEN = "its message is too long, or holds a key"

# Making rows


Keepable = Callable[[str], bool]
"""A function that tells whether a JSON text may be in a journal. A text with a key may not."""


def extern_record(
    run: int, path: str, function: str, value: Json | FlowrunError, times: tuple[int, int], keepable: Keepable
) -> LogRecord:
    """Make the row of a Python function's value or error.

    ``times`` are its begin and end in milliseconds since the run began. A value that is too large or not ``keepable``
    is kept as its size and digest.
    """
    name, text = ("error", encode(str(value))) if isinstance(value, FlowrunError) else ("value", encode(value))
    part = f'"{name}":{text}'
    if len(text) > MOST or not keepable(text):
        part = f'"size":{len(text)},"sha256":"{hashlib.sha256(text.encode()).hexdigest()}"'
        if name == "error":
            part = f'"error":{encode(_HIDDEN)},{part}'
    body = f'{{"function":{encode(function)},{part},"from":{times[0]},"to":{times[1]}}}'
    return LogRecord(run, Kind.EXTERN, Encoded(body), place=path)


def mark_record(run: int, mark: FileMark) -> LogRecord:
    """Make the row of a file that is kept by its digest."""
    return _read_record(run, {"path": mark.path, "size": mark.size, "sha256": mark.sha256})


def file_records(run: int, file: FileSeen, keepable: Keepable) -> list[LogRecord]:
    """Make the rows of a file that was read: its content, if it is small and ``keepable``, and the file."""
    if file.error:
        return [_read_record(run, {"path": file.path, "error": file.error})]
    body: dict[str, Json] = {"path": file.path, "size": file.size, "sha256": file.sha256}
    if file.pattern:
        body["pattern"] = True
    if file.content is None:
        return [_read_record(run, body)]
    kept = content(run, file.content)
    if not keepable(str(kept.body)):
        return [_read_record(run, body)]
    return [kept, _read_record(run, {**body, "content": kept.key.hex()})]


def _read_record(run: int, body: dict[str, Json]) -> LogRecord:
    text = Encoded(encode(body))
    return LogRecord(run, Kind.READ, text, digest_of(text))


# Reading rows


class ExternValue(NamedTuple):
    """The result of a Python function: its ``value``, or an ``error`` if it failed.

    A value of more than 1 MiB is not in the journal: then ``size`` and ``sha256`` are those of its JSON text. The times
    are in milliseconds since the run began, None if they are not known.
    """

    function: str
    value: Json = None
    error: str = ""
    size: int = 0
    sha256: str = ""
    began: int | None = None
    ended: int | None = None


class FileRead(NamedTuple):
    """A file that a run read. ``path`` is as the flow named it.

    ``content`` is the key of its content, "" if the journal has none. If ``pattern`` is True, the path is a pattern,
    and the content has the names that fit it. ``error`` tells why the file could not be read.
    """

    path: str
    size: int = 0
    sha256: str = ""
    content: str = ""
    pattern: bool = False
    error: str = ""


def extern_values(reader: RowAccess, run: Run) -> dict[str, list[ExternValue]]:
    """Read what the Python functions of a run gave, by the path of the call, in order. Raises DiskError."""
    found: dict[str, list[ExternValue]] = {}
    for place, body in reader.notes_of(run.number, Kind.EXTERN):
        if isinstance(body, dict):
            value = ExternValue(
                _text(body, "function"),
                body.get("value"),
                _text(body, "error"),
                _whole(body, "size") or 0,
                _text(body, "sha256"),
                _whole(body, "from"),
                _whole(body, "to"),
            )
            found.setdefault(place, []).append(value)
    return found


def files_of(reader: RowAccess, run: Run) -> list[FileRead]:
    """Read which files a run read, in order. Raises DiskError."""
    return [file_in(body) for _, body in reader.notes_of(run.number, Kind.READ) if isinstance(body, dict)]


def file_in(body: dict[str, Any]) -> FileRead:
    """Return the file in the body of a row."""
    return FileRead(
        _text(body, "path"),
        _whole(body, "size") or 0,
        _text(body, "sha256"),
        _text(body, "content"),
        body.get("pattern") is True,
        _text(body, "error"),
    )


def bytes_of(reader: RowSource, file: FileRead) -> bytes | None:
    """Return the bytes of a file as the run read them; None if the journal has only their digest. Raises DiskError.

    The bytes of a pattern are the JSON list of the names that fit it.
    """
    if not file.content:
        return None
    body = content_of(reader, file.content)
    if "json" in body:
        return json.dumps(body["json"], separators=(",", ":")).encode()
    if "base64" in body:
        return base64.b64decode(str(body["base64"]))
    return str(body.get("text", "")).encode()


def _text(body: dict[str, Any], name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""


def _whole(body: dict[str, Any], name: str) -> int | None:
    found = body.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
