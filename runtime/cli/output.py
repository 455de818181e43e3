"""`--output FILE`: the answer in a file, in place of standard output."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from flowrun.dsl import plan as p
from flowrun.dsl import types

from ..api import Result
from ..outputs.forms import Form
from ..outputs.part import Part
from ..outputs.target import Source, Target
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .paths import OutputPath, to_file

HELP = "Write the answer to FILE, as its ending says: .json, .jsonl (line by line), .csv, .tsv, .txt or .md."

RAW = "Leave formulas in the texts of a .csv or .tsv file as they are."


def output_options(plan: p.Plan | None = None) -> list[click.Parameter]:
    """The options of a command that writes an answer. ``plan`` is that of the flow whose parameters are options too."""
    return [
        click.Option(["--output", "-o"], type=OutputPath(), metavar="FILE", help=HELP),
        click.Option(
            ["--raw"],
            is_flag=True,
            callback=_clash if plan is not None and any(one.name == "raw" for one in plan.params) else None,
            help=RAW,
        ),
    ]


def _clash(ctx: click.Context, param: click.Parameter, given: bool) -> bool:
    if given:
        raise UsageError("`--raw` is an option of the command and a parameter of this flow: write `--param-raw VALUE`")
    return given


def output_file(path: Path | None, *, raw: bool) -> Path | None:
    """The file that is meant; None for standard output. Raises UsageError where ``raw`` is said of no file."""
    file = to_file(path)
    if raw and file is None:
        raise UsageError("--raw is for a .csv or .tsv file: name it with --output")
    return file


class Output:
    """Written when the flow has its answer: no half answer is taken for a whole one.

    A ``.jsonl`` file gets the items of a list, each on a line, as soon as those before it are there: they stand in a
    part beside its place until all have come. A pipe or a device gets them at once.
    """

    def __init__(self, path: Path, type_: types.Type, sources: Iterable[Source], *, raw: bool = False) -> None:
        """``type_`` is that of the answer, ``sources`` are the files that the run reads.

        Raises UsageError, DiskError where it cannot be written as it is: nothing is paid then.
        """
        self.rows = 0
        self.form = Form(str(path), type_, raw=raw)
        self.target = Target(path, sources)
        self._part: Part | None = None
        if self.form.by_line and self.target.pipe is None:
            try:
                self._part = Part(self.target)
            except OSError as error:
                raise self.target.trouble(error) from None

    def __enter__(self) -> Output:
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
        """Raises DiskError."""
        data = self.target.encoded(self.form.row(value))
        to = self._part or self.target.pipe
        assert to is not None
        try:
            to.write(data)
        except OSError as error:
            raise self.target.trouble(error) from None
        self.rows += 1

    def finish(self, result: Result) -> str:
        """Put the answer in its place; what to tell of that. Raises DiskError, UsageError."""
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
        """Where the rows are that came, of a flow whose answer is not in its place; empty where there are none."""
        if not self.rows:
            return ""
        return f"the first {self.rows:,} lines are in {self._place()}"

    def _place(self) -> str:
        if self._part is None:
            return self.target.name
        part = Path(self._part.path)
        return shown(str(part if self.target.path.is_symlink() else self.target.path.with_name(part.name)))
