"""The rows of a journal: their kinds, and the chain of checksums that connects every row to all rows before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from itertools import chain
from typing import Any, NamedTuple

from ..vocabulary.json_value import Json

APPLICATION = 0x666C6F77
"""The mark of a SQLite file that is a journal of flowrun's (``PRAGMA application_id``)."""
TABLE = """CREATE TABLE records (
  number INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key BLOB NOT NULL,
  place TEXT NOT NULL,
  body TEXT NOT NULL,
  sum BLOB NOT NULL
) STRICT"""
_MOST = 64
"""The most rows of one statement. The driver keeps so many statements at hand."""
START = b"\0" * 8
"""The checksum before the first row."""


NOT_SENT = "not sent"
"""The words of a ``REFUSED`` row about a call that was not sent after all."""
NOT_ANSWERED = "not answered"
"""The words of a ``REFUSED`` row about a call of a batch whose reply held no answer to it; it is sent again."""
JUST_BEGUN = -1
"""The ``run`` of a record that follows the beginning of its run in the same transaction."""


class Kind(StrEnum):
    """The kind of a row.

    ``RUN`` begins a run; its ``number`` is the ``run`` of all its rows. ``GIVEN`` is its plan and inputs. ``INTENT``
    comes before each attempt at a call. When the attempt is over, another row follows: ``ANSWER`` if it is paid, with
    or without a usable answer; ``REFUSED`` if it is not paid; ``DOUBT`` or ``CANCELLED`` if it may be paid. ``END``
    tells how a run ended; a run without it was killed or still goes on. ``RESUMED`` begins each later part of a run.
    """

    RUN = "run"
    GIVEN = "given"
    CONTENT = "content"
    RESUMED = "resumed"
    INTENT = "intent"
    ANSWER = "answer"
    REFUSED = "refused"
    DOUBT = "doubt"
    CANCELLED = "cancelled"
    END = "end"


Columns = tuple[int, int, str, bytes, str, str, bytes]
encode = json.JSONEncoder(separators=(",", ":")).encode
"""Writes ASCII, so that half a character from a model can be written too."""


class LogRecord(NamedTuple):
    """A row to write. ``key`` identifies a call and ``place`` its place in the flow; both are empty for other rows."""

    run: int
    kind: Kind
    body: Json = None
    key: bytes = b""
    place: str = ""


def row(number: int, record: LogRecord, before: bytes, begun: int = 0) -> Columns:
    """Return the columns of a record; ``before`` is the checksum of the row before it. A record of run 0 begins a run.

    ``begun`` is the run that began last in this transaction.
    """
    run, what, content, key, place = record
    if not run:
        run = number
    elif run == JUST_BEGUN:
        run = begun
    body, kind = encode(content), str(what)
    if not place.isascii():
        place = place.encode("utf-8", "replace").decode()
    return number, run, kind, key, place, body, checksum(before, number, run, kind, key, place, body)


def statements(rows: Sequence[Columns]) -> Iterator[tuple[str, Iterator[tuple[Any, ...]]]]:
    """Return the statements that insert rows in order, each with its sets of values, for ``executemany``.

    A statement inserts many rows. Python's lock changes hands at each run of a statement, so a run for each row would
    stop the event loop as often.
    """
    end = len(rows) // _MOST * _MOST
    if end:
        yield _insert(_MOST), (tuple(chain.from_iterable(rows[at : at + _MOST])) for at in range(0, end, _MOST))
    if len(rows) > end:
        yield _insert(len(rows) - end), iter([tuple(chain.from_iterable(rows[end:]))])


@cache
def _insert(size: int) -> str:
    return "INSERT INTO records VALUES " + ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * size)


def checksum(before: bytes, number: int, run: int, kind: str, key: bytes, place: str, body: str) -> bytes:
    head = f"{number} {run} {kind} {len(key)} {len(place)}\n"
    return blake2b(b"".join((before, head.encode(), key, f"{place}{body}".encode())), digest_size=8).digest()
