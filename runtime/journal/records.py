"""The rows of a journal: what each kind holds, and the chain of checksums that ties every row to all before it."""

from __future__ import annotations

import json
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

Json = Any

APPLICATION = 0x666C6F77
"""What marks a SQLite file as a journal of ours (``PRAGMA application_id``)."""
TABLE = """CREATE TABLE records (
  number INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  kind TEXT NOT NULL,
  key BLOB NOT NULL,
  place TEXT NOT NULL,
  body TEXT NOT NULL,
  sum BLOB NOT NULL
) STRICT"""
INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)"
START = b"\0" * 8
"""The checksum before the first row."""


NOT_SENT = "not sent"
"""The words of a ``REFUSED`` row about a call that did not leave after all."""
NOT_ANSWERED = "not answered"
"""The words of a ``REFUSED`` row about a call that got no answer from the reply to several, and is asked anew."""
JUST_BEGUN = -1
"""The ``run`` of a record that goes into one transaction with the beginning of its run, behind it."""


class Kind(StrEnum):
    """What a row tells.

    ``RUN`` begins a run; its ``number`` is the ``run`` of all its rows. ``GIVEN`` is its plan and inputs. ``INTENT``
    stands before each attempt of a call, and one of the five behind it when the attempt is over: an ``ANSWER`` that
    was paid for, good or not; ``REFUSED``, not paid; ``DOUBT`` and ``CANCELLED``, possibly paid. ``END`` is how a run
    ended; one without has been killed, or still runs. ``RESUMED`` begins each later stretch of a run.
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


class Record(NamedTuple):
    """A row. ``key`` says what is asked, ``place`` where in the flow; both are empty where no call is meant."""

    run: int
    kind: Kind
    body: Json = None
    key: bytes = b""
    place: str = ""


def row(number: int, record: Record, before: bytes, begun: int = 0) -> tuple[int, int, str, bytes, str, str, bytes]:
    """The columns of a record; ``before`` is the checksum of the row before it. A record of run 0 begins its own.

    ``begun`` is the run that was begun last in this transaction.
    """
    run = begun if record.run == JUST_BEGUN else record.run or number
    # ASCII, so that half a character from a model is no trouble to the file.
    body = json.dumps(record.body, separators=(",", ":"))
    place = record.place.encode("utf-8", "replace").decode()
    kind = record.kind.value
    return number, run, kind, record.key, place, body, checksum(before, number, run, kind, record.key, place, body)


def checksum(before: bytes, number: int, run: int, kind: str, key: bytes, place: str, body: str) -> bytes:
    head = f"{number} {run} {kind} {len(key)} {len(place)}\n".encode()
    return blake2b(b"".join((before, head, key, place.encode(), body.encode())), digest_size=8).digest()
