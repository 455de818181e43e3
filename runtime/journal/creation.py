"""The creation of a journal's folder and file. Only their user can read them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from ..vocabulary.errors import DiskError
from ..vocabulary.quoting import shown
from .files import FOLDER
from .records import APPLICATION, FORMAT, TABLE
from .rows import check_form, damaged, format_of

ELSEWHERE = "use another file with --journal FILE, or no journal with --no-journal"


def make_folder(folder: Path) -> None:
    """Make the folder of a journal if it is missing. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True)
        if folder.name == FOLDER:
            # The answers of a project do not belong in its repository.
            (folder / ".gitignore").write_text("*\n")


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the file a journal, with the setting that SQLite syncs at each commit.

    Raises: DiskError, if the file holds something else; sqlite3.Error.
    """
    # Checked before anything is written: the file may be somebody's database.
    known = check_form(connection, path)
    with suppress(OSError):  # a file system without modes
        os.chmod(path, 0o600)
    for pragma in ("trusted_schema=OFF", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if not known:
        create_table(connection)
    elif format_of(connection) < FORMAT:
        # From here on the file may get rows that the program that made it does not know.
        connection.execute(f"PRAGMA user_version={FORMAT}")


def create_table(connection: sqlite3.Connection) -> None:
    """Make an empty file a journal without rows. Raises sqlite3.Error."""
    # In one transaction, because a mark without the table counts as damage.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(TABLE)
    connection.execute(f"PRAGMA application_id={APPLICATION}")
    connection.execute(f"PRAGMA user_version={FORMAT}")
    connection.commit()


def refusal(path: Path, error: sqlite3.Error) -> DiskError:
    """Return the error for a journal that SQLite cannot open."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path, str(error))
    return DiskError(f"the journal {shown(str(path))} cannot be written: {error}; {ELSEWHERE}")
