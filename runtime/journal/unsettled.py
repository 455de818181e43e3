"""The entries that a process has given to the one that writes the journal, and whose ends it does not know yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any

from ..vocabulary.errors import DiskError, FlowrunError
from .records import encode
from .wire import MOST_BYTES, packed
from .writer import End, WriteRequest

_AT_ONCE = 500
_BYTES = 4 * 1024 * 1024
"""The bytes of a message from which on the next entries go into another one."""


class Unsettled:
    """The entries whose ends are not known, in order, each with its message. ``rows`` were on the disk at the last end.

    The first ``_sent`` of them are sent. The process that writes counts entries from 0, and ``_first`` is the next one
    whose end it will tell.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.entries: deque[tuple[WriteRequest, str]] = deque()
        self._sent = self._first = 0

    @property
    def waiting(self) -> bool:
        return self._sent < len(self.entries)

    @property
    def under_way(self) -> bool:
        return self._sent > 0

    def message(self) -> str:
        """Return the message with the next entries to send."""
        number, texts, size = self._first + self._sent, list[str](), 0
        for _, text in islice(self.entries, self._sent, self._sent + _AT_ONCE):
            if texts and size + len(text) > _BYTES:
                break
            texts.append(text)
            size += len(text)
        self._sent += len(texts)
        return f'{{"put":{number},"entries":[{",".join(texts)}]}}'

    def ended(self, first: int, count: int, rows: int) -> list[WriteRequest]:
        """Take out the next entries, which have their ends. Raises ValueError if other ones were told of."""
        if first != self._first or count > self._sent:
            raise ValueError("the ends are of other entries")
        self._first, self._sent, self.rows = first + count, self._sent - count, rows
        return [self.entries.popleft()[0] for _ in range(count)]

    def sent(self) -> list[tuple[WriteRequest, str]]:
        return list(islice(self.entries, self._sent))

    def again(self, there: Sequence[int]) -> tuple[list[WriteRequest], list[End]]:
        """Begin anew with another process. Take out the entries that are there, with their first rows."""
        sent = [self.entries.popleft() for _ in there]
        known = [(entry, number) for (entry, _), number in zip(sent, there, strict=True) if number]
        self.entries.extendleft(reversed([one for one, number in zip(sent, there, strict=True) if not number]))
        self._sent = self._first = 0
        return [entry for entry, _ in known], [number for _, number in known]

    def all(self) -> list[WriteRequest]:
        """Take out all entries."""
        found = [entry for entry, _ in self.entries]
        self.entries.clear()
        self._sent = 0
        return found


def text_of(entry: WriteRequest) -> str | Exception:
    """Return the records of an entry as JSON text, or the error that this met."""
    try:
        text = encode(packed(entry.records))
    except Exception as error:  # noqa: BLE001 (it reaches those who wait for the entry)
        return error
    if len(text) > MOST_BYTES // 2:
        return DiskError(
            f"rows of {len(text):,} bytes are too long to be written by another process: use another journal with "
            "--journal FILE"
        )
    return text


def end_of(told: Any) -> End:
    if isinstance(told, int):
        return told
    disk, message = told
    return DiskError(str(message)) if disk else FlowrunError(str(message))
