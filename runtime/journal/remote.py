"""The writer of a journal in a process that another process writes for. It sends entries to that process's service.

If that process ends, one of the others takes its place. Entries whose end is not known are then looked up in the
journal, and given again if they are not there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .dialling import SilentError
from .sockets import JournalLine
from .unsettled import Unsettled, end_of, text_of
from .writer import Writer, WriteRequest, settle

_FIRST, _LAST = 0.005, 0.25
"""The seconds before the second and each later attempt to find the next process that writes."""

_PATIENCE = 60.0
_GATHER = 0.002
"""The most seconds that entries wait for the ends of those before them, before they are sent."""
Found = tuple[JournalLine, int] | Writer
"""The next process that writes, or this one's own writer."""


class Others(Protocol):
    """The processes that share a journal."""

    def find(self) -> Found | None:
        """Look once for the process that writes, or become it. None if it is not settled yet.

        Raises: DiskError, UsageError, if this process cannot go on with the journal.
        """

    def lost(self, after: int, entries: Sequence[WriteRequest]) -> list[int]:
        """Return the numbers of the first rows of entries behind a row; 0 for those that are not in the journal.

        Raises: DiskError.
        """


class RemoteWriter:
    """A writer with the outside of ``Writer``, which gives its entries to another process.

    ``others`` finds the next process that writes. If this process becomes the one, all entries go to its own writer
    from then on. ``tell`` is called once when the disk fails.
    """

    def __init__(
        self, path: Path, line: JournalLine, process: int, rows: int, others: Others, tell: Callable[[DiskError], None]
    ) -> None:
        """``rows``: the number of rows in the journal before this writer has written any."""
        self.path = path
        self.process = process
        """The process that writes."""
        self._own: Writer | None = None
        self._line: JournalLine | None = line
        self._others = others
        self._tell = tell
        self._pen = threading.Condition()
        """The lock of all of this, which is held only for moments."""
        self._wire = threading.Lock()
        """The lock that is held while a message is sent."""
        self._open = Unsettled(rows)
        self._over: Exception | None = None
        self._trouble: DiskError | None = None
        self._threads: tuple[threading.Thread, ...] = ()

    @property
    def trouble(self) -> DiskError | None:
        """The first trouble with the disk."""
        return self._trouble or (self._own.trouble if self._own is not None else None)

    def start(self) -> None:
        """Start the threads that send and that hear."""
        targets = ((self._send, "sends"), (self._hear, "hears"))
        self._threads = tuple(
            threading.Thread(target=one, name=f"flowrun-journal-{name}", daemon=True) for one, name in targets
        )
        for one in self._threads:
            one.start()

    def put(self, entries: Sequence[WriteRequest]) -> None:
        """Take entries that go into one transaction, from any thread."""
        if self._own is None and not any(one.is_alive() for one in self._threads):
            # A forked process has no copy of the threads.
            self._refuse(entries, self._over or _closed(self.path))
            return
        texts = [text_of(entry) for entry in entries]
        with self._pen:
            if self._own is not None:
                self._own.put(entries)
                return
            if self._over is None:
                idle = not self._open.waiting
                for entry, text in zip(entries, texts, strict=True):
                    if isinstance(text, str):
                        self._open.entries.append((entry, text))
                    else:
                        settle([entry], [text], 0)
                if idle:
                    self._pen.notify()
                return
        self._refuse(entries, self._over)

    def flush(self) -> None:
        """Wait until every entry that was given before is written, or has failed.

        Raises: DiskError, if the process that writes does not answer for very long.
        """
        if self._own is None:
            flushed = threading.Event()
            self.put([WriteRequest(flushed=flushed)])
            if not flushed.wait(_PATIENCE):
                raise DiskError(
                    f"process {self.process}, which writes the journal {shown(str(self.path))}, does not answer: the "
                    "last rows of this run may be missing"
                )
        if self._own is not None:
            self._own.flush()

    def end(self) -> None:
        """End the threads. Flush before, so that nothing is lost. It is safe to call this twice."""
        with self._pen:
            self._over = self._over or _closed(self.path)
            line = self._line
            self._pen.notify_all()
        if line is not None:
            line.end()
        for one in self._threads:
            one.join()
        self._threads = ()

    def close(self) -> None:
        """End the threads, and the writer of this process if it has become the one that writes."""
        self.end()
        if self._own is not None:
            self._own.close()

    def forget(self) -> None:
        """Close a forked process's copy of its parent's connection."""
        if self._line is not None:
            self._line.close()

    def _refuse(self, entries: Sequence[WriteRequest], error: Exception) -> None:
        settle(entries, [error] * len(entries), 0)

    # In the threads

    def _send(self) -> None:
        while True:
            with self._pen:
                self._pen.wait_for(lambda: self._ends or (self._line is not None and self._open.waiting))
                if self._line is not None and self._open.under_way:
                    # Entries of a busy loop share a message, as they share a commit.
                    self._pen.wait_for(lambda: self._ends or not self._open.under_way, _GATHER)
                if self._ends:
                    return
                if self._line is None:
                    continue
                line, text = self._line, self._open.message()
            # If the line has ended, the other thread hears of it and puts the entries back.
            with self._wire, suppress(OSError):
                line.send(text)

    @property
    def _ends(self) -> bool:
        return self._over is not None or self._own is not None

    def _hear(self) -> None:
        line = self._line
        while line is not None:
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                while True:
                    for message in line.hear():
                        self._take(message)
            with self._pen:
                self._line = None
            line.end()
            with self._wire:
                line.close()
            try:
                line = self._next()
            except (DiskError, UsageError) as error:
                line = None
                self._fail(DiskError(str(error)))

    def _take(self, message: Any) -> None:
        """Act on a message of the process that writes. Raises ValueError, KeyError, TypeError, AttributeError."""
        if "ends" in message:
            ends = [end_of(one) for one in message["of"]]
            with self._pen:
                entries = self._open.ended(int(message["ends"]), len(ends), int(message["rows"]))
                if not self._open.under_way:
                    self._pen.notify()
            settle(entries, ends, 0)
            trouble = next((one for one in ends if isinstance(one, DiskError)), None)
        else:
            trouble = DiskError(str(message["trouble"]))
        if trouble is not None and self._trouble is None:
            self._trouble = trouble
            self._tell(trouble)

    def _next(self) -> JournalLine | None:
        """Find the next process that writes. None if it is this one, or if nothing is left to write.

        Raises: DiskError, UsageError, if this journal cannot be written any more.
        """
        pause = _FIRST
        while self._over is None:
            try:
                found = self._others.find()
            except SilentError:
                found = None
            if found is None:
                time.sleep(pause)
                pause = min(pause * 2, _LAST)
                continue
            there = self._others.lost(self._open.rows, [entry for entry, _ in self._open.sent()])
            with self._pen:
                known, numbers = self._open.again(there)
                if isinstance(found, Writer):
                    self._own = found
                    found.put(self._open.all())
                elif self._over is None:
                    self._line, self.process = found
                self._pen.notify_all()
            settle(known, numbers, 0)
            if isinstance(found, Writer):
                return None
            if self._line is not None:
                return self._line
            found[0].close()
        return None

    def _fail(self, trouble: DiskError) -> None:
        with self._pen:
            first, self._trouble = self._trouble is None, self._trouble or trouble
            self._over = self._over or trouble
            entries = self._open.all()
            self._pen.notify_all()
        if first:
            self._tell(trouble)
        self._refuse(entries, trouble)


def _closed(path: Path) -> ValueError:
    return ValueError(f"the journal {shown(str(path))} is closed in this process")
