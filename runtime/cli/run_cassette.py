"""`--cassette FILE`: the answers of a run as a cassette for tests, written when the run has ended."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..vocabulary.amounts import count_text
from ..vocabulary.errors import FlowrunError, UsageError
from ..vocabulary.quoting import inert, shown
from . import exits
from .console import complain
from .journals import journal_files
from .paths import OutputPath, to_file

if TYPE_CHECKING:
    from ..journal.index import Run
    from ..journal.reading import JournalReader
    from ..outputs.target import Source, Target

HELP = "Keep the answers of the run in FILE, for the line `cassette` of a test (.jsonl)."


def cassette_option() -> click.Parameter:
    """Return the option of a command that runs a flow."""
    return click.Option(["--cassette"], type=OutputPath(), metavar="FILE", help=HELP)


class RunCassette:
    """The cassette of a run. Its place is checked before anything is paid."""

    def __init__(
        self, path: Path, journal: Path | None, sources: Iterable[Source], others: Iterable[Path | None]
    ) -> None:
        """Check that the cassette can be made and written. ``others`` are the other files that the command writes.

        Raises: UsageError, DiskError.
        """
        _must_be_named(path)
        if journal is None:
            raise UsageError("--cassette reads the journal of the run: leave out --no-journal")
        if any(other is not None and os.path.realpath(other) == os.path.realpath(path) for other in others):
            raise UsageError(
                "--cassette names a file that the command also writes otherwise: give it a file of its own"
            )
        self._journal = journal
        from ..outputs.target import Target

        self._target = Target(path, sources)

    def write(self, run: str, code: int, *, quiet: bool) -> int:
        """Write the cassette of a run, and return the exit code of the command, which would be ``code`` without it.

        An error is told, and does not hide that of the run: its answers are paid and in the journal.
        """
        from ..journal.reading import JournalReader
        from ..journal.survey import read_runs

        try:
            with JournalReader(self._journal, read_runs) as reader:
                [found] = reader.index.named(run)
                calls = _write(self._target, reader, found)
        except FlowrunError as error:
            complain(f"there is no cassette: {error}")
            return code or (exits.USAGE if isinstance(error, UsageError) else exits.DISK)
        finally:
            self._target.close()
        if not quiet:
            click.echo(inert(f"{count_text(calls, 'answer')} of the run are in {self._target.name}"), err=True)
        return code


def export_cassette(journal: Path, run: str, path: Path) -> None:
    """Write the cassette of a run of a journal. Raises UsageError, DiskError."""
    from ..journal.choice import chosen_run
    from ..journal.reading import JournalReader
    from .sources import sources_of

    _must_be_named(path)
    with JournalReader(journal) as reader:
        chosen = chosen_run(reader.index, run, journal)
        from ..outputs.target import Target

        target = Target(path, [*sources_of(reader, chosen), *journal_files(journal)])
        try:
            calls = _write(target, reader, chosen)
        finally:
            target.close()
        click.echo(inert(f"{count_text(calls, 'answer')} of {chosen.id} are in {target.name}"), err=True)


def _must_be_named(path: Path) -> None:
    if to_file(path) is None:
        raise UsageError("--cassette needs the name of a file")
    if path.suffix != ".jsonl":
        raise UsageError(f"{shown(str(path))}: a cassette is a file that ends in .jsonl, as a test names it")


def _write(target: Target, reader: JournalReader, run: Run) -> int:
    """Write the cassette of a run, and return the number of its lines. Raises UsageError, DiskError."""
    from flowrun.testing.recorded_calls import cassette_of

    from ..replay import calls_of
    from ..replay.run_beginning import read_beginning

    cassette = cassette_of(read_beginning(reader, run).plan, calls_of(reader, run))
    target.write(cassette.text())
    return len(cassette.lines)
