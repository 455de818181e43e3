"""An endpoint as requests find it: a model's provider, its limiter, and the end of it all, where there was one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ..limits import Limiter
from ..limits.retry import RetryPolicy
from ..providers.protocol import Provider
from ..vocabulary.errors import CallError


@dataclass(eq=False, slots=True)
class Endpoint:
    """One model. Models of one endpoint share its limiter.

    It is ``up`` once it was ``ready``, and ``closed`` when no request can succeed there any more. ``failed`` is the
    last failure that says something of the server.
    """

    provider: Provider
    limiter: Limiter
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    closed: CallError | None = None
    failed: CallError | None = None
    up: bool = False
    _starting: asyncio.Task[None] | None = None

    async def ready(self) -> bool:
        """Start the provider before its first request; True for the caller who did. Others wait for the same start."""
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
