"""The copy of the rows of a journal without some of its runs, with new numbers and checksums."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import field
from hashlib import blake2b
from pathlib import Path

from flowrun.dsl import dataclass

from ..vocabulary.json_value import Json
from .head import JournalPlace
from .records import START, Kind
from .rows import damaged, differs
from .sql import Connection

_HEADS = "SELECT number, run, kind, key, body FROM records WHERE kind IN ('given', 'read', 'content') ORDER BY number"
_ALL = "SELECT number, run, kind, key, place, body, sum FROM records ORDER BY number"
_ONE = "SELECT key, place, body FROM records WHERE number = ?"


@dataclass(slots=True)
class RowCopy:
    """The copying of the rows of a journal. ``read`` and ``written`` mark the last row of the old and new journal."""

    reader: Connection
    path: Path
    without: frozenset[int]
    read: JournalPlace = JournalPlace()
    written: JournalPlace = JournalPlace()
    numbers: dict[int, int] = field(default_factory=dict)
    """The new numbers of the kept runs, by their old numbers."""
    contents: dict[bytes, int] = field(default_factory=dict)
    """The rows of the contents that are not yet copied, by their keys."""

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Yield the columns of the new rows. Raises DiskError where a row of the old journal is damaged."""
        needed = self._needed()
        last, before = 0, START
        self.reader.text_factory = bytes
        for number, run, kind, key, place, body, found in self.reader.execute(_ALL):
            if number != last + 1:
                raise damaged(self.path, f"row {last + 1} is missing")
            letters = len(place.decode("utf-8", "replace"))
            before = _sum(before, number, run, kind, key, letters, place, body)
            if before != found:
                raise differs(self.path, number, kind.decode("utf-8", "replace"), place.decode("utf-8", "replace"))
            last = number
            if run in self.without or kind == Kind.CONTENT.encode():
                continue
            if kind == Kind.RUN.encode():
                self.numbers[run] = self.written.rows + 1
            yield self._row(self.numbers[run], kind, key, place, body)
            if kind == Kind.RUN.encode():
                for content in needed.get(run, ()):
                    if (at := self.contents.pop(content, None)) is not None:
                        held = self.reader.execute(_ONE, (at,)).fetchone()
                        yield self._row(self.numbers[run], Kind.CONTENT.encode(), *held)
        self.read = JournalPlace(last, before)

    def _needed(self) -> dict[int, list[bytes]]:
        """Find the keys of the contents that each kept run uses."""
        needed: dict[int, list[bytes]] = {}
        for number, run, kind, key, body in self.reader.execute(_HEADS):
            if kind == Kind.CONTENT:
                self.contents[key] = number
            elif run not in self.without:
                needed.setdefault(run, []).extend(_contents_of(json.loads(body)))
        return needed

    def _row(self, run: int, kind: bytes, key: bytes, place: bytes, body: bytes) -> tuple[object, ...]:
        number = self.written.rows + 1
        letters = len(place.decode("utf-8", "replace"))
        found = _sum(self.written.sum, number, run, kind, key, letters, place, body)
        self.written = JournalPlace(number, found)
        return number, run, kind.decode(), key, place.decode(), body.decode(), found


def _contents_of(body: Json) -> Iterator[bytes]:
    """Yield the keys of the contents that a row names."""
    if isinstance(body, dict):
        for name in ("plan", "inputs", "content"):
            if isinstance(digest := body.get(name), str):
                with suppress(ValueError):
                    yield bytes.fromhex(digest)


def _sum(
    before: bytes, number: int, run: int, kind: bytes, key: bytes, letters: int, place: bytes, body: bytes
) -> bytes:
    head = b"%b%d %d %b %d %d\n" % (before, number, run, kind, len(key), letters)
    return blake2b(b"".join((head, key, place, body)), digest_size=8).digest()
