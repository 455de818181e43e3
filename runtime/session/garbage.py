"""The pace of Python's garbage collector during runs."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

Thresholds = tuple[int, int, int]
GARBAGE: Thresholds = (10_000, 20, 10)
"""The thresholds of the collector during a run. A run has many objects, most of them in use, so it need run rarely.

With much higher numbers the collector would look through a million objects at once when the host program's
thresholds return, and that stops the event loop.
"""
OF_WORKERS: Thresholds = (30_000, 10, 10)
"""The thresholds in a worker, which is a process of its own, and ends with its run."""


class Collector:
    """Python's collector, whose thresholds all runs of this process share.

    The first run raises the thresholds, and the last one restores those of the host program. A collector that is off,
    or has a higher threshold already, stays as it is. So does one whose thresholds the host program changes during a
    run: its last choice counts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs = 0
        self._before: Thresholds | None = None
        self._raised: Thresholds | None = None

    @contextmanager
    def rarely(self) -> Iterator[None]:
        """Let the collector run rarely until this run is over."""
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                self._raise()
        try:
            yield
        finally:
            with self._lock:
                self._runs -= 1
                if self._runs == 0:
                    self._restore()

    def _raise(self) -> None:
        found = gc.get_threshold()
        # A threshold of 0 means that the collector never runs by itself.
        if gc.isenabled() and 0 < found[0] < GARBAGE[0]:
            first, second, third = (max(pair) for pair in zip(found, GARBAGE, strict=True))
            self._before, self._raised = found, (first, second, third)
            gc.set_threshold(*self._raised)

    def _restore(self) -> None:
        if self._before is not None and gc.get_threshold() == self._raised:
            gc.set_threshold(*self._before)
        self._before = self._raised = None

    def forget_runs(self) -> None:
        """Restore the thresholds in a forked process, where the runs of its parent do not end."""
        self._lock = threading.Lock()
        self._runs = 0
        self._restore()


COLLECTOR = Collector()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=COLLECTOR.forget_runs)
