"""A folder of objects behind a URL, into which a command writes one object for each element of its answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ..files.url_errors import Guarded, reason
from ..files.url_objects import UrlObject
from ..files.urls import url_place
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.quoting import shown
from .target import Source, encoded
from .upload import begun, given_up, must_take_writes

_THREADS = 4
_WAITING = 16
"""The most objects that are in memory at once."""
_PROBE = ".flowrun"


class UrlFolder:
    """A folder that is checked before anything is paid. Each object is sent as a whole, and replaces an older one.

    Threads send the objects, so that the event loop serves the models meanwhile.
    """

    def __init__(self, url: str, suffix: str, sources: Iterable[Source]) -> None:
        """Begin an upload and give it up, which shows that the user may write.

        ``suffix`` ends the names of the objects. ``sources`` are the files that the command reads.

        Raises: UsageError, if objects that the command reads are in the folder under such names; DiskError.
        """
        self._of = UrlObject(url)
        self.name, self.path, self.real = self._of.name, url_place(url), self._of.told
        self._base = self._of.path.rstrip("/")
        must_take_writes(self._of)
        if suffix == ".flow":
            raise UsageError(f"{self.name} would get flow files, and no command writes these; give another ending")
        for source in sources:
            if isinstance(source, Path) and source.parent == self.path and source.suffix.lower() == suffix:
                raise UsageError(
                    f"this command reads {shown(str(source))}, and would write other {suffix} objects into its folder; "
                    "give another folder"
                )
        with Guarded(self._trouble):
            given_up(begun(self._of, f"{self._base}/{_PROBE}"))
        self._threads = ThreadPoolExecutor(_THREADS, "flowrun-upload")
        self._sending: deque[Future[None]] = deque()
        self._there = 0

    def write(self, name: str, text: str) -> None:
        """Send the whole object ``name``. Raises DiskError, also for objects before."""
        while len(self._sending) >= _WAITING or (self._sending and self._sending[0].done()):
            self._wait()
        self._sending.append(self._threads.submit(self._put, name, encoded(text)))

    def finish(self) -> None:
        """Wait until all objects are there. Raises DiskError."""
        while self._sending:
            self._wait()

    def leave(self) -> None:
        """Wait for the objects that are being sent."""
        self._threads.shutdown()

    def there(self, rows: int) -> int:
        """Return how many of the first objects are there. An object that could not be sent ends the count."""
        with suppress(DiskError):
            self.finish()
        return self._there

    def _put(self, name: str, data: bytes) -> None:
        self._of.system.pipe_file(f"{self._base}/{name}", data)

    def _wait(self) -> None:
        with Guarded(self._trouble):
            self._sending[0].result()
        self._sending.popleft()
        self._there += 1

    def _trouble(self, error: BaseException) -> DiskError:
        return DiskError(reason(error, self.name, self._of.protocol, "written"))
