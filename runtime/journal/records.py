"""The rows of a journal: their kinds, and the chain of checksums that connects every row to all rows before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from itertools import chain
from typing import Any, NamedTuple

from ..vocabulary.json_parts import writer
from ..vocabulary.json_value import Json

APPLICATION = 0x666C6F77
"""The mark of a SQLite file that is a journal of flowrun's (``PRAGMA application_id``)."""
FORMAT = 2
"""The format of the rows (``PRAGMA user_version``). Journals of format 1 have the number 0 there."""
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
SENT_AGAIN = "sent again"
"""The words of a ``DOUBT`` row about an attempt of an earlier part of the run, whose call is sent again."""
TAKEN_UP = "taken up"
"""The words of a ``REFUSED`` row about a line of a batch API that was not sent, or that a later attempt waits for."""
NOT_ANSWERED = "not answered"
FEWER_ANSWERS = "the server sent fewer answers than requested, and the bill does not tell which ones"
"""The words of a ``REFUSED`` row about a call of a batch whose reply held no answer to it; it is sent again."""
JUST_BEGUN = -1
"""The ``run`` of a record that follows the beginning of its run in the same transaction."""


class Kind(StrEnum):
    """The kind of a row.

    ``RUN`` begins a run; its ``number`` is the ``run`` of all its rows. ``GIVEN`` is its plan and inputs. ``INTENT``
    comes before each attempt at a call. When the attempt is over, another row follows: ``ANSWER`` if it is paid, with
    or without a usable answer; ``REFUSED`` if it is not paid; ``DOUBT`` or ``CANCELLED`` if it may be paid. ``END``
    tells how a run ended; a run without it was killed or still goes on. ``RESUMED`` begins each later part of a run.

    ``CONTENT`` holds a plan, inputs or the content of a file. It is written once, and other rows name it by its key.
    ``EXTERN`` tells what a Python function returned, and ``READ`` which file was read.

    ``FAILED`` tells why a call failed that made no further attempt, and so has no other row about it.

    ``SUBMISSION`` is about a submission to a batch API. One row comes before it is sent, with the keys of its lines,
    and another when the server has named its id.

    ``FORGOTTEN`` says that no run takes the answers to its key from the rows before it.
    """

    RUN = "run"
    GIVEN = "given"
    RESUMED = "resumed"
    INTENT = "intent"
    ANSWER = "answer"
    REFUSED = "refused"
    DOUBT = "doubt"
    CANCELLED = "cancelled"
    END = "end"
    CONTENT = "content"
    EXTERN = "extern"
    READ = "read"
    FORGOTTEN = "forgotten"
    FAILED = "failed"
    SUBMISSION = "submission"


OF_CALLS = "('intent', 'answer', 'refused', 'doubt', 'cancelled')"
"""The kinds of rows about attempts at calls, for SQL. A call has two of these rows for each attempt that ended."""
NOTES = "('extern', 'read', 'forgotten', 'failed', 'submission')"
"""The kinds of rows that only show what a run did. They are about no attempt at a call."""


Columns = tuple[int, int, str, bytes, str, str, bytes]
encode = writer(json.JSONEncoder(separators=(",", ":")))
"""Writes ASCII, so that half a character from a model can be written too."""


class Encoded(str):
    """The body of a row that is JSON text already."""


class LogRecord(NamedTuple):
    """A row to write. ``key`` identifies a call and ``place`` its place in the flow; both are empty for other rows."""

    run: int
    kind: Kind
    body: Json = None
    key: bytes = b""
    place: str = ""


def content(run: int, body: Json) -> LogRecord:
    """Make the row of a content. Its key is the BLAKE2b digest, of 16 bytes, of its body as JSON text.

    A journal writes each content once. It leaves out a later record with the same key.
    """
    text = Encoded(encode(body))
    return LogRecord(run, Kind.CONTENT, text, digest_of(text))


def digest_of(body: str) -> bytes:
    return blake2b(body.encode(), digest_size=16).digest()


def row(number: int, record: LogRecord, before: bytes, begun: int = 0) -> Columns:
    """Return the columns of a record; ``before`` is the checksum of the row before it. A record of run 0 begins a run.

    ``begun`` is the run that began last in this transaction.
    """
    run, what, body, key, place = record
    if not run:
        if what is not Kind.RUN:
            raise ValueError(f"a row of the kind {what} belongs to no run")
        run = number
    elif run == JUST_BEGUN:
        run = begun
    body, kind = str(body) if type(body) is Encoded else encode(body), str(what)
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
    found = fresh_sum()
    found.update(b"".join((before, head.encode(), key, f"{place}{body}".encode())))
    return found.digest()


fresh_sum = blake2b(digest_size=8).copy
"""A function that begins a checksum. A copy takes half the time of a new one, and a journal has millions of rows."""
