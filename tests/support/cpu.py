"""The processor's time that work takes: a measure that other programs disturb little."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_STEPS = 1_000_000
_QUIET = 0.01
"""The seconds that the loop takes on a machine with nothing else to do."""


def slowness() -> float:
    """How many times as long as on a quiet machine a loop takes: programs beside it share its caches and its core."""
    began = time.process_time()
    for _ in range(_STEPS):
        pass
    return max(1.0, (time.process_time() - began) / _QUIET)


@contextmanager
def cpu_within(seconds: float) -> Iterator[None]:
    """Fail if a work takes more of the processor's time than so many seconds of a quiet machine."""
    before = slowness()
    began = time.process_time()
    yield
    spent = time.process_time() - began
    slower = max(before, slowness())
    assert spent < seconds * slower, f"{spent:.2f} s, on a machine that is {slower:.1f} times as slow as a quiet one"
