"""The reads of a run, done outside of the event loop: quick ones in a thread, others in the child process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import TracebackType

from ..documents.process import PROCESS, Job, LongText
from ..externs.threads import Raised, Threads
from ..files.files import Files
from ..reads.quick import is_quick
from ..reads.reading import read, whole
from ..values.rules import FileText
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard

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

    def __enter__(self) -> ReadPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        job = Job()
        try:
            return await self._slow.run(partial(read_in_child, function, args, self.files, tell, job))
        except asyncio.CancelledError:
            PROCESS.give_up(job)
            raise


def read_in_child(function: str, args: Args, files: Files, tell: Tell, job: Job) -> Json:
    """Do a read in the child process for documents, and wait for it. Raises UsageError if the read fails."""
    if function == "split":
        args, name = {**args, "document": LongText(args["document"])}, "the text that `split` cuts"
    else:
        name = shown(args["pattern" if function == "files" else "path"])
    value = PROCESS.run(partial(read, function, args, files), name, tell, job)
    return [FileText(one) for one in value] if function == "files" else value
