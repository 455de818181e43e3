"""The upload of an answer to a URL. It begins before anything is paid, and the object appears when it is whole.

fsspec's files of S3 and Google Cloud Storage send parts (a multipart upload), and ``commit`` makes the object of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakSet

from ..files.url_errors import Guarded, reason
from ..files.url_objects import UrlObject
from ..files.urls import url_place
from ..vocabulary.errors import DiskError, UsageError
from .target import Source

BLOCK = 8 * 1024 * 1024
"""The bytes of a part. S3 takes 10,000 parts of at least 5 MiB."""
_READ_ONLY = ("http", "https")
_PATIENCE = 3.0
"""The seconds in which a process that ends at once gives its uploads up."""


class Upload:
    """An upload. Its blocks are sent by a thread, so that the event loop serves the models meanwhile.

    At most three blocks are in memory.
    """

    def __init__(self, url: str, sources: Iterable[Source]) -> None:
        """Begin the upload, which shows that the user may write. ``sources`` are the files that the command reads.

        Raises: UsageError, DiskError. Nothing is left at the URL then.
        """
        self._of = UrlObject(url)
        self.name, self.told = self._of.name, self._of.told
        must_take_writes(self._of)
        if self._of.path.endswith("/"):
            raise UsageError(f"{self.name} is a folder, and this output is a single object: give its whole name")
        if self.told.endswith(".flow"):
            raise UsageError(f"{self.name} has the name of a flow file, and is not overwritten; give another name")
        if url_place(url) in [one for one in sources if isinstance(one, Path)]:
            raise UsageError(f"this command reads {self.name}, so it is not overwritten; give another name")
        self._block = bytearray()
        with Guarded(self._trouble):
            self._file = begun(self._of, self._of.path)
        self._thread = ThreadPoolExecutor(1, "flowrun-upload")
        self._sending: Future[None] | None = None
        self._open = True
        _OPEN.add(self)

    def write(self, data: bytes) -> None:
        """Take some bytes. Raises DiskError, also for bytes before."""
        self._block += data
        if len(self._block) >= BLOCK:
            self._send()

    def finish(self) -> None:
        """Send the rest and let the object appear. Raises DiskError; then there is no object, or the old one."""
        self._send()
        self._wait()
        with Guarded(self._trouble):
            self._file.close()
            self._file.commit()
        self._open = False

    def leave(self) -> None:
        """Give up an upload that is not finished, with the parts that were sent."""
        if self._open:
            self._open = False
            self._thread.submit(self._given_up).result()
        self._thread.shutdown()

    def _send(self) -> None:
        self._wait()
        if self._block:
            block, self._block = bytes(self._block), bytearray()
            self._sending = self._thread.submit(self._write, block)

    def _write(self, block: bytes) -> None:
        self._file.write(block)

    def _wait(self) -> None:
        sending, self._sending = self._sending, None
        if sending is None:
            return
        with Guarded(self._trouble):
            sending.result()

    def _given_up(self) -> None:
        with Guarded(self._trouble):
            given_up(self._file)

    def _trouble(self, error: BaseException) -> DiskError:
        return DiskError(reason(error, self.name, self._of.protocol, "written"))


_OPEN: WeakSet[Upload] = WeakSet()


def give_up_all() -> None:
    """Give up all uploads of a process that ends at once, as far as their servers answer soon."""
    threads = [Thread(target=_leave, args=(one,), daemon=True) for one in _OPEN]
    for thread in threads:
        thread.start()
    until = time.monotonic() + _PATIENCE
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))


def _leave(upload: Upload) -> None:
    with suppress(DiskError):
        upload.leave()


def must_take_writes(of: UrlObject) -> None:
    """Raise UsageError for a protocol that only reads."""
    if of.protocol in _READ_ONLY:
        raise UsageError(f"{of.name}: flowrun reads {of.protocol}:// URLs, and does not write to them")


def begun(of: UrlObject, path: str) -> Any:
    """Begin an upload to a path of the object's server. Raises UsageError if it could not be given up."""
    file = of.system.open(path, "wb", block_size=BLOCK, autocommit=False)
    if not _can_be_given_up(file):
        raise UsageError(
            f"{of.name}: a write by {of.protocol}:// cannot be taken back if the run fails; write to a file, and copy "
            "it"
        )
    if hasattr(file, "_initiate_upload"):
        _begin(file)
    return file


def given_up(file: Any) -> None:
    """Give an upload up, with the parts that were sent."""
    try:
        file.discard()
    finally:
        with suppress(AttributeError):  # files of some libraries do not let others set it
            file.closed = True


def _begin(file: Any) -> None:
    """Begin the upload at once. The base class of fsspec does it at the first full block, when much is paid already."""
    file.offset = 0
    try:
        file._initiate_upload()
    except BaseException:
        # Otherwise the file would try to send itself at its end.
        file.closed = True
        raise


def _can_be_given_up(file: Any) -> bool:
    from fsspec.spec import AbstractBufferedFile

    found = getattr(type(file), "discard", None)
    return found is not None and found is not AbstractBufferedFile.discard
