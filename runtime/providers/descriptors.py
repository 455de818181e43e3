"""The file descriptors of this process: each connection takes one, and so does each open file."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections import deque
from collections.abc import Mapping
from math import inf
from typing import Protocol

NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})
_LEAST_SPARE, _MOST_SPARE = 16, 64
# macOS calls its hard limit endless, and takes only these.
_LARGE = (1 << 20, 10_240)
_SECONDS = 1.0
"""The time from a lack of descriptors until they are counted again."""


class Pool(Protocol):
    """The connections to one address, as far as their descriptors matter."""

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a connection."""

    def close_free(self) -> None:
        """Close the connections that no request uses."""


class Descriptors:
    """Places for requests: as many as the process may have connections, with some descriptors left for files.

    If the places run out, the process's soft limit is raised to the hard one, once. It is never lowered. After that, a
    request waits for a place. Its deadline does not run yet.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, pools: Mapping[object, Pool]) -> None:
        self._loop = loop
        self._pools = pools
        self._taken = 0
        self._most = max(1, soft_limit() - _files(0))
        self._raised = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._recount: asyncio.TimerHandle | None = None
        self._lacked = -inf
        self._told = False

    def told(self) -> str:
        """Return words for the user about requests that wait for a place. "" after the first time."""
        if self._told:
            return ""
        self._told = True
        most = f"at most {self._most:,} calls run at once" if self._most > 1 else "calls run one at a time"
        return f"{most}, because this process may have only {soft_limit():,} open files (ulimit -n)"

    @property
    def lack(self) -> bool:
        """True if the process had no descriptor left a moment ago."""
        return self._loop.time() - self._lacked < _SECONDS

    def take(self) -> bool:
        """Take a place if one is free, and tell so."""
        if self._taken >= self._most and not self._grows():
            return False
        self._taken += 1
        return True

    async def wait(self) -> None:
        """Take a place as soon as one is free."""
        place = self._loop.create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        self._taken -= 1
        self._admit()

    def lacking(self) -> None:
        """Lower the number of places to that of the connections in use, for a while: no descriptor is left."""
        if self._grows():
            return
        self._lacked = self._loop.time()
        for pool in self._pools.values():
            pool.close_free()
        self._most = max(1, self._connected())
        if self._recount is None:
            self._recount = self._loop.call_later(_SECONDS, self._counted)

    def close(self) -> None:
        if self._recount is not None:
            self._recount.cancel()
            self._recount = None

    def _admit(self) -> None:
        while self._waiting and self._taken < self._most:
            place = self._waiting.popleft()
            if not place.done():
                self._taken += 1
                place.set_result(None)

    def _connected(self) -> int:
        return self._taken - sum(pool.waiting for pool in self._pools.values())

    def _grows(self) -> bool:
        """Raise the limit of the process, once. Tell whether this made more places."""
        if self._raised:
            return False
        self._raised = True
        before, limit = soft_limit(), raised_limit()
        self._most = max(self._most, limit - _files(self._connected())) if limit > before else self._most
        return limit > before and self._taken < self._most

    def _counted(self) -> None:
        self._recount = None
        self._most = max(1, self._most, soft_limit() - _files(self._connected()))
        self._admit()


def raised_limit() -> int:
    """Raise the soft limit of descriptors to the hard one, as far as the system takes it. Return the soft limit."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    for wanted in (hard,) if hard != endless else (endless, *_LARGE):
        if soft == endless or (wanted != endless and wanted <= soft):
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            continue  # a sandbox or the kernel has a limit of its own
        break
    return soft_limit()


def exhausted(error: BaseException) -> bool:
    """Tell whether a connection failed because this process or this machine had no descriptor left."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, OSError) and cause.errno in NONE_LEFT:
        return True
    if not isinstance(error, OSError):
        return False
    # A resolver that could open no socket does not say why.
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as lack:
        return lack.errno in NONE_LEFT
    return False


def soft_limit() -> int:
    """Return the most descriptors that this process may have."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _files(connections: int) -> int:
    """Return the number of descriptors that are needed for other things than ``connections``."""
    spare = min(_MOST_SPARE, max(_LEAST_SPARE, soft_limit() // 8))
    try:
        return len(os.listdir("/dev/fd")) - connections + spare
    except OSError:
        return 2 * spare
