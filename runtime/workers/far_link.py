"""The stream between a driver and a worker on another machine. Each end notices when the other one is silent.

A cable that is cut ends no stream. So both ends send a beat each second. A worker that hears nothing ends itself
before the driver gives its limits to others.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from .link import Link

BEAT = 1.0
"""The seconds between two beats."""
WORKER_BEATS = 10
"""The beats without a sign of the driver after which a worker ends."""
DRIVER_BEATS = 20
"""The beats without a sign of a worker after which the driver takes it for dead."""


class FarLink(Link):
    """An end of a stream that is lost after so many beats of silence."""

    def __init__(self, heard: Callable[[dict[str, Any]], None], lost: Callable[[], None], beats: int) -> None:
        super().__init__(heard, lost)
        self._beats = beats
        self._silent = 0
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    async def across(
        cls, end: socket.socket, heard: Callable[[dict[str, Any]], None], lost: Callable[[], None], beats: int
    ) -> FarLink:
        """Open the link over a socket."""
        end.setblocking(False)
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(lambda: cls(heard, lost, beats), sock=end)
        link._beat()
        return link

    def data_received(self, data: bytes) -> None:
        self._silent = 0
        super().data_received(data)

    def close(self) -> None:
        self._rest()
        super().close()

    def connection_lost(self, error: Exception | None) -> None:
        self._rest()
        super().connection_lost(error)

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        # Silence is counted in turns of the loop that looked for data, so a process that was busy is not mistaken.
        self._silent += 1
        if self._silent > self._beats:
            self._end()
            return
        self.send({"beat": True})
        self._timer = asyncio.get_running_loop().call_later(BEAT, self._beat)
