"""The worker processes of a run, as the system lists them."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path


def workers_of(parent: int) -> list[int]:
    """Return the process ids of the workers that a process has started, oldest first."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            program = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(status[1]) == parent and b"session.worker" in program and status[0] != "Z":
            found.append(int(entry.name))
    return sorted(found)


async def worker_pids(count: int, parent: int | None = None, seconds: float = 30) -> list[int]:
    """Wait until a process has so many workers, and return their process ids."""
    until = time.monotonic() + seconds
    while len(found := workers_of(os.getpid() if parent is None else parent)) < count:
        assert time.monotonic() < until, f"there are only {len(found)} workers"
        await asyncio.sleep(0.01)
    return found


async def gone(pids: list[int], seconds: float = 10) -> bool:
    """Wait until these processes have ended. Return False if they have not."""
    until = time.monotonic() + seconds
    while any(running(pid) for pid in pids):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.02)
    return True


def running(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
