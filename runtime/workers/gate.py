"""The door at which workers of other machines come in: a TCP port where each stream shows a ticket before all else.

A ticket is for one worker. It opens each of its streams once. Nothing that a stranger sends is read further than the
length of a ticket.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import socket
from contextlib import suppress

from flowrun.dsl import dataclass

from ..vocabulary.errors import UsageError
from .link import shut

MARK = b"flowrun-worker-1 "
"""The beginning of each stream. Its number changes with the form of the messages."""
STREAMS = b"mqf"
"""The streams of a worker: its messages, its questions, and the files that it fetches."""
SECONDS = 10.0
"""The seconds that a stream has to show its ticket."""
MOST_STRANGERS = 1024
"""The most streams without a ticket that are open at once."""
_TICKET = 64


def shown_ticket(ticket: str, stream: bytes) -> bytes:
    """Return the bytes with which a worker opens a stream."""
    return MARK + ticket.encode("ascii") + stream


@dataclass(eq=False, slots=True)
class Guest:
    """A worker that is expected, and the ends of its streams that have come."""

    ticket: str
    come: dict[bytes, socket.socket]
    complete: asyncio.Future[None]

    def close(self) -> None:
        for end in self.come.values():
            shut(end)
        if not self.complete.done():
            self.complete.cancel()


class Gate:
    """The port at which a run waits for its workers. Open it in an event loop, and close it when the run ends."""

    def __init__(self, host: str) -> None:
        try:
            self._port = socket.create_server((host, 0), backlog=256)
        except OSError as error:
            raise UsageError(
                f"no port can be opened at {host} for the workers of the cluster: {error.strerror or error}"
            ) from None
        self._port.setblocking(False)
        self.address: tuple[str, int] = self._port.getsockname()[:2]
        self._guests: set[Guest] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._waiting = asyncio.get_running_loop().create_task(self._accept())

    def expect(self) -> Guest:
        """Return a new ticket, and wait for its streams from here on."""
        guest = Guest(secrets.token_hex(_TICKET // 2), {}, asyncio.get_running_loop().create_future())
        self._guests.add(guest)
        return guest

    def forget(self, guest: Guest) -> None:
        """Let a ticket open nothing more."""
        self._guests.discard(guest)

    def close(self) -> None:
        self._waiting.cancel()
        for one in self._opening:
            one.cancel()
        for guest in self._guests:
            guest.close()
        self._guests.clear()
        shut(self._port)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                end, _ = await loop.sock_accept(self._port)
            except OSError:
                # The system has no room for another stream just then, or the caller is gone.
                await asyncio.sleep(0.05)
                continue
            if len(self._opening) >= MOST_STRANGERS:
                end.close()
                continue
            opening = loop.create_task(self._look(end))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)

    async def _look(self, end: socket.socket) -> None:
        end.setblocking(False)
        kept = False
        try:
            async with asyncio.timeout(SECONDS):
                shown = await self._read(end)
            kept = shown is not None and self._let_in(shown, end)
        except (OSError, TimeoutError):
            return
        finally:
            if not kept:
                end.close()

    async def _read(self, end: socket.socket) -> bytes | None:
        loop = asyncio.get_running_loop()
        shown = b""
        wanted = len(MARK) + _TICKET + 1
        while len(shown) < wanted:
            part = await loop.sock_recv(end, wanted - len(shown))
            if not part:
                return None
            shown += part
        return shown

    def _let_in(self, shown: bytes, end: socket.socket) -> bool:
        """Give a stream to the worker whose ticket it has shown. Return False if it has none."""
        stream = shown[-1:]
        found = None
        for guest in self._guests:
            # Each ticket is compared, so the time says nothing.
            if hmac.compare_digest(shown[:-1], MARK + guest.ticket.encode("ascii")):
                found = guest
        if found is None or stream not in STREAMS or stream in found.come:
            return False
        watch(end)
        found.come[stream] = end
        if len(found.come) == len(STREAMS):
            self._guests.discard(found)
            if not found.complete.done():
                found.complete.set_result(None)
        return True


def watch(end: socket.socket) -> None:
    """Let the system notice within some seconds that the other machine is gone, and send small messages at once."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 20_000)):
        option = getattr(socket, name, None)
        if option is not None:
            with suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, option, value)
