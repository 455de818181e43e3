"""The reads of a run, done outside of the event loop: quick ones in a thread, others in the child process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial
from types import TracebackType

from ..documents.process import PROCESS, LongText, PendingRead
from ..externs.threads import Raised, Threads
from ..files.files import Files
from ..files.seen_files import FileSeen, seen
from ..journal.records import LogRecord
from ..reads.quick import is_quick
from ..reads.reading import read, whole
from ..values.rules import FileText
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard
from .run_notes import RunNotes

Args = Mapping[str, Json]
_SLOW = object()


class ReadPool:
    """The threads that do the reads of one run, for a flow that may read these files.

    ``tell`` gets each remark of a reader, on the event loop. It gets equal remarks once.
    """

    def __init__(self, files: Files, tell: Tell = unheard) -> None:
        self.files = files
        self.tell = cache(tell)
        self._quick = Threads(1, "flowrun-read")
        self._slow = Threads(1, "flowrun-read-slow")
        self._saw: Callable[[FileSeen], None] = _unseen

    def note_files(self, notes: RunNotes) -> None:
        """Note each file that is read from here on. Call this from the event loop of the run."""
        loop = asyncio.get_running_loop()

        def saw(file: FileSeen) -> None:
            """Make the rows in the thread that read the file."""
            records = notes.records_of(file)
            # The run may have ended in the meantime. Then nobody wants the note.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(noted, records)

        def noted(records: list[LogRecord]) -> None:
            if self._saw is saw:
                notes.saw(records)

        self._saw = saw
        self.files.seen = lambda path, found: saw(seen(path, found))

    def __enter__(self) -> ReadPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._saw = _unseen
        self._quick.close()
        self._slow.close()

    async def read(self, function: str, args: Args, slow: Callable[[], None]) -> Json:
        """Do a read. Call ``slow`` before a read that is not quick. Raises UsageError if the read fails."""
        remarks: list[str] = []
        try:
            value = await self._quick.run(partial(self._read_quickly, function, args, remarks.append))
            if value is _SLOW:
                slow()
                value = await self._read_slowly(function, args, remarks.append)
        except Raised as raised:
            raise raised.error from None
        finally:
            for remark in remarks:
                self.tell(remark)
        return value

    def _read_quickly(self, function: str, args: Args, tell: Tell) -> Json:
        """Do a read if it is quick, and return its value. Otherwise return ``_SLOW``."""
        return whole(read(function, args, self.files, tell)) if is_quick(function, args, self.files) else _SLOW

    async def _read_slowly(self, function: str, args: Args, tell: Tell) -> Json:
        pending = PendingRead()
        try:
            return await self._slow.run(partial(read_in_child, function, args, self.files, tell, pending, self._saw))
        except asyncio.CancelledError:
            PROCESS.give_up(pending)
            raise


def _unseen(file: FileSeen) -> None:
    """Note nothing."""


def read_in_child(
    function: str, args: Args, files: Files, tell: Tell, pending: PendingRead, saw: Callable[[FileSeen], None] = _unseen
) -> Json:
    """Do a read in the child process for documents, and wait for it. Raises UsageError if the read fails."""
    if function == "pages":
        from ..documents.page_images import pages_of  # few flows look at pages

        return pages_of(args["document"], pending)
    if function == "split":
        args, name = {**args, "document": LongText(args["document"])}, "the text that `split` cuts"
    else:
        name = shown(args["pattern" if function == "files" else "path"])
    value = PROCESS.run(partial(read, function, args, files), name, tell, pending, saw)
    return [FileText(one) for one in value] if function == "files" else value
