"""The worker processes of a run, as the system lists them."""

from __future__ import annotations

import os
from pathlib import Path

from .patience import until


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


async def worker_pids(count: int, parent: int | None = None) -> list[int]:
    """Wait until a process has so many workers, and return their process ids."""
    found: list[int] = []

    def enough() -> bool:
        found[:] = workers_of(os.getpid() if parent is None else parent)
        return len(found) >= count

    await until(enough, lambda: f"there are only {len(found)} workers")
    return found


async def gone(pids: list[int]) -> None:
    """Wait until these processes have ended."""
    await until(lambda: not any(running(pid) for pid in pids), lambda: f"one of {pids} goes on")


def running(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
