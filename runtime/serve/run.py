"""A run of a server, and those of its runs that have ended."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from flowrun.dsl import dataclass

from ..session.parts import Stop
from ..vocabulary.json_value import Json
from .progress import Progress
from .tools import Tool

KEPT = 1000
"""The ended runs that a server remembers."""
KEPT_BYTES = 64 * 2**20
"""The most bytes of their results."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of a run. ``value`` counts if it is ``complete``.

    ``status`` is that of the result, ``refused`` if nothing was sent, or ``mistake`` for a fault of flowrun. ``why`` is
    what the caller should know, "" if nothing is missing. ``report`` is the run as JSON.
    """

    status: str
    complete: bool
    value: Json
    why: str
    report: bytes


class Run:
    """A run of a server. ``id`` is its name in the journal; without a journal it is one of the server's own.

    ``key`` is the caller's own name for it, "" for none, and ``digest`` that of the request. ``detached`` says that it
    goes on when nobody waits for it any more.
    """

    def __init__(self, tool: Tool, key: str = "", digest: str = "", *, detached: bool = False) -> None:
        self.tool = tool
        self.key = key
        self.digest = digest
        self.detached = detached
        self.stop = Stop()
        self.end: End | None = None
        self.over = asyncio.Event()
        self.named = asyncio.Event()
        self.progress = Progress(tool.calls, self.named.set)
        self._own = secrets.token_hex(8)
        self._waiting = 0

    @property
    def id(self) -> str:
        return self.progress.run or self._own

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Count a caller who waits. A run that is not detached is stopped when the last of them leaves."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting and not self.detached:
                self.stop()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end. Return False if the run still goes on after some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self.over.wait()
        except TimeoutError:
            return False
        return True


class EndedRuns:
    """The last runs that have ended, by their name, as long as there is room for them."""

    def __init__(self, most: int = KEPT, most_bytes: int = KEPT_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._runs: dict[str, Run] = {}
        self._bytes = 0

    def find(self, name: str) -> Run | None:
        return self._runs.get(name)

    def keep(self, run: Run) -> list[Run]:
        """Keep a run. Return those for which there is no room any more."""
        self._runs[run.id] = run
        self._bytes += _size(run)
        gone = []
        while self._runs and (len(self._runs) > self._most or self._bytes > self._most_bytes):
            gone.append(self._runs.pop(next(iter(self._runs))))
            self._bytes -= _size(gone[-1])
        return gone


def _size(run: Run) -> int:
    return 0 if run.end is None else len(run.end.report)
