"""The opening of a journal for writing, wherever it lies, and the question which of its runs go on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .address import JournalAddress
from .run_locks import live_runs

if TYPE_CHECKING:
    from .limit_table import LimitTable
    from .store import Journal


def open_journal(path: Path, *, past: bool = False) -> Journal:
    """Open the journal of a file or of a database for writing. Raises UsageError, DiskError.

    ``past`` says that the past of a run is wanted. Then its sums are taken while the rows are read.
    """
    if isinstance(path, JournalAddress):
        from .postgres.store import PostgresJournal  # it loads the driver of the database

        return PostgresJournal.at(path, past=past)
    from .store import Journal  # commands that only read load no event loop

    return Journal.open(path, past=past)


def limits_of(path: Path) -> LimitTable:
    """Return the table of the limits that the runs of a journal share."""
    if isinstance(path, JournalAddress):
        from .postgres.limit_table import PostgresTable  # it loads the driver of the database

        return PostgresTable(path)
    from .limit_file import FileTable  # few flows declare limits

    return FileTable(path)


def live_in(path: Path, runs: Iterable[int]) -> dict[int, int]:
    """Return those of the runs that go on at the moment, each with its process; 0 for a process that is not known.

    Raises DiskError.
    """
    if isinstance(path, JournalAddress):
        from .postgres.store import live_runs as live_there

        return dict.fromkeys(live_there(path).intersection(runs), 0)
    return live_runs(path, runs)
