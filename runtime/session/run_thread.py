"""A run in a thread with an event loop of its own, for callers whose event loop already runs, such as a notebook."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from types import FrameType
from typing import Any

from .result import Result
from .run import Stop

Work = Callable[[], Coroutine[Any, Any, Result]]
_PULSE = 0.2
"""The seconds after which a wait looks for signals.

A signal that comes just before the wait, or to another thread, does not end it.
"""


def loop_runs() -> bool:
    """Tell whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_apart(work: Work, stop: Stop) -> Result:
    """Run a coroutine in a thread with an event loop of its own. It sees the caller's context variables.

    The first interrupt (^C) stops the run by ``stop``: it keeps the answers of its requests under way. The second one
    cancels them, and KeyboardInterrupt is raised when they are over.
    """
    return _Apart(work, stop).run()


class _Apart:
    """A run in a thread. ``interrupts`` counts the interrupts of the caller.

    ``inner`` holds the runs for which this run waits, because its listeners or functions began them. An interrupt
    reaches them too. ``gate`` lets the thread begin its work. A signal handler of the caller may raise an error at any
    moment, also while the thread starts, so the work begins only when this thread is ready to stop it.
    """

    def __init__(self, work: Work, stop: Stop) -> None:
        self.work = work
        self.stop = stop
        self.interrupts = 0
        self.inner: list[_Apart] = []
        self.done: Future[Result] = Future()
        self.gate: Future[bool] = Future()
        self._cancel: Callable[[], object] | None = None

    def run(self) -> Result:
        context, outer = copy_context(), _outer.get()
        context.run(_outer.set, self)
        thread = threading.Thread(target=context.run, args=(self._work,), name="flowrun")
        if outer is None:
            return self._ended(thread)
        outer.inner.append(self)
        try:
            return self._ended(thread)
        finally:
            outer.inner.remove(self)

    def _ended(self, thread: threading.Thread) -> Result:
        """Start the thread, pass interrupts on to it, and wait for its end."""
        other: BaseException | None = None
        with _heard(self.interrupted), self._begun(thread):
            while True:
                try:
                    if not self.gate.done():
                        self.gate.set_result(True)
                    while not wait((self.done,), _PULSE).done:
                        pass
                    # The end of the thread is near. Without it, its event loop might outlive this call.
                    while thread.is_alive():
                        thread.join(_PULSE)
                    break
                except KeyboardInterrupt:
                    self.interrupted()
                except BaseException as error:  # noqa: BLE001  a signal handler of the caller may raise anything
                    other = error
                    self.abort()
        if other is not None:
            raise other
        if self.interrupts > 1:
            raise KeyboardInterrupt
        return self.done.result()

    @contextmanager
    def _begun(self, thread: threading.Thread) -> Iterator[None]:
        """Start the thread. When an error leaves the block, the thread stops its work, or never begins it."""
        try:
            thread.start()
            yield
        finally:
            if not self.gate.done():
                self.gate.set_result(False)
            if not self.done.done():
                self.abort()

    def interrupted(self) -> None:
        for one in tuple(self.inner):
            one.interrupted()
        self.interrupts += 1
        if self.interrupts == 1:
            self.stop(signal.SIGINT)
        else:
            self.abort()

    def abort(self) -> None:
        """Cancel everything that is under way."""
        for one in tuple(self.inner):
            one.abort()
        self.interrupts = max(self.interrupts, 2)
        if self._cancel is not None:
            with suppress(RuntimeError):  # the loop is closed, because the run is over
                self._cancel()

    def _work(self) -> None:
        if not self.gate.result():
            return
        try:
            result = asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001  the caller's thread raises it
            self.done.set_exception(error)
        else:
            self.done.set_result(result)

    async def _main(self) -> Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        if self.interrupts > 1:
            raise asyncio.CancelledError
        return await self.work()


_outer: ContextVar[_Apart | None] = ContextVar("outer", default=None)


@contextmanager
def _heard(interrupted: Callable[[], None]) -> Iterator[None]:
    """Call ``interrupted`` at each SIGINT, after the caller's own handler.

    The handler of ``asyncio.run`` raises nothing at the first SIGINT, so an exception alone would not tell.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    own = before

    def handler(number: int, frame: FrameType | None) -> None:
        with suppress(KeyboardInterrupt):
            own(number, frame)
        interrupted()

    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
