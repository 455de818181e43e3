"""`--output FILE`: the answer goes to a file instead of standard output."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from flowrun.dsl import types

from ..api import Result
from ..outputs.forms import Form
from ..outputs.part import PartFile
from ..outputs.target import Source, Target
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .paths import OutputPath, to_file

HELP = "Write the answer to FILE. Its ending sets the form: .json, .jsonl (line by line), .csv, .tsv, .txt or .md."

RAW = "Do not mark texts of a .csv or .tsv file that look like formulas."


def output_options() -> list[click.Parameter]:
    """Return the options of a command that writes an answer."""
    return [
        click.Option(["--output", "-o"], type=OutputPath(), metavar="FILE", help=HELP),
        click.Option(["--raw"], is_flag=True, help=RAW),
    ]


def output_file(path: Path | None, *, raw: bool) -> Path | None:
    """Return the path of the file; None for standard output. Raises UsageError if ``raw`` is set without a file."""
    file = to_file(path)
    if raw and file is None:
        raise UsageError("--raw works only with a .csv or .tsv file: name the file with --output")
    return file


class AnswerFile:
    """The file of an answer. It is written when the flow has its answer, so that no half answer looks like a whole one.

    A ``.jsonl`` file holds the items of a list, each on a line. Each item is written when all items before it are
    written: into a part file beside the file until all items have come, or directly into a pipe or a device.
    """

    def __init__(self, path: Path, type_: types.Type, sources: Iterable[Source], *, raw: bool = False) -> None:
        """Prepare the file at ``path``. ``type_`` is the answer's type; ``sources`` are the files that the run reads.

        Raises: UsageError, DiskError, if the file cannot be written. Nothing is paid before that.
        """
        self.rows = 0
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

    def finish(self, result: Result) -> str:
        """Move the answer to its place, and return a remark on that for the user. Raises DiskError, UsageError."""
        if not result.outcome.complete:
            return self.left()
        if not self.form.by_line:
            self.target.write(self.form.whole(result.value))
            return f"the answer is in {self.target.name}"
        if not result.handed:
            for value in result.value if isinstance(result.value, list) else [result.value]:
                self.row(value)
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
