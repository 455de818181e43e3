"""An endpoint as requests use it: the provider of a model, its limiter, and the error that closed it, if any."""

from __future__ import annotations

import asyncio
from dataclasses import field

from flowrun.dsl import dataclass

from ..limits import Limiter
from ..limits.retry import RetryPolicy
from ..providers.protocol import Provider
from ..vocabulary.errors import CallError


@dataclass(eq=False, slots=True)
class Endpoint:
    """The endpoint of one model. Models at the same endpoint share its limiter.

    ``up`` is True when its provider has started. ``closed`` is the error after which no request can succeed there.
    ``failed`` is the last failure that tells something about the server.
    """

    provider: Provider
    limiter: Limiter
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    closed: CallError | None = None
    failed: CallError | None = None
    up: bool = False
    _starting: asyncio.Task[None] | None = None

    async def ready(self) -> bool:
        """Start the provider before its first request.

        Return True to the first caller; other callers wait for that start.
        """
        first = self._starting is None
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self.provider.start())
        await asyncio.shield(self._starting)
        self.up = True
        return first

    async def close(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        self.limiter.close()
        await self.provider.close()
