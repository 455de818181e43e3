"""`--report FILE`: the report of a run, written when the run has ended."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..vocabulary.errors import FlowrunError, UsageError
from ..vocabulary.quoting import inert
from . import exits
from .console import complain
from .paths import OutputPath, to_file

if TYPE_CHECKING:
    from ..outputs.target import Source

HELP = "Write the page of the run to FILE (.html), or a Chrome trace (.json), or a table of its calls (.csv)."
LIVE = "Show the page of the run while it goes on, at an address that is printed."


def report_option() -> click.Parameter:
    """Return the option of a command that runs a flow."""
    return click.Option(["--report"], type=OutputPath(), metavar="FILE", help=HELP)


def live_option() -> click.Option:
    """Return the option that shows the page of a run while it goes on."""
    return click.Option(["--live"], is_flag=True, help=LIVE)


class RunReport:
    """The report of a run. Its place is checked before anything is paid."""

    def __init__(self, path: Path, journal: Path | None, sources: Iterable[Source], outputs: Iterable[Path]) -> None:
        """Check that the report can be made and written. ``outputs`` are the files of the answer.

        Raises: UsageError, DiskError.
        """
        from .report import form_of, maker

        if to_file(path) is None:
            raise UsageError("--report needs the name of a file, because standard output has the answer")
        if journal is None:
            raise UsageError("--report reads the journal of the run: leave out --no-journal")
        if os.path.realpath(path) in map(os.path.realpath, outputs):
            raise UsageError("--output and --report name one file: give each its own")
        self._journal = journal
        self._make = maker(form_of(path), texts=True)
        from ..outputs.target import Target

        self._target = Target(path, sources)

    def write(self, run: str, code: int, *, quiet: bool) -> int:
        """Write the report of a run, and return the exit code of the command, which would be ``code`` without it.

        An error is told, and does not hide that of the run: its answers are paid, and `flowrun report` can write later.
        """
        from ..journal.reading import JournalReader
        from ..journal.survey import read_runs

        try:
            with JournalReader(self._journal, read_runs) as reader:
                [found] = reader.index.named(run)
                self._target.write(self._make(reader, found))
        except FlowrunError as error:
            complain(f"there is no report: {error}")
            return code or exits.DISK
        finally:
            self._target.close()
        if not quiet:
            click.echo(inert(f"the report is in {self._target.name}"), err=True)
        return code
