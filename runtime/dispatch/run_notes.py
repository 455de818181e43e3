"""The notes that a run writes to its journal while nobody waits for them: values of externs, and files that were read.

They take little memory. A file that is read again with the same bytes is not noted again, and while much waits for the
disk, a file is noted without its content.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..journal.records import Kind, LogRecord
from ..journal.store import Journal
from ..providers.secret import Secret
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json

if TYPE_CHECKING:
    from ..files.seen_files import FileSeen

_WAITING = 64 * 1024 * 1024
"""The most characters of contents that may wait for the disk."""
_REMEMBERED = 50_000
"""The most files that a run remembers. It may note a file again that it read so many files before."""


class RunNotes:
    """The notes of one run. A content or a value that carries one of its ``keys`` is noted by its digest."""

    def __init__(self, journal: Journal, run: int) -> None:
        self._journal = journal
        self._run = run
        self.keys: Sequence[Secret] = ()
        self._waiting = 0
        self._known: dict[bytes, None] | None = None

    def extern_ended(self, path: str, function: str, value: Json | FlowrunError, began: int, ended: int) -> None:
        """Note what a Python function gave. The times are in milliseconds since the run began."""
        from ..journal.notes import extern_record

        self._journal.note([extern_record(self._run, path, function, value, (began, ended), self._without_key)])

    def records_of(self, file: FileSeen) -> list[LogRecord]:
        """Make the rows of a file. Call this from any thread, so that the event loop has less to do."""
        from ..journal.notes import file_records

        return file_records(self._run, file, lambda text: self._waiting < _WAITING and self._without_key(text))

    def saw(self, records: list[LogRecord]) -> None:
        """Note a file that was read, by the rows of ``records_of``. Call this from the event loop."""
        *contents, read = records
        if not self.first(read.key):
            return
        size = sum(len(str(one.body)) for one in contents)
        self._waiting += size
        self._journal.note(records).add_done_callback(partial(self._written, size))

    def first(self, key: bytes) -> bool:
        """Tell whether this file is not noted yet, by the key of its row. It counts as noted from then on."""
        if self._known is None:
            # A run that goes on may have noted files before.
            resumed = self._run in self._journal.index.runs
            self._known = dict.fromkeys(self._journal.keys(self._run, Kind.READ) if resumed else ())
        if key in self._known:
            return False
        self._known[key] = None
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        return True

    def _without_key(self, text: str) -> bool:
        return not any(key.carried_by(text) for key in self.keys)

    def _written(self, size: int, done: object) -> None:
        self._waiting -= size
