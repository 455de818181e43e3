"""The sizes of a journal: its rows and bytes by run and by kind, counted by SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from flowrun.dsl import dataclass

from .address import JournalAddress
from .files import files_of, status_of
from .reading import open_mended
from .rows import check_form, damaged
from .sql import Connection

_SHARES = """SELECT run, kind, count(*), sum(length(body) + length(place) + length(key)) FROM records
GROUP BY run, kind"""


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a journal: its rows, and the bytes of their content. SQLite needs some more."""

    rows: int
    bytes: int

    def more(self, rows: int, size: int) -> Share:
        """Return a share with some more rows and bytes."""
        return Share(self.rows + rows, self.bytes + size)


NOTHING = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Stats:
    """The sizes of a journal. ``bytes`` counts its file and the files beside it. ``runs`` has shares by run number."""

    bytes: int
    kinds: dict[str, Share]
    runs: dict[int, Share]


def stats_of(path: Path) -> Stats:
    """Count the rows and bytes of a journal. A missing journal is empty. Raises DiskError, OSError."""
    if isinstance(path, JournalAddress):
        from .postgres.reading import PostgresConnection  # it loads the driver of the database

        with closing(PostgresConnection(path, snapshot=True)) as server:
            return _counted(server, server.size()) if server.holds_rows else Stats(0, {}, {})
    files = [status_of(file) for file in files_of(path)]
    size = sum(found.st_size for found in files if found is not None)
    if not path.exists():
        return Stats(size, {}, {})
    try:
        with closing(open_mended(path)) as reader:
            return _counted(reader, size) if check_form(reader, path) else Stats(size, {}, {})
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None


def _counted(reader: Connection, size: int) -> Stats:
    kinds: dict[str, Share] = {}
    runs: dict[int, Share] = {}
    for run, kind, rows, count in reader.execute(_SHARES):
        kinds[str(kind)] = kinds.get(str(kind), NOTHING).more(rows, count or 0)
        runs[int(run)] = runs.get(int(run), NOTHING).more(rows, count or 0)
    return Stats(size, kinds, runs)
