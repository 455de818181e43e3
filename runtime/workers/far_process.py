"""A worker on a node of a cluster, as the team of the run sees it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from ..vocabulary.errors import UsageError
from .far_link import DRIVER_BEATS, FarLink
from .gate import Gate, Guest
from .link import Link, shut

PLACE_SECONDS = 120.0
"""The seconds in which a worker must have been placed and have come."""


class Home(Protocol):
    """The cluster of a worker. ``address`` is "" for one of this machine alone."""

    address: str
    gate: Gate

    def not_placed(self) -> str:
        """Say why a worker may not have come."""

    def kill(self, number: int) -> None:
        """End the worker with this number."""


class FarProcess:
    """A worker that Ray has placed, with the driver's ends of its streams once it has come."""

    def __init__(self, cluster: Home, number: int, guest: Guest) -> None:
        self._cluster = cluster
        self._number = number
        self._guest = guest
        self._peer = ""
        self.why = ""

    @property
    def stream(self) -> socket.socket:
        return self._guest.come[b"m"]

    @property
    def questions(self) -> socket.socket:
        return self._guest.come[b"q"]

    @property
    def files(self) -> socket.socket:
        return self._guest.come[b"f"]

    @property
    def place(self) -> str:
        return f" on the node {self._node}" if self._node else ""

    @property
    def _node(self) -> str:
        """The address of the worker's node, "" for this machine."""
        if not self._cluster.address or b"m" not in self._guest.come:
            return ""
        with suppress(OSError):
            return str(self.stream.getpeername()[0])
        return self._peer

    async def link(self, heard: Callable[[dict[str, Any]], None], lost: Callable[[], None]) -> Link:
        self._peer = self._node
        return await FarLink.across(self.stream, heard, lost, DRIVER_BEATS)

    async def here(self) -> None:
        """Wait until the worker has come, as long as that takes."""
        await asyncio.wait([self._guest.complete])
        if self._guest.complete.cancelled() or self._guest.complete.exception() is not None:
            raise asyncio.CancelledError

    async def come(self) -> None:
        """Wait until the worker has come. Raises UsageError."""
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self._guest.complete
        except TimeoutError:
            raise UsageError(self._cluster.not_placed()) from None
        finally:
            self._cluster.gate.forget(self._guest)

    def refuse(self, why: str) -> None:
        """Take the news that the worker has ended."""
        self.why = why
        if not self._guest.complete.done():
            self._guest.complete.set_exception(UsageError(f"a worker of the cluster cannot begin: {why}"))

    def told_end(self) -> str:
        """End the worker if it still runs, and say how it ended."""
        self.kill()
        for end in self._guest.come.values():
            shut(end)
        return self.why or f"its stream{self.place} ended"

    def kill(self) -> None:
        self._cluster.kill(self._number)
