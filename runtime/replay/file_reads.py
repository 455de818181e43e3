"""The reads of a run when it is shown again: from the journal, or else from the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from ..dispatch.read_pool import read_in_child
from ..documents.process import PendingRead
from ..engine.decisions import Read
from ..files.files import Files
from ..journal.attempts import RunRow
from ..journal.notes import FileRead, bytes_of, file_in
from ..journal.reading import JournalReader
from ..journal.records import Kind
from ..reads.quick import is_quick
from ..reads.reading import read, whole
from ..vocabulary.errors import FlowrunError, InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import unheard
from .run_beginning import RunBeginning
from .source import UNKNOWN


class ChangedFile(InputError):
    """A file is not as the run read it, and the journal does not hold it."""


class FileReads:
    """The reads of a run. ``rows`` are its rows up to the moment that is shown."""

    def __init__(self, reader: JournalReader, rows: Sequence[RunRow], given: RunBeginning) -> None:
        bodies = [json.loads(row.body) for row in rows if row.kind == Kind.READ]
        found = [file_in(body) for body in bodies if isinstance(body, dict)]
        places = given.settings.get("allow_read") or ()
        self._files = RecordedFiles(
            given.folder, tuple(Path(str(place)) for place in places), reader, {one.path: one for one in found}
        )

    def read(self, wanted: Read) -> Json:
        """Return the value of a read, the FlowrunError if it failed, or UNKNOWN if the file has changed."""
        try:
            if self._files.recorded or is_quick(wanted.function, wanted.args, self._files):
                return whole(read(wanted.function, wanted.args, self._files, unheard))
            return read_in_child(wanted.function, wanted.args, self._files, unheard, PendingRead())
        except ChangedFile:
            return UNKNOWN
        except FlowrunError as error:
            return error


class RecordedFiles(Files):
    """The files that a run read, with the content that they had then.

    A file of more than 1 MiB comes from the disk, if it is as it was. A file that the journal does not know comes from
    the disk as it is. Raises ChangedFile if a file is not as it was.
    """

    def __init__(
        self, folder: Path, allowed: tuple[Path, ...], reader: JournalReader, known: dict[str, FileRead]
    ) -> None:
        super().__init__(folder, allowed)
        self._reader = reader
        self._known = known

    @property
    def recorded(self) -> bool:
        """True if the journal tells which files the run read."""
        return bool(self._known)

    def size_of(self, path: str) -> int:
        return self._known[path].size if path in self._known else super().size_of(path)

    def matching(self, pattern: str) -> list[str]:
        found = self._recorded(pattern)
        return super().matching(pattern) if found is None else [str(name) for name in json.loads(found)]

    def _read_bytes(self, path: str) -> bytes:
        found = self._recorded(path)
        return super()._read_bytes(path) if found is None else found

    def _recorded(self, path: str) -> bytes | None:
        """Return what the run found at a path; None if the journal does not know the path."""
        known = self._known.get(path)
        if known is None:
            return None
        if known.error:
            raise InputError(known.error)
        data = bytes_of(self._reader, known)
        if data is not None:
            return data
        changed = ChangedFile(f"{shown(path)} has changed since the run read it")
        if known.pattern:
            data = json.dumps(super().matching(path), separators=(",", ":")).encode()
        else:
            try:
                data = super()._read_bytes(path)
            except InputError:
                raise changed from None
        if hashlib.sha256(data).hexdigest() != known.sha256:
            raise changed
        return data
