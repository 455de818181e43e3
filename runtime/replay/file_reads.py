"""The reads of a run when it is shown again: from the journal, or else from the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..dispatch.read_pool import read_in_child
from ..documents.process import Job
from ..engine.decisions import Read
from ..files.files import Files
from ..journal.attempts import RunRow
from ..journal.reading import JournalReader
from ..reads.quick import is_quick
from ..reads.reading import read, whole
from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.remarks import unheard
from .given import GivenRun


class FileReads:
    """The reads of a run. Each file is read from the disk, from where the run read it."""

    def __init__(self, reader: JournalReader, rows: Sequence[RunRow], given: GivenRun) -> None:
        places = given.settings.get("allow_read") or ()
        self._files = Files(given.folder, tuple(Path(str(place)) for place in places))

    def read(self, wanted: Read) -> Json:
        """Return the value of a read, or the FlowrunError if it fails."""
        try:
            if is_quick(wanted.function, wanted.args, self._files):
                return whole(read(wanted.function, wanted.args, self._files, unheard))
            return read_in_child(wanted.function, wanted.args, self._files, unheard, Job())
        except FlowrunError as error:
            return error
