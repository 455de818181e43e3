"""The sizes of a journal: its rows and bytes by run and by kind, counted by SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from flowrun.dsl import dataclass

from .beside import files_of, status_of
from .reading import open_mended
from .rows import check_form, damaged

_BY_KIND = "SELECT kind, count(*), sum(length(body) + length(place) + length(key)) FROM records GROUP BY kind"
_BY_RUN = "SELECT run, count(*), sum(length(body) + length(place) + length(key)) FROM records GROUP BY run"


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a journal: its rows, and the bytes of their content. SQLite needs some more."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Stats:
    """The sizes of a journal. ``bytes`` counts its file and the files beside it. ``runs`` has shares by run number."""

    bytes: int
    kinds: dict[str, Share]
    runs: dict[int, Share]


def stats_of(path: Path) -> Stats:
    """Count the rows and bytes of a journal. A missing journal is empty. Raises DiskError, OSError."""
    files = [status_of(file) for file in files_of(path)]
    size = sum(found.st_size for found in files if found is not None)
    if not path.exists():
        return Stats(size, {}, {})
    try:
        with closing(open_mended(path)) as reader:
            if not check_form(reader, path):
                return Stats(size, {}, {})
            kinds = {str(kind): Share(rows, count or 0) for kind, rows, count in reader.execute(_BY_KIND)}
            runs = {int(run): Share(rows, count or 0) for run, rows, count in reader.execute(_BY_RUN)}
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
    return Stats(size, kinds, runs)
