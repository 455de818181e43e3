"""A device, a pipe or another file that is open already: written directly, and never waited for before the end."""

from __future__ import annotations

import os
import select
import stat

_AT_ONCE = 512
"""Bytes that a pipe with room takes at once, whatever the system (POSIX, _POSIX_PIPE_BUF)."""
_MOST = 64 * 1024


class Pipe:
    """Holds written text until the reader takes it: a slow reader does not hold up the calls that are made.

    ``number`` is that of an open file, which this closes.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_terminal = os.isatty(number)
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Hand on as much as is taken at once. Raises OSError."""
        self._waiting += data
        while self._waiting and self._has_room():
            self._send(_AT_ONCE)

    def finish(self) -> None:
        """Wait until all is taken. Raises OSError."""
        while self._waiting:
            wait_to_write(self.number)
            self._send(_MOST)

    def close(self) -> None:
        if self.number >= 0:
            os.close(self.number)
            self.number = -1

    def _has_room(self) -> bool:
        # A file takes all, and a pipe whose reader is gone fails at once.
        return stat.S_ISREG(os.fstat(self.number).st_mode) or bool(_poll(self.number, 0))

    def _send(self, most: int) -> None:
        try:
            sent = os.write(self.number, self._waiting[:most])
        except BlockingIOError:
            wait_to_write(self.number)
            return
        del self._waiting[:sent]


def wait_to_write(number: int) -> None:
    """Wait until an open file takes more, or fails."""
    _poll(number, None)


def _poll(number: int, milliseconds: int | None) -> list[tuple[int, int]]:
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return poll.poll(milliseconds)
