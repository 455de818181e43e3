"""A stream of messages between the driver and a worker. All messages of one turn of the event loop go in one frame."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..journal.wire import Frames, WireError, framed
from ..vocabulary.json_value import Json

Message = dict[str, Json]


def shut(end: socket.socket) -> None:
    """Close a socket for which the event loop may still wait. Its number may belong to another one at once."""
    with suppress(RuntimeError, ValueError):
        asyncio.get_running_loop().remove_reader(end)
    end.close()


class Link(asyncio.Protocol):
    """An end of a stream. ``heard`` takes each message, ``lost`` is called once when the stream has ended.

    ``too_long`` hears of a message that is too long to be sent.
    """

    def __init__(self, heard: Callable[[dict[str, Any]], None], lost: Callable[[], None]) -> None:
        self._heard = heard
        self._lost = lost
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._given: list[Json] = []
        self._closed = False
        self._room = asyncio.Event()
        self.fault = ""
        """The fault in what came, for which the stream was ended."""
        self.too_long: Callable[[WireError], None] = _ignored

    @classmethod
    async def over(cls, end: socket.socket, heard: Callable[[dict[str, Any]], None], lost: Callable[[], None]) -> Link:
        """Open the link over this end of a pair of sockets."""
        end.setblocking(False)
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(lambda: cls(heard, lost), sock=end)
        return link

    def send(self, message: Message) -> None:
        """Send a message at the end of this turn of the event loop. A closed link drops it."""
        if self._closed:
            return
        if not self._given:
            asyncio.get_running_loop().call_soon(self.flush)
        self._given.append(message)

    def send_now(self, message: Message) -> None:
        """Send a message at once, after what waits. Others wait for it, and this turn of the loop may be long."""
        if not self._closed:
            self._given.append(message)
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        given, self._given = self._given, []
        if given and self._transport is not None and not self._closed:
            self._write(self._transport, given)

    def _write(self, transport: asyncio.Transport, given: list[Json]) -> None:
        """Write messages in one frame, or in several if they are too long for one."""
        try:
            transport.write(framed(given))
        except WireError as error:
            if len(given) == 1:
                self.too_long(error)
                return
            half = len(given) // 2
            self._write(transport, given[:half])
            self._write(transport, given[half:])

    async def drained(self) -> None:
        """Wait until everything has left this process."""
        if self._transport is not None and not self._closed and self._transport.get_write_buffer_size():
            self._transport.set_write_buffer_limits(high=0)
            await self._room.wait()

    def close(self) -> None:
        """Send what waits, and end the stream. ``lost`` is not called."""
        if not self._closed:
            self.flush()
            self._closed = True
            if self._transport is not None:
                self._transport.close()

    # The methods that asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        # Backpressure comes from the few bodies that are out, not from the transport.
        transport.set_write_buffer_limits(high=1 << 30)
        self._transport = transport

    def resume_writing(self) -> None:
        self._room.set()

    def data_received(self, data: bytes) -> None:
        try:
            for frame in self._frames.feed(data):
                if not isinstance(frame, list) or not all(isinstance(message, dict) for message in frame):
                    raise WireError("a frame has no list of messages")
                for message in frame:
                    if self._closed:
                        return
                    self._heard(message)
        except WireError as error:
            self.fault = f"it sent what flowrun does not understand: {error}"
            self._end()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if not self._closed:
            self._closed = True
            self._room.set()
            if self._transport is not None:
                self._transport.abort()
            self._lost()


def _ignored(error: WireError) -> None:
    """Take an error of which nobody wants to hear."""
