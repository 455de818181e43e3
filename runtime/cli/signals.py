"""Runs that ^C and SIGTERM stop in an orderly way. The first signal stops new calls, the second ends the process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from ..api import Result, Stop
from .console import complain
from .screen import leave

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_stoppable(make: Callable[[Stop], Coroutine[Any, Any, Result]]) -> Result:
    """Run a flow until it ends or is stopped. ``make`` begins the run."""
    return asyncio.run(_stoppable(make))


async def _stoppable(make: Callable[[Stop], Coroutine[Any, Any, Result]]) -> Result:
    loop = asyncio.get_running_loop()
    stop = Stop()

    def heard(number: signal.Signals) -> None:
        if stop.why is None:
            stop(number)
            complain(
                f"{number.name}: flowrun sends no more calls, and waits for the open ones. Send it again to end at once"
            )
            return
        if sys.stderr.isatty():
            leave(sys.stderr)
        # Only a run with an upload has loaded the module.
        uploads = sys.modules.get(f"{__package__.rpartition('.')[0]}.outputs.upload")
        if uploads is not None:
            uploads.give_up_all()
        # The journal is safe, so there is no reason to wait.
        os._exit(128 + number)

    with _heard_by(loop, heard):
        return await make(stop)


@contextmanager
def _heard_by(loop: asyncio.AbstractEventLoop, heard: Callable[[signal.Signals], None]) -> Iterator[None]:
    """Call ``heard`` in the loop at each signal. Loops of Windows know no handlers, so the process has them there."""
    before: dict[signal.Signals, Any] = {}
    by_loop: list[signal.Signals] = []
    try:
        for number in _SIGNALS:
            try:
                loop.add_signal_handler(number, heard, number)
                by_loop.append(number)
            except NotImplementedError:
                before[number] = signal.signal(
                    number, lambda told, frame: loop.call_soon_threadsafe(heard, signal.Signals(told))
                )
        yield
    finally:
        for number in by_loop:
            loop.remove_signal_handler(number)
        for number, handler in before.items():
            signal.signal(number, handler)
