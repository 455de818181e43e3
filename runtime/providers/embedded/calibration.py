"""The number of requests that the local model answers at once. It is measured, where there are cores enough.

With few cores, requests side by side only share them, and each takes longer. With more cores the reading of a prompt
leaves some idle, and a second request pays. How many pay depends on the weights, the cores and their memory.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from pathlib import Path

from ...vocabulary.call import Message, Request
from ...vocabulary.errors import CallError
from ..protocol import Progress
from ..records import NoRecords, Record, Records
from .cores import LEAST_CORES

WIDTHS = (1, 2, 4)
LONGEST = 5.0
"""The most seconds that all measurements take together."""
GAIN = 1.2
"""So many times as fast a wider width must be, before it counts: a measurement varies by some percent."""
_TEXTS = (
    "The invoice of the supplier is eleven days late, and nobody has asked why it did not come.",
    "A new colleague begins on Monday and needs a desk, a key and an account for the archive.",
    "The backup of the second server was last tested in spring, by a person who has left since.",
    "The lift stops on the third floor with its doors closed, but only when it rains outside.",
)
_WRITTEN = 8

Ask = Callable[[Request], Awaitable[object]]


async def best_width(ask: Ask, clock: Callable[[], float] = time.monotonic) -> int:
    """Measure how long a few prompts take with each width. Return the widest that paid."""
    begun = clock()
    try:
        async with asyncio.timeout(LONGEST):
            await ask(_request("first", _TEXTS[0]))  # the first request is slower than all later ones
            best, least = 1, await _seconds(ask, 1, clock)
            for width in WIDTHS[1:]:
                # A wider width takes at most the time of the narrower one if it is to pay.
                if clock() - begun + least > LONGEST:
                    break
                seconds = await _seconds(ask, width, clock)
                if seconds * GAIN > least:
                    break
                best, least = width, seconds
    except TimeoutError:
        return 1
    return best


async def _seconds(ask: Ask, width: int, clock: Callable[[], float]) -> float:
    waiting = [_request(f"{width} at once", text) for text in _TEXTS]
    begun = clock()

    async def work() -> None:
        while waiting:
            await ask(waiting.pop())

    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(work())
    return clock() - begun


def _request(label: str, text: str) -> Request:
    """Make a prompt that begins like no other, so that the engine reads it whole."""
    return Request((Message("user", f"{label}, {text} What is to be done?"),), temperature=0, max_tokens=_WRITTEN)


class Width:
    """The number of requests at once for some weights on some cores: that of an earlier run, or 1 until it is measured.

    A number is kept for a week. Nothing is measured with few cores, or if the run learns nothing.
    """

    def __init__(self, records: Records, weights: str, model: str, cores: int) -> None:
        self._record: Record | None = None
        if weights and cores >= LEAST_CORES and not isinstance(records, NoRecords):
            self._record = records.record(f"local://{weights}/{cores}", "", f"{model} at once")
        self.at_once = (min(self._record.most, WIDTHS[-1]) or 1) if self._record is not None else 1

    @property
    def unknown(self) -> bool:
        """True if it is to be measured."""
        return self._record is not None and not self._record.most

    async def measure(self, ask: Ask, progress: Progress) -> None:
        """Measure it, and leave it to later runs. A failure is left to the first call, which tells it."""
        begun, width = time.monotonic(), 0
        try:
            width = await best_width(ask)
        except* (CallError, ConnectionError):
            pass
        if not width or self._record is None:
            return
        self.at_once = self._record.ceiling = self._record.served = width
        many = f"{width} requests" if width > 1 else "one request"
        progress(f"it answers {many} at a time on this machine (measured in {time.monotonic() - begun:.1f} s)")


def identity_of(own: str) -> str:
    """Return a name for a file of the user's own, by its place, size and time of change. "" if there is none."""
    path = Path(own).expanduser().absolute()
    try:
        found = path.stat()
    except OSError:
        return ""
    return blake2b(
        f"{path}\0{found.st_size}\0{found.st_mtime_ns}".encode("utf-8", "replace"), digest_size=8
    ).hexdigest()
