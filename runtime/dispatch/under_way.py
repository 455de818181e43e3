"""The batches of a run that are under way: out, on their way to the disk, or waiting for another attempt."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ..limits import Place
from .batch import OVER, Batch, Landed, Out, Waiting
from .endpoint import Endpoint


class UnderWay:
    """The batches under way, in the order in which they were sent last."""

    def __init__(self) -> None:
        self._batches: dict[Batch, None] = {}

    def __bool__(self) -> bool:
        return bool(self._batches)

    def send(self, batch: Batch, task: asyncio.Task[None], place: Place) -> None:
        batch.state, self._batches[batch] = Out(task, place), None

    def drop(self, batch: Batch) -> None:
        """Take out a batch that has ended, or that is queued again."""
        self._batches.pop(batch, None)

    def over(self, batch: Batch) -> None:
        batch.state = OVER
        self._batches.pop(batch, None)

    def waiting(self, endpoint: Endpoint) -> list[Batch]:
        """Return the batches that wait for another attempt at this endpoint."""
        return [one for one in self._batches if isinstance(one.state, Waiting) and one.endpoint is endpoint]

    def forget_waiting(self) -> None:
        """End the batches that wait for another attempt."""
        for batch in [one for one in self._batches if isinstance(one.state, Waiting)]:
            batch.end()
            self.drop(batch)

    async def settle(self, seconds: float) -> None:
        """Wait for the batches that continue for the journal, but at most this many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if kept := [one.state.task for one in self._batches if isinstance(one.state, Out) and one.state.kept]:
                    await asyncio.wait(kept)
                if landed := [one.state.written for one in self._batches if isinstance(one.state, Landed)]:
                    await asyncio.wait(landed)

    async def cancel(self) -> None:
        """Cancel all batches. Answers that were given to the journal are written in any case."""
        ends = [one.state.written if isinstance(one.state, Landed) else one.out.task for one in self._batches]
        for one in ends:
            one.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
