"""The time and the memory that a process takes, on a machine that others use, too.

Time that a process is ready to run, and gets no core, is no property of its program. The kernel counts it (kernel
documentation, "Scheduler Statistics": /proc/PID/schedstat). ``own`` is the time by the clock without it. On a busy
machine the ratios of ``own`` stay what they are, where those by the clock drift towards the ratios of the CPU. On an
idle machine there is next to nothing to take off. ``own`` is right where the process is what everything waits for.
While a process waits for slow answers, a lost core delays nothing: there, ``wall`` is right, the time by the clock.
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


def spent(pid: int) -> float:
    """Seconds of CPU that another process has taken so far, with those of its threads that have ended.

    The number of its clock is made as the C library makes it (`clock_getcpuclockid`), which Python does not offer.
    """
    return time.clock_gettime((~pid << 3) | 2)


def rss() -> float:
    """MiB that this process holds at the moment."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def peak() -> float:
    """MiB that this process has held at the most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Clock:
    """Takes the seconds of this process in a block: by the clock, without the time that it got no core, and of CPU."""

    def __init__(self) -> None:
        self.wall = self.own = self.cpu = 0.0

    def __enter__(self) -> Clock:
        self._began = time.perf_counter(), unserved(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        began, lost, cpu = self._began
        self.wall = time.perf_counter() - began
        self.own = self.wall - (unserved() - lost)
        self.cpu = time.process_time() - cpu

    @property
    def taken(self) -> dict[str, float]:
        return {"wall": self.wall, "own": self.own, "cpu": self.cpu}
