"""The keys of calls that a journal knows, in eight bytes each, so that a worker need not ask for others."""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Iterable

from ..journal.index import Index

_BYTES = 8


class KnownKeys:
    """The beginnings of keys, in order. A key that is found here may be in the journal; no other key is."""

    def __init__(self, beginnings: Iterable[int] = ()) -> None:
        self._sorted = array("Q", sorted(beginnings))

    @classmethod
    def of(cls, index: Index) -> KnownKeys:
        """Take the keys of all answers, of attempts under way, and of attempts without an answer."""
        keys = {*index.paid, *index.open, *index.unanswered}
        return cls(int.from_bytes(key[:_BYTES], "big") for key in keys)

    @classmethod
    def read(cls, text: str) -> KnownKeys:
        """Read the text that ``text`` has written."""
        found = cls()
        found._sorted.frombytes(b64decode(text))
        if sys.byteorder == "big":
            found._sorted.byteswap()
        return found

    def text(self) -> str:
        """Write the keys as text for a message."""
        written = self._sorted[:]
        if sys.byteorder == "big":
            written.byteswap()
        return b64encode(written.tobytes()).decode()

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, key: object) -> bool:
        if not self._sorted or not isinstance(key, bytes):
            return False
        wanted = int.from_bytes(key[:_BYTES], "big")
        at = bisect_left(self._sorted, wanted)
        return at < len(self._sorted) and self._sorted[at] == wanted

    def add(self, keys: Iterable[bytes]) -> None:
        """Add keys: those of a worker that died."""
        more = {int.from_bytes(key[:_BYTES], "big") for key in keys}
        self._sorted = array("Q", sorted(more.union(self._sorted)))
