"""`--output FILE`: the answer goes to a file instead of standard output."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from flowrun.dsl import types

from ..outputs.forms import Form
from ..outputs.part import PartFile
from ..outputs.target import Source, Target
from ..vocabulary.quoting import shown


class AnswerFile:
    """The file of an answer. It is written when the flow has its answer, so that no half answer looks like a whole one.

    A ``.jsonl`` file holds the items of a list, each on a line. Each item is written when all items before it are
    written: into a part file beside the file until all items have come, or directly into a pipe or a device.
    """

    def __init__(
        self, path: Path, type_: types.Type, sources: Iterable[Source], *, raw: bool = False, field: str = ""
    ) -> None:
        """Prepare the file at ``path``. ``type_`` is the answer's type; ``sources`` are the files that the run reads.

        ``field`` is the field of the answer that the file takes, "" for the whole answer.

        Raises: UsageError, DiskError, if the file cannot be written. Nothing is paid before that.
        """
        self.rows = 0
        self._what = f"`{field}`" if field else "the answer"
        self.form = Form(str(path), type_, raw=raw)
        self.target = Target(path, sources)
        self._part: PartFile | None = None
        if self.form.by_line and self.target.pipe is None:
            try:
                self._part = PartFile(self.target)
            except OSError as error:
                raise self.target.trouble(error) from None

    def __enter__(self) -> AnswerFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._part is not None:
            self._part.leave(empty=not self.rows)
        self.target.close()

    @property
    def by_line(self) -> bool:
        return self.form.by_line

    @property
    def place(self) -> str:
        """The path of the file at the end of all links. "" for a device, a pipe or an open file."""
        return self.target.real if self.target.pipe is None else ""

    def row(self, value: Any) -> None:
        """Write one item of the answer. Raises DiskError."""
        data = self.target.encoded(self.form.row(value))
        to = self._part or self.target.pipe
        assert to is not None
        try:
            to.write(data)
        except OSError as error:
            raise self.target.trouble(error) from None
        self.rows += 1

    def finish(self, value: Any, *, handed: bool) -> str:
        """Move an answer to its place, and return a remark on that for the user. Raises DiskError, UsageError.

        ``handed`` is True if ``row`` has had all its items.
        """
        if not self.form.by_line:
            self.target.write(self.form.whole(value))
            return f"{self._what} is in {self.target.name}"
        if not handed:
            for one in value if isinstance(value, list) else [value]:
                self.row(one)
        try:
            self._part.finish() if self._part is not None else self.target.write("")
        except OSError as error:
            raise self.target.trouble(error) from None
        return f"{'1 line is' if self.rows == 1 else f'{self.rows:,} lines are'} in {self.target.name}"

    def left(self) -> str:
        """Return a sentence that names the place of an incomplete answer's lines. "" if no line was written."""
        if not self.rows:
            return ""
        return f"the first {self.rows:,} lines are in {self._place()}"

    def _place(self) -> str:
        if self._part is None:
            return self.target.name
        part = Path(self._part.path)
        return shown(str(part if self.target.path.is_symlink() else self.target.path.with_name(part.name)))
