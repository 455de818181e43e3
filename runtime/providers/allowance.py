"""A limit on the memory that the bodies of all answers in a process take together."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

STEP = 1024 * 1024
"""The bytes of one step: a body takes one step at a time, after a first step that is free for every body."""


class MemoryPool:
    """A stock of ``total`` bytes for all bodies, given out in steps. A body waits while no step is left.

    Bodies that hold some steps and wait for more could wait for each other for ever. So the first body that finds no
    step left is read to its end without a limit. After it the next waiting body is. The event loops of several threads
    share one allowance.
    """

    def __init__(self, total: int) -> None:
        self._steps = total // STEP
        self._lock = threading.Lock()
        self._beyond: Lease | None = None
        self._waiting: deque[tuple[Lease, asyncio.Future[None]]] = deque()

    def lease(self) -> Lease:
        return Lease(self)

    async def take(self, lease: Lease) -> None:
        """Give the lease another step. Wait until a step is free."""
        with self._lock:
            if self._gives(lease):
                return
            told = asyncio.get_running_loop().create_future()
            entry = lease, told
            self._waiting.append(entry)
        try:
            await told
        except asyncio.CancelledError:
            with self._lock:
                # A step that was granted already goes back with the rest of the lease.
                if entry in self._waiting:
                    self._waiting.remove(entry)
            raise

    def give_back(self, lease: Lease) -> None:
        with self._lock:
            self._steps, lease.steps = self._steps + lease.steps, 0
            if self._beyond is lease:
                self._beyond = None
            lease.boundless = False
            while self._waiting and self._gives(self._waiting[0][0]):
                _, told = self._waiting.popleft()
                told.get_loop().call_soon_threadsafe(_tell, told)

    def _gives(self, lease: Lease) -> bool:
        if self._steps:
            self._steps -= 1
            lease.steps += 1
        elif self._beyond is None:
            self._beyond, lease.boundless = lease, True
        else:
            return False
        return True


class Lease:
    """The part of an allowance that one body holds. A ``boundless`` lease has no limit: its body is read to its end."""

    __slots__ = ("_allowance", "boundless", "steps")

    def __init__(self, allowance: MemoryPool) -> None:
        self._allowance = allowance
        self.steps = 0
        self.boundless = False

    async def hold(self, size: int) -> None:
        """Wait until a body of this size may be in memory."""
        while not self.boundless and size > (self.steps + 1) * STEP:
            await self._allowance.take(self)

    def end(self) -> None:
        if self.steps or self.boundless:
            self._allowance.give_back(self)


def _tell(told: asyncio.Future[None]) -> None:
    if not told.done():
        told.set_result(None)
