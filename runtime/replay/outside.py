"""The values of externs and the files of a run, for those who look at it."""

from __future__ import annotations

import json

from ..journal.index import Run
from ..journal.notes import FileRead, bytes_of, extern_values, files_of
from ..journal.reading import JournalReader
from ..vocabulary.run_record import ExternRecord, FileRecord, OutsideRecord

MOST = 64 * 1024 * 1024
"""The most bytes of contents in one record. Files beyond it have their size and digest alone."""


def outside_of(reader: JournalReader, run: Run) -> OutsideRecord:
    """Read what the Python functions of a run gave, and which files it read, in order. Raises DiskError."""
    externs = [
        ExternRecord(path, one.function, one.value, one.error, one.size, one.sha256, one.began, one.ended)
        for path, values in extern_values(reader, run).items()
        for one in values
    ]
    files, left = [], MOST
    for read in files_of(reader, run):
        text = _text(reader, read) if read.content and read.size <= left else None
        left -= len(text or "")
        files.append(FileRecord(read.path, read.size, read.sha256, text, read.pattern, read.error))
    return OutsideRecord(tuple(externs), tuple(files))


def _text(reader: JournalReader, read: FileRead) -> str | None:
    """Return the content of a file as text; None if its bytes are no text."""
    data = bytes_of(reader, read)
    if data is None:
        return None
    if read.pattern:
        names = json.loads(data)
        return "\n".join(map(str, names)) if isinstance(names, list) else None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None
