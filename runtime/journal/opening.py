"""The opening of a journal for writing, wherever it lies, and the question which of its runs go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .address import JournalAddress
from .index import Run
from .lock import holder_of
from .store import Journal


def open_journal(path: Path) -> Journal:
    """Open the journal of a file or of a database for writing. Raises UsageError, DiskError."""
    if isinstance(path, JournalAddress):
        from .postgres.store import PostgresJournal  # it loads the driver of the database

        return PostgresJournal.at(path)
    return Journal.open(path)


def running_in(path: Path) -> Callable[[Run], bool]:
    """Return a function that tells whether a run without an end goes on at the moment. Raises DiskError."""
    if isinstance(path, JournalAddress):
        from .postgres.store import live_runs

        live = live_runs(path)
        return lambda run: run.number in live
    holder = holder_of(path)
    # A part of a run that began after a process took the journal belongs to that process.
    return lambda run: holder is not None and run.stretch > holder.rows
