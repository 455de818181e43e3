"""How long tests wait for an event that must come: a guard against hanging, and no measure of speed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 120.0
"""The seconds of the guard. A busy machine takes many times as long as a quiet one."""


def _nothing() -> str:
    return "it never came to that"


def eventually(holds: Callable[[], object], told: Callable[[], str] = _nothing) -> None:
    """Wait until ``holds`` is true. Otherwise fail the test with the text of ``told``."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, told()
        time.sleep(0.01)


async def until(holds: Callable[[], object], told: Callable[[], str] = _nothing) -> None:
    """Wait as `eventually` does, on a loop."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, told()
        await asyncio.sleep(0.01)


async def still(count: Callable[[], int]) -> int:
    """Wait until a count stands still for half a second, and return it."""
    seen = [-1]
    while seen[-1] not in seen[:-1]:
        seen.append(count())
        await asyncio.sleep(0.5)
    return seen[-1]
