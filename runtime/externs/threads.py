"""A pool of a few threads. A thread that never returns is left behind and does not keep the program from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any


class Raised(Exception):
    """The wrapper of an exception that a function raised. It tells such exceptions from exceptions around the call."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


Queue = SimpleQueue[Callable[[], None] | None]
"""The queue of work of one thread; None ends the thread."""


class Threads:
    """A pool of at most ``most`` daemon threads at once. Threads that were given up do not count."""

    def __init__(self, most: int, name: str = "flowrun-extern") -> None:
        self.name = name
        self._places = asyncio.Semaphore(most)
        self._idle: list[Queue] = []
        self._closed = False

    async def run(self, call: Callable[[], Any]) -> Any:
        """Run a call in a thread, and return its value. Raises Raised, which holds the exception of the call."""
        async with self._places:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
            try:
                queue = self._idle.pop() if self._idle else _started(self.name)
            except RuntimeError as refused:
                # The system has no more threads to give.
                raise Raised(refused) from None
            queue.put(partial(_work, call, loop, done))
            try:
                value, error = await done
            except asyncio.CancelledError:
                queue.put(None)
                raise
            if self._closed:
                queue.put(None)
            else:
                self._idle.append(queue)
        if error is not None:
            raise Raised(error)
        return value

    def close(self) -> None:
        self._closed = True
        for queue in self._idle:
            queue.put(None)
        self._idle.clear()


def _started(name: str) -> Queue:
    queue: Queue = SimpleQueue()
    threading.Thread(target=_serve, args=(queue,), name=name, daemon=True).start()
    return queue


def _serve(queue: Queue) -> None:
    while (work := queue.get()) is not None:
        work()


def _work(
    call: Callable[[], Any],
    loop: asyncio.AbstractEventLoop,
    done: asyncio.Future[tuple[Any, BaseException | None]],
) -> None:
    outcome: tuple[Any, BaseException | None]
    try:
        outcome = call(), None
    except BaseException as error:  # noqa: BLE001 (whatever it is, the thread goes on and the flow is told)
        outcome = None, error

    def tell() -> None:
        if not done.done():
            done.set_result(outcome)

    # The run may have ended in the meantime. Then nobody waits for the result.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(tell)
