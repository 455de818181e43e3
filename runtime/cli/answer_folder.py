"""`--output FOLDER/`: each element of the answer goes to a file of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..outputs.elements import Elements
from ..outputs.folder import Folder
from ..outputs.names import Names
from ..outputs.target import Source

if TYPE_CHECKING:
    from ..outputs.url_folder import UrlFolder


class AnswerFolder:
    """The folder of an answer, also behind a URL.

    The file of an element is written when the elements before it are written. Each file is whole. If the run fails, the
    folder has the files of the first elements.
    """

    by_line = True

    def __init__(
        self, path: Path, elements: Elements, sources: Iterable[Source], others: Iterable[Path], *, url: str = ""
    ) -> None:
        """Prepare the folder at ``path``, or at ``url``.

        ``sources`` are the files that the run reads, ``others`` the other files that the command writes. Raises
        UsageError, DiskError.
        """
        self.rows = 0
        self.form = elements.form
        self._elements = elements
        self._folder = _url_folder(url, elements.suffix, sources) if url else Folder(path, elements.suffix, sources)
        self.place = self._folder.real
        self._names = Names(elements.suffix, [one.name for one in others if str(one.parent) == self._folder.real])

    def __enter__(self) -> AnswerFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.leave()

    def row(self, value: Any) -> None:
        """Write the file of one element. Raises DiskError, UsageError."""
        self._folder.write(self._names.next(self._elements.name(value)), self._elements.text(value))
        self.rows += 1

    def finish(self, value: Any, *, handed: bool) -> str:
        """Write the files of an answer, and return a remark on that for the user. Raises DiskError, UsageError.

        ``handed`` is True if ``row`` has had all elements.
        """
        if not handed:
            for element in self._elements.of(value):
                self.row(element)
        self._folder.finish()
        return f"{'1 file is' if self.rows == 1 else f'{self.rows:,} files are'} in {self._folder.name}"

    def left(self) -> str:
        """Return a sentence that names the place of the files of an incomplete answer. "" if there are none."""
        count = self._folder.there(self.rows)
        if not count:
            return ""
        first = "first file is" if count == 1 else f"first {count:,} files are"
        return f"the {first} in {self._folder.name}"


def _url_folder(url: str, suffix: str, sources: Iterable[Source]) -> UrlFolder:
    from ..outputs.url_folder import UrlFolder

    return UrlFolder(url, suffix, sources)
