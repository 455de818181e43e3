"""What a write-ahead log holds behind its last whole transaction, by SQLite's own format of the file.

https://www.sqlite.org/fileformat2.html#the_write_ahead_log: a header of 32 bytes, then frames of a header of 24 bytes
and a page. A frame is part of the log where its salts are those of the header; its second number is not zero where it
ends a transaction.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">4I")
_FRAME_HEADER = 24


@dataclass(frozen=True, slots=True)
class Tail:
    """The frames of a log as they stand in the file; ``ends`` are the numbers of those that end a transaction, from 1.

    ``cut`` says that the file ends within a frame.
    """

    frames: int = 0
    ends: tuple[int, ...] = ()
    cut: bool = False

    def torn(self, whole: int) -> bool:
        """Whether something stands behind the ``whole`` frames that SQLite takes for good."""
        return self.cut or self.frames > whole

    def damaged(self, whole: int) -> bool:
        """Whether a transaction is lost that another one followed: each is on the disk before the next begins."""
        lost = [end for end in self.ends if end > whole]
        return len(lost) > 1 or (len(lost) == 1 and self.frames > lost[0])


def tail_of(journal: Path) -> Tail:
    """Read before SQLite opens the file, which forgets what it cannot use."""
    try:
        file = journal.with_name(f"{journal.name}-wal").open("rb")
    except FileNotFoundError:
        return Tail()
    with file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return Tail(cut=bool(header))
        _, _, page, _, *salts, _, _ = _HEADER.unpack(header)
        frames = 0
        ends: list[int] = []
        while True:
            head = file.read(_FRAME_HEADER)
            if len(head) < _FRAME_HEADER:
                return Tail(frames, tuple(ends), bool(head))
            _, size, *own = _FRAME.unpack_from(head)
            if own != salts:
                return Tail(frames, tuple(ends))
            if len(file.read(page)) < page:
                return Tail(frames, tuple(ends), cut=True)
            frames += 1
            if size:
                ends.append(frames)
