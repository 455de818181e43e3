"""`--output s3://bucket/answer.jsonl`: the answer goes to the object of a URL, which appears when it is whole."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

from flowrun.dsl import types

from ..files.urls import told_url
from ..outputs.forms import Form
from ..outputs.target import Source, encoded
from ..outputs.upload import Upload
from ..vocabulary.errors import DiskError


class AnswerUrl:
    """The object of an answer. The items of a list go to a ``.jsonl`` object while they come, in parts.

    A run that fails or is stopped leaves what was there before.
    """

    def __init__(
        self, url: str, type_: types.Type, sources: Iterable[Source], *, raw: bool = False, field: str = ""
    ) -> None:
        """Begin the upload. The arguments are those of ``AnswerFile``. Raises UsageError, DiskError."""
        self.rows = 0
        self._what = f"`{field}`" if field else "the answer"
        self.form = Form(told_url(url).rpartition("/")[2], type_, raw=raw)
        self._upload = Upload(url, sources)
        self.place = self._upload.told
        self._whole = False

    def __enter__(self) -> AnswerUrl:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._upload.leave()
        except DiskError as trouble:
            from .console import remark

            remark(f"the unfinished upload may still take space: {trouble}")

    @property
    def by_line(self) -> bool:
        return self.form.by_line

    def row(self, value: Any) -> None:
        """Send one item of the answer, with others. Raises DiskError."""
        self._upload.write(encoded(self.form.row(value)))
        self.rows += 1

    def finish(self, value: Any, *, handed: bool) -> str:
        """Let the object appear, and return a remark on that for the user. Raises DiskError, UsageError."""
        if not self.form.by_line:
            self._upload.write(encoded(self.form.whole(value)))
        elif not handed:
            for one in value if isinstance(value, list) else [value]:
                self.row(one)
        self._upload.finish()
        self._whole = True
        if not self.form.by_line:
            return f"{self._what} is in {self._upload.name}"
        return f"{'1 line is' if self.rows == 1 else f'{self.rows:,} lines are'} in {self._upload.name}"

    def left(self) -> str:
        """Return a sentence about an answer that is not complete. "" if no line was sent."""
        if not self.rows or self._whole:
            return ""
        return f"nothing is written to {self._upload.name}, because it is not complete"
