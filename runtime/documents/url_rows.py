"""The rows and the documents of URLs.

Rows of JSON lines stay on their server and are read by parts. A reader that moves about in its file gets a copy.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from weakref import finalize

from flowrun.dsl import types

from ..files.url_objects import UrlObject
from ..files.urls import url_place
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from .row_file import RowFile
from .stored_rows import BLOCK, LARGE, Stamp, StoredRows

_HEAD = 64 * 1024
_COLUMNAR = ".parquet"


class UrlCopy:
    """A copy of an object in a private temporary folder, of at most the size that flowrun reads of any file.

    It goes away with the context, or with ``owner`` after ``stay``.
    """

    def __init__(self, url: str | UrlObject) -> None:
        """Make the copy. Raises InputError."""
        of = UrlObject(url) if isinstance(url, str) else url
        self.of = of
        self._folder = tempfile.TemporaryDirectory(prefix="flowrun-url-")
        # The copy bears the ending only: a name of the server may have a wildcard in it.
        self.path = Path(self._folder.name, f"copy{suffix_of(of.told)}")
        try:
            with open(self.path, "wb") as file:
                file.writelines(of.pieces())
        except OSError as error:
            self._folder.cleanup()
            raise InputError(f"{of.name} cannot be copied to {tempfile.gettempdir()}: {error.strerror}") from None
        except InputError:
            self._folder.cleanup()
            raise

    def __enter__(self) -> UrlCopy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def stay(self, owner: object) -> None:
        """Keep the copy as long as ``owner`` lives."""
        finalize(owner, self._folder.cleanup)


class UrlRows(RowFile):
    """The rows of JSON lines of a URL. The object must not change while a flow reads it, and that is looked at.

    A thread reads each block before it is wanted, so that the event loop seldom waits for the server.
    """

    def __init__(self, of: UrlObject, item: types.Type, *, checked: bool = False) -> None:
        """Read the object through and check its rows. Raises InputError."""
        self._object = of
        self._begun = _stamp(of)
        super().__init__(url_place(of.url), item, checked=checked, url=of.told)
        self.version = str(self._begun[1])
        self._look_again()
        self._thread = ThreadPoolExecutor(1, "flowrun-rows")
        finalize(self, self._thread.shutdown, wait=False, cancel_futures=True)
        self._ahead: tuple[int, Future[list[Json]]] | None = None

    def _opened(self) -> BufferedReader:
        return self._object.opened()

    def _stamped(self) -> Stamp:
        # The thread asks the server, behind each block.
        return self._begun

    def _read(self, first: int, last: int) -> list[Json]:
        ahead, self._ahead = self._ahead, None
        waits = ahead[1] if ahead is not None and ahead[0] == first else self._thread.submit(self._part, first, last)
        rows = waits.result()
        if last < len(self):
            after = min(last + BLOCK, len(self))
            self._ahead = last, self._thread.submit(self._part, last, after)
        return rows

    def _part(self, first: int, last: int) -> list[Json]:
        try:
            return super()._read(first, last)
        finally:
            # Rows of another version may not fit, and then the change is the cause.
            self._look_again()

    def _look_again(self) -> None:
        if _stamp(self._object) != self._begun:
            raise self._changed()


def _stamp(of: UrlObject) -> Stamp:
    facts = of.facts()
    return facts.size or 0, facts.tag


def version_of(url: str) -> str:
    """Return the version of an object, "" if its server tells none. Raises InputError."""
    return UrlObject(url).facts().tag


def suffix_of(url: str) -> str:
    """Return the ending of a URL, such as ``.jsonl``, in small letters."""
    return os.path.splitext(url.rpartition("/")[2])[1].lower()


def large_rows(of: UrlObject, item: types.Type) -> StoredRows | None:
    """Return the rows of a large object, which do not fill the memory. None for all others. Raises InputError."""
    columnar = suffix_of(of.told) == _COLUMNAR
    size = of.facts().size
    if columnar:
        from .parquet import LARGE as LARGE_COLUMNS

        return url_rows(of, item) if size is None or size >= LARGE_COLUMNS else None
    return url_rows(of, item) if size is not None and size >= LARGE and _has_lines(of) else None


def url_rows(url: str | UrlObject, item: types.Type, *, checked: bool = False) -> StoredRows:
    """Return the rows of a URL: of JSON lines, or of a columnar file, which is copied. Raises InputError."""
    of = UrlObject(url) if isinstance(url, str) else url
    if suffix_of(of.told) != _COLUMNAR:
        return UrlRows(of, item, checked=checked)
    from .parquet import ParquetRows

    version = of.facts().tag
    copy = UrlCopy(of)
    try:
        rows = ParquetRows(copy.path, item, checked=checked, url=of.told)
    except InputError:
        copy.__exit__(None, None, None)
        raise
    copy.stay(rows)
    rows.version = version
    return rows


def _has_lines(of: UrlObject) -> bool:
    """Tell from the first bytes whether rows can be cut at line feeds, as ``row_file.has_lines``."""
    with of.opened() as file:
        head = file.read(_HEAD)
    return b"\0" not in head and b"\r" not in head.replace(b"\r\n", b"").removesuffix(b"\r")
