"""A guard of real time, for code that must end: virtual time stands while a state machine goes in circles."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class OutOfTime(BaseException):
    """The code took too long. No handler of errors takes it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Break off what takes longer. Threads beside the main one, and code with an alarm, have no guard."""
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def ring(number: int, frame: Any) -> None:
        raise OutOfTime(f"this did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
