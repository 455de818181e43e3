"""Processes that run side by side: their time, and the private memory of each (`/proc/PID/smaps_rollup`)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Watched:
    """Processes that were measured: seconds in all, CPU seconds, and the most private MiB of each process.

    ``early`` is the most private MiB of all of them together in the first half of the time, ``late`` in the second.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    memory: list[float] = field(default_factory=list)
    early: float = 0.0
    late: float = 0.0


def private(pid: int) -> float:
    """Return the private MiB of a process; 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))) / 1024


def tree(pid: int) -> list[int]:
    """Return a process and all processes that it began."""
    found = [pid]
    for one in found:
        try:
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            continue
        found += [int(child) for child in children if int(child) not in found]
    return found


def watched(commands: Sequence[Sequence[str]], folder: Path, environ: Mapping[str, str]) -> Watched:
    """Run Python processes side by side to their end. Each must end well."""
    found, most, sums = Watched(), dict[int, float](), list[float]()
    began, before = time.perf_counter(), os.times()
    running = [subprocess.Popen([sys.executable, *one], cwd=folder, env=environ) for one in commands]
    while [one for one in running if one.poll() is None]:
        held = {pid: private(pid) for one in running if one.returncode is None for pid in tree(one.pid)}
        most |= {pid: max(size, most.get(pid, 0.0)) for pid, size in held.items()}
        sums.append(sum(held.values()))
        time.sleep(0.1)
    assert not any(one.returncode for one in running)
    after = os.times()
    found.seconds = time.perf_counter() - began
    found.cpu = sum(after[2:4]) - sum(before[2:4])
    found.memory = sorted((size for size in most.values() if size), reverse=True)
    half = len(sums) // 2
    found.early, found.late = max(sums[:half], default=0.0), max(sums[half:], default=0.0)
    return found
