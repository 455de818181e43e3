"""The service of the process that writes a journal: a thread that takes entries from other processes of the same user.

Messages are JSON objects. A process says ``hello`` first, and gets ``wait`` while the writer still reads the journal,
then ``welcome`` or ``refused``. It sends entries with ``put`` and gets their ``ends``, in the same order. ``trouble``
tells of the disk. A connection that says anything else is closed, which costs no other process anything.
"""

from __future__ import annotations

import os
import selectors
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from ..vocabulary.errors import DiskError, told
from ..vocabulary.json_value import Json
from .sockets import VERSION, listening, own_user, remove
from .wire import MOST_BYTES, Frames, WireError, framed, unpacked
from .writer import End, Writer, WriteRequest

if TYPE_CHECKING:
    from .sent_rows import SentRows

_BUSY = 1.0
"""The seconds between two words to processes that wait for the writer."""
_STRANGER = 4096
"""The most bytes of a message before the first ``hello``."""
_HELD = 64 * 1024 * 1024
"""The most bytes that wait for a process which does not read them. It gets the ends again when it comes back."""
_ROOM = 1 << 18
_PAUSE = 0.05


class Service:
    """The socket of a journal and the processes that are connected to it.

    The thread waits in the kernel until the first process comes.
    """

    def __init__(self, journal: Path, listener: socket.socket) -> None:
        self._journal = journal
        self._listener = listener
        self._writer: Writer | None = None
        self._rows: SentRows | None = None
        self._guests: set[_Guest] = set()
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._heard, self._waking = socket.socketpair()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._heard, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="flowrun-journal-service", daemon=True)

    @classmethod
    def at(cls, journal: Path) -> Service | None:
        """Listen beside a journal, whose lock this process must hold. None where no socket can be made."""
        listener = listening(journal)
        if listener is None:
            return None
        service = cls(journal, listener)
        service._thread.start()
        return service

    def begin(self, writer: Writer) -> None:
        """Let the processes write that have come, and those that will."""
        self._writer = writer
        self._wake()

    def tell(self, trouble: DiskError) -> None:
        """Tell all processes of trouble with the disk."""
        for guest in tuple(self._guests):
            guest.say({"trouble": str(trouble)})

    def stop(self) -> None:
        """Take nothing more, and free the socket for the next process that writes. Connections stay for the ends."""
        if self._thread.is_alive():
            self._stopping = True
            self._wake()
            self._thread.join()
            with suppress(OSError):
                remove(self._journal)
        self._listener.close()
        if self._rows is not None:
            self._rows.close()

    def part(self) -> None:
        """Close all connections. The other processes then look for the next one that writes."""
        for guest in tuple(self._guests):
            guest.end()
        self.forget()

    def forget(self) -> None:
        """Close the descriptors, also in a forked process, whose parent goes on with its own."""
        for one in (self._listener, self._heard, self._waking, *(guest.socket for guest in tuple(self._guests))):
            one.close()
        self._selector.close()
        self._guests.clear()

    def _wake(self) -> None:
        self._waking.send(b"!")

    # In the thread

    def _serve(self) -> None:
        spoken = time.monotonic()
        while not self._stopping:
            for key, _ in self._selector.select(None if self._writer is not None else _BUSY):
                if key.data is not None:
                    self._read(key.data)
                elif key.fileobj is self._listener:
                    self._accept()
                else:
                    self._heard.recv(_ROOM)
            if self._writer is not None:
                for guest in [one for one in self._guests if one.waits]:
                    self._welcome(guest, self._writer)
            elif time.monotonic() - spoken >= _BUSY:
                spoken = time.monotonic()
                for guest in tuple(self._guests):
                    guest.say({"wait": os.getpid()})

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # For example, no descriptor is left. Another run of this process may soon free one.
            time.sleep(_PAUSE)
            return
        if not own_user(connection):
            connection.close()
            return
        connection.setblocking(False)
        guest = _Guest(connection)
        self._guests.add(guest)
        self._selector.register(connection, selectors.EVENT_READ, guest)

    def _read(self, guest: _Guest) -> None:
        try:
            data = guest.socket.recv(_ROOM)
            if not data:
                raise ConnectionResetError
            for message in guest.frames.feed(data):
                self._take(guest, message)
        except BlockingIOError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._selector.unregister(guest.socket)
            self._guests.discard(guest)
            guest.end()
            guest.socket.close()

    def _take(self, guest: _Guest, message: Any) -> None:
        """Act on a message. Raises ValueError, KeyError, TypeError, AttributeError for one of another form."""
        if not guest.known:
            guest.known = guest.waits = True
            guest.said = int(message["hello"])
            guest.frames.most = MOST_BYTES
            return
        if guest.waits or self._writer is None:
            raise WireError("entries came before the welcome")
        if self._rows is None:
            from .sent_rows import SentRows  # few runs meet another process

            self._rows = SentRows(self._journal)
        number, entries = int(message["put"]), [unpacked(entry) for entry in message["entries"]]
        self._rows.check(entries)
        self._writer.put([WriteRequest(entry, reply=guest, number=number + at) for at, entry in enumerate(entries)])

    def _welcome(self, guest: _Guest, writer: Writer) -> None:
        guest.waits = False
        if guest.said != VERSION:
            guest.say({"refused": VERSION, "process": os.getpid()})
        else:
            guest.say({"welcome": VERSION, "process": os.getpid()})
        if writer.trouble is not None:
            guest.say({"trouble": str(writer.trouble)})


class _Guest:
    """Another process at the other end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.frames = Frames(_STRANGER)
        self.known = self.waits = False
        self.said = 0
        self._pen = threading.Lock()
        self._ends: list[Json] = []
        self._first = 0
        self._late: SimpleQueue[bytes] | None = None
        self._held = 0
        self._over = False

    def add(self, number: int, end: End) -> None:
        """Take the end of an entry. The ends come in the order of the entries."""
        if not self._ends:
            self._first = number
        if isinstance(end, BaseException):
            self._ends.append([isinstance(end, DiskError), str(end) if isinstance(end, DiskError) else told(end)])
        else:
            self._ends.append(end)

    def send(self, rows: int) -> None:
        """Send the ends that were added."""
        ends, self._ends = self._ends, []
        self.say({"ends": self._first, "of": ends, "rows": rows})

    def say(self, message: Json) -> None:
        """Send a message without waiting for the other process. What it does not take at once, a thread sends."""
        data = framed(message)
        with self._pen, suppress(OSError):
            if self._late is None:
                try:
                    sent = self.socket.send(data)
                except BlockingIOError:
                    sent = 0
                if sent == len(data):
                    return
                data, self._late = data[sent:], SimpleQueue()
                threading.Thread(target=self._send_late, args=(self._late,), daemon=True).start()
            self._held += len(data)
            if self._held > _HELD:
                self.end()
            self._late.put(data)

    def _send_late(self, late: SimpleQueue[bytes]) -> None:
        with suppress(OSError, ValueError), selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_WRITE)
            while data := late.get():
                while data and not self._over:
                    if selector.select(_BUSY):
                        sent = self.socket.send(data)
                        data, self._held = data[sent:], self._held - sent

    def end(self) -> None:
        """End the connection for both sides, and for the thread that sends."""
        self._over = True
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self._late is not None:
            self._late.put(b"")
