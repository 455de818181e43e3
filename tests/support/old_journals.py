"""Journals that earlier versions of flowrun wrote, from their rows under ``tests/journals``.

The rows name the folder of the run as ``@FOLDER@``. So the chain of checksums is made again, by the rules of the format
and without the code of the journal.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

FORMATS = Path(__file__).parents[1] / "journals"
APPLICATION = 0x666C6F77
TABLE = """CREATE TABLE records (
  number INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key BLOB NOT NULL,
  place TEXT NOT NULL,
  body TEXT NOT NULL,
  sum BLOB NOT NULL
) STRICT"""
Row = tuple[int, int, str, bytes, str, str]


def old_rows(name: str, folder: Path) -> Iterator[Row]:
    """Read the rows of an old journal. ``name`` is that of a file, such as ``format_1/done``."""
    with open(FORMATS / f"{name}.jsonl", encoding="utf-8") as lines:
        for line in lines:
            number, run, kind, key, place, body, _ = json.loads(line)
            yield number, run, kind, bytes.fromhex(key), place, body.replace("@FOLDER@", str(folder))


def lay_out(path: Path, rows: Iterator[Row], version: int = 0, table: str = TABLE) -> Path:
    """Write a journal with these rows, and return its path."""
    before = b"\0" * 8
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(table)
        db.execute(f"PRAGMA application_id={APPLICATION}")
        db.execute(f"PRAGMA user_version={version}")
        for number, run, kind, key, place, body in rows:
            head = f"{number} {run} {kind} {len(key)} {len(place)}\n".encode()
            text = f"{place}{body}".encode()
            before = hashlib.blake2b(before + head + key + text, digest_size=8).digest()
            db.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", (number, run, kind, key, place, body, before)
            )
    path.chmod(0o600)
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])
