"""Journals in PostgreSQL for tests, also in the place of the files of other tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import api
from flowrun.runtime.cli import journals
from flowrun.runtime.journal import reading, rewrite, stats
from flowrun.runtime.journal.address import JournalAddress
from flowrun.runtime.journal.opening import open_journal
from flowrun.runtime.journal.postgres import store
from flowrun.runtime.journal.store import Journal

from .postgres_server import PostgresServer

_numbers = itertools.count(1)


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[JournalAddress]:
    """An empty database."""
    made = JournalAddress(postgres.borrow(f"j{next(_numbers)}"))
    yield made
    postgres.give_back(made.name)


@pytest.fixture
def in_postgres(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Path], JournalAddress]]:
    """Put a database in the place of each journal file of a test."""
    made: dict[str, JournalAddress] = {}

    def placed(path: Any) -> JournalAddress:
        if isinstance(path, JournalAddress):
            return path
        name = str(Path(path).absolute())
        if name not in made:
            made[name] = JournalAddress(postgres.borrow(f"j{next(_numbers)}"))
        return made[name]

    def opened(kind: type[Journal], path: Path) -> Journal:
        return open_journal(placed(path))

    begin = reading.JournalReader.__init__

    def read(self: reading.JournalReader, path: Path, *others: Any) -> None:
        begin(self, placed(path), *others)

    rewritten, counted = rewrite.rewrite, stats.stats_of
    monkeypatch.setattr(Journal, "open", classmethod(opened))
    monkeypatch.setattr(reading.JournalReader, "__init__", read)
    monkeypatch.setattr(rewrite, "rewrite", lambda path, *runs, **options: rewritten(placed(path), *runs, **options))
    monkeypatch.setattr(stats, "stats_of", lambda path: counted(placed(path)))
    monkeypatch.setattr(api, "place_of", placed)
    monkeypatch.setattr(journals, "place_of", placed)
    monkeypatch.setattr(journals, "project_journal", lambda environ=None: placed(Path(".flowrun/journal.db")))
    monkeypatch.setattr(store, "_remarks", lambda settings, address: [])
    yield placed
    for address in made.values():
        postgres.give_back(address.name)
