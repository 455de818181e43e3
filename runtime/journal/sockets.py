"""The socket beside a journal, by which processes of one user reach the process that writes it.

Its file has the mode 0600. Both sides also ask the kernel for the user of the other one, where the kernel tells it.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .files import file_beside
from .wire import Frames, framed_text

SOCKET = ".socket"
VERSION = 1
"""The version of the messages. Processes of different versions do not share a journal."""
PATIENCE = 5.0
"""The seconds in which the process that writes a journal says a word to one that connects, if only that it is busy."""
_LONGEST = 100
"""The most bytes of a socket's path; Linux takes 107, other systems 103."""
_BACKLOG = 256
_USER = struct.Struct("3i")
_ROOM = 1 << 18


def listening(journal: Path) -> socket.socket | None:
    """Make the socket of a journal, whose lock this process must hold. None where no socket can be made."""
    path = file_beside(journal, SOCKET)
    if not hasattr(socket, "AF_UNIX"):
        return None
    made = socket.socket(socket.AF_UNIX)
    try:
        remove(journal)
        with suppress(OSError):
            # On Linux the file gets the mode of its socket. Elsewhere nobody can connect before `listen`.
            os.fchmod(made.fileno(), 0o600)
        with _address(path) as address:
            made.bind(address)
        os.chmod(path, 0o600)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError:
        made.close()
        return None
    return made


def remove(journal: Path) -> None:
    """Remove the socket's file, also that of a process that was killed. Raises OSError if it is no socket."""
    path = file_beside(journal, SOCKET)
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(f"{path} is no socket")
        path.unlink()


def own_user(connection: socket.socket) -> bool:
    """Tell whether the process at the other end belongs to this process's user."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, user, _ = _USER.unpack(connection.getsockopt(socket.SOL_SOCKET, option, _USER.size))
    return bool(user == os.geteuid())


class JournalLine:
    """A connection to the process that writes a journal."""

    def __init__(self, journal: Path) -> None:
        """Connect. Raises OSError where no process of this user listens."""
        if not hasattr(socket, "AF_UNIX"):
            raise ConnectionRefusedError
        self._socket = socket.socket(socket.AF_UNIX)
        self._seconds: float | None = PATIENCE
        try:
            # A stopped process accepts nothing, and the system queues few connections.
            self._socket.settimeout(PATIENCE)
            with _address(file_beside(journal, SOCKET)) as address:
                self._socket.connect(address)
            if not own_user(self._socket):
                raise ConnectionRefusedError("the socket belongs to another user")
        except BaseException:
            self._socket.close()
            raise
        self._frames = Frames()

    def send(self, text: str) -> None:
        """Send a message, as JSON text. Raises OSError."""
        self._socket.sendall(framed_text(text))

    def hear(self, seconds: float | None = None) -> Iterator[Any]:
        """Wait for bytes, and yield the messages that they complete. Raises OSError at the end, WireError.

        TimeoutError, an OSError, means that nothing came in this time.
        """
        if seconds != self._seconds:
            self._seconds = seconds
            self._socket.settimeout(seconds)
        data = self._socket.recv(_ROOM)
        if not data:
            raise ConnectionResetError("the other process has ended the connection")
        yield from self._frames.feed(data)

    def end(self) -> None:
        """End the connection, also for a thread that waits for it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close this process's descriptor."""
        self._socket.close()


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """Return an address for a path, also for a long one. Raises OSError where the system has no way to name it."""
    whole = os.path.abspath(path)
    if len(os.fsencode(whole)) <= _LONGEST:
        yield whole
        return
    folder = os.open(os.path.dirname(whole), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{os.path.basename(whole)}"
    finally:
        os.close(folder)
