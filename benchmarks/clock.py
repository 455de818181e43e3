"""The time and the memory that a process takes, on a machine that others use, too.

Time that a process is ready to run, and gets no core, is no property of its program. The kernel counts it
(kernel documentation, "Scheduler Statistics": /proc/PID/schedstat), and it is taken off. So a ratio means the same on a
busy machine: it would drift from the ratio of the waiting times towards that of the CPU otherwise. On an idle machine
there is next to nothing to take off.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path


def unserved(pid: int | str = "self") -> float:
    """Seconds that the main thread of a process was ready to run and got no core. 0 where the kernel does not count."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except FileNotFoundError:
        return 0.0


def rss() -> float:
    """MiB that this process holds at the moment."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def peak() -> float:
    """MiB that this process has held at the most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Clock:
    """Takes the seconds of this process in a block: ``wall`` without those for which it got no core, and ``cpu``."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> Clock:
        self._began = time.perf_counter() - unserved(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.wall = time.perf_counter() - unserved() - self._began[0]
        self.cpu = time.process_time() - self._began[1]
