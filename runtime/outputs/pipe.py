"""The writer for a device, a pipe or another open file. Only at the end it waits for the reader."""

from __future__ import annotations

import os
import select
import stat

_AT_ONCE = 512
"""The bytes that a pipe with any room takes at once, on every system (POSIX, _POSIX_PIPE_BUF)."""
_MOST = 64 * 1024


class Pipe:
    """A buffer that keeps written text until the reader takes it. So a slow reader does not hold up calls.

    ``number`` is the number of an open file. ``close`` closes that file.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_terminal = os.isatty(number)
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Add data, and write as much as the reader takes at once. Raises OSError."""
        self._waiting += data
        while self._waiting and self._has_room():
            self._send(_AT_ONCE)

    def finish(self) -> None:
        """Wait until the reader has taken everything. Raises OSError."""
        while self._waiting:
            wait_to_write(self.number)
            self._send(_MOST)

    def close(self) -> None:
        if self.number >= 0:
            os.close(self.number)
            self.number = -1

    def _has_room(self) -> bool:
        # A regular file takes everything, and a pipe without a reader fails at once.
        return stat.S_ISREG(os.fstat(self.number).st_mode) or bool(_poll(self.number, 0))

    def _send(self, most: int) -> None:
        try:
            sent = os.write(self.number, self._waiting[:most])
        except BlockingIOError:
            wait_to_write(self.number)
            return
        del self._waiting[:sent]


def wait_to_write(number: int) -> None:
    """Wait until an open file takes more data, or has failed."""
    _poll(number, None)


def _poll(number: int, milliseconds: int | None) -> list[tuple[int, int]]:
    if not hasattr(select, "poll"):  # Windows: a write waits by itself
        return [(number, 0)]
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return poll.poll(milliseconds)
