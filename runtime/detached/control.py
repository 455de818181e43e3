"""The socket of a detached run: commands of its user ask it for its progress, or to stop.

The run only answers, a line of JSON for a line of JSON. So a command that takes nothing costs the run nothing.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..vocabulary.errors import DiskError, UsageError, mistake_in
from .places import SOCKET

Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]
MOST_LISTENERS = 16
"""The commands that may be connected to a run at the same time."""
LONGEST = 4096
"""The most bytes of a question. Who sends more is dropped."""
_BUFFER = 2**20
_PATH = 100
"""The bytes that the path of a socket may have on every system."""
_EVERY = 1.0
_PATIENCE = 5.0
"""The seconds that a command waits for the answer of a run."""
_BY_NUMBER = "/proc/self/fd"


def listening(folder: Path, name: str) -> socket.socket:
    """Open the socket of a run. Raises UsageError, if the path is too long; DiskError."""
    with suppress(FileNotFoundError):
        os.unlink(folder / f"{name}{SOCKET}")
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        with _Short(folder, f"{name}{SOCKET}") as path:
            made.bind(path)
        made.listen(MOST_LISTENERS)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise DiskError(
            f"--detach needs a socket in {folder}, and it cannot be made: {error.strerror or error}; keep the journal "
            "elsewhere with --journal FILE"
        ) from None
    except UsageError:
        made.close()
        raise
    finally:
        os.umask(mask)
    return made


class _Short:
    """A path of a socket that the system takes. The paths of sockets have at most 104 or 108 bytes.

    On Linux a long path is named by the number of its open folder.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._number = -1

    def __enter__(self) -> str:
        path = str(self._folder / self._name)
        if len(os.fsencode(path)) <= _PATH:
            return path
        if not os.path.isdir(_BY_NUMBER):
            raise UsageError(
                f"the path of the folder {self._folder} is too long for a socket: keep the journal elsewhere with "
                "--journal FILE"
            )
        self._number = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        return f"{_BY_NUMBER}/{self._number}/{self._name}"

    def __exit__(self, *_: object) -> None:
        if self._number >= 0:
            os.close(self._number)


class Control:
    """The thread of a run that answers. ``tick`` is called about every second."""

    def __init__(self, listener: socket.socket, answer: Answer, tick: Callable[[], None]) -> None:
        self._listener = listener
        self._answer = answer
        self._tick = tick
        self._over = threading.Event()
        self._waker, self._woken = socket.socketpair()
        self._waits = selectors.DefaultSelector()
        self._asked: dict[socket.socket, bytes] = {}
        self._thread = threading.Thread(target=self._work, name="flowrun-control", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """End the thread, and close all connections."""
        self._over.set()
        with suppress(OSError):
            self._waker.send(b".")
        if self._thread.ident is not None:
            self._thread.join(1)
        for one in (self._listener, self._waker, self._woken, *self._asked):
            one.close()
        self._waits.close()

    def _work(self) -> None:
        self._waits.register(self._listener, selectors.EVENT_READ)
        self._waits.register(self._woken, selectors.EVENT_READ)
        while not self._over.is_set():
            for key, _ in self._waits.select(_EVERY):
                if key.fileobj is self._listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj is not self._woken:
                    self._hear(key.fileobj)
            self._tick()

    def _accept(self) -> None:
        with suppress(OSError):
            connection, _ = self._listener.accept()
            if len(self._asked) >= MOST_LISTENERS or not _is_own(connection):
                connection.close()
                return
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            self._asked[connection] = b""
            self._waits.register(connection, selectors.EVENT_READ)

    def _hear(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(LONGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, rest = (self._asked[connection] + data).split(b"\n")
        if not data or len(rest) > LONGEST or not all(self._reply(connection, line) for line in lines):
            self._drop(connection)
            return
        self._asked[connection] = rest

    def _reply(self, connection: socket.socket, line: bytes) -> bool:
        """Answer a question. Return False if the other side asks something else, or takes nothing."""
        try:
            asked = json.loads(line)
            if not isinstance(asked, dict):
                return False
            said = self._answer(asked)
        except (ValueError, RecursionError):
            return False
        except Exception as error:  # noqa: BLE001  the run is paid for, and goes on
            said = {"error": mistake_in(error)}
        data = json.dumps(said).encode() + b"\n"
        with suppress(OSError):
            return connection.send(data) == len(data)
        return False

    def _drop(self, connection: socket.socket) -> None:
        self._waits.unregister(connection)
        del self._asked[connection]
        connection.close()


def _is_own(connection: socket.socket) -> bool:
    """Tell whether a process of the same user or of root is at the other end, where the system tells."""
    kind = getattr(socket, "SO_PEERCRED", None)
    if kind is None:
        return True
    _, user, _ = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, kind, struct.calcsize("iII")))
    return user in (0, os.geteuid())


class Link:
    """The connection of a command to a run that lives."""

    def __init__(self, folder: Path, run: str) -> None:
        self._place = folder, f"{run}{SOCKET}"
        self._socket: socket.socket | None = None
        self._rest = b""

    def ask(self, **question: Any) -> dict[str, Any] | None:
        """Ask the run. Return None if it does not answer, because it has ended or is held up."""
        try:
            connection = self._socket = self._socket or self._connected()
            connection.sendall(json.dumps(question).encode() + b"\n")
            while b"\n" not in self._rest:
                data = connection.recv(65536)
                if not data:
                    raise ConnectionError
                self._rest += data
            line, _, self._rest = self._rest.partition(b"\n")
            said = json.loads(line)
            return said if isinstance(said, dict) else None
        except (OSError, ValueError):
            self.close()
            return None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def _connected(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(_PATIENCE)
        try:
            with _Short(*self._place) as path:
                made.connect(path)
        except (OSError, UsageError) as error:
            made.close()
            raise ConnectionError from error
        return made
