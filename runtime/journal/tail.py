"""A reader of the end of SQLite's write-ahead log. It runs before SQLite opens the log and drops a broken end.

The format is https://www.sqlite.org/fileformat2.html#the_write_ahead_log: a header of 32 bytes, then frames, each with
a header of 24 bytes and a page. A frame belongs to the log if its salts are those of the log's header and its checksum
follows from all frames before it. The second number of its header is not zero if it ends a transaction.
"""

from __future__ import annotations

import os
import struct
import sys
from array import array
from pathlib import Path
from typing import BinaryIO

from flowrun.dsl import dataclass

from .files import file_beside, open_file

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_SUMMED = 8
"""The number of bytes at the beginning of a frame's header that its checksum covers."""
_MAGIC = 0x377F0682
_MASK = 0xFFFFFFFF
_PAGES = frozenset(1 << power for power in range(9, 17))


@dataclass(frozen=True, slots=True)
class LogTail:
    """The frames of a log: ``frames`` carry its salts, and the first ``whole`` of them end its last good transaction.

    ``frames`` frames have its salts, and the first ``whole`` of them end with a good transaction.

    ``ends`` are the numbers, from 1, of the frames that end a transaction. ``cut`` says that the file ends within a
    frame, ``headless`` that the log has content after a broken header.
    """

    frames: int = 0
    whole: int = 0
    ends: tuple[int, ...] = ()
    cut: bool = False
    headless: bool = False
    exists: bool = False

    @property
    def torn(self) -> bool:
        """True if the log continues after its last good transaction."""
        return self.cut or self.frames > self.whole

    @property
    def damaged(self) -> bool:
        """True if another transaction than the last one is lost.

        A crash cannot do that, because each transaction is on the disk before the next one begins.
        """
        lost = [end for end in self.ends if end > self.whole]
        return self.headless or len(lost) > 1 or (len(lost) == 1 and self.frames > lost[0])


def tail_of(journal: Path) -> LogTail:
    """Read the end of a journal's log. Raises DiskError where the log is not the user's own file, OSError."""
    try:
        number = open_file(file_beside(journal, "-wal"), os.O_RDONLY)
    except FileNotFoundError:
        return LogTail()
    with open(number, "rb") as file:
        return _read(file)


def _read(file: BinaryIO) -> LogTail:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return LogTail(cut=bool(header), exists=bool(header))
    magic, _, page, _, *salts, first, second = _HEADER.unpack(header)
    order = "big" if magic & 1 else "little"
    sums = (0, 0)
    if magic & ~1 == _MAGIC and page in _PAGES:
        sums = _summed(header[:24], order, sums)
    if sums != (first, second) or sums == (0, 0):
        # SQLite syncs the header before the first frame, so content after a broken header was good once.
        return LogTail(headless=bool(file.read().strip(b"\0")), cut=True, exists=True)
    frames = whole = 0
    ends: list[int] = []
    good = True
    while True:
        head = file.read(_FRAME.size)
        if len(head) < _FRAME.size:
            return LogTail(frames, whole, tuple(ends), bool(head), exists=True)
        _, size, *rest = _FRAME.unpack(head)
        if rest[:2] != salts:
            return LogTail(frames, whole, tuple(ends), exists=True)
        content = file.read(page)
        if len(content) < page:
            return LogTail(frames, whole, tuple(ends), cut=True, exists=True)
        frames += 1
        if good:
            sums = _summed(content, order, _summed(head[:_SUMMED], order, sums))
            good = sums == tuple(rest[2:])
        if size:
            ends.append(frames)
            whole = frames if good else whole


def _summed(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    """Continue SQLite's checksum, which runs over pairs of 32-bit numbers, with more data."""
    words = array("I", data)
    if sys.byteorder != order:
        words.byteswap()
    first, second = sums
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
