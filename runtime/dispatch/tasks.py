"""The tasks of a run's externs and reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

Key = tuple[str, int]
"""The kind of the work and its number."""


class Tasks:
    """The tasks under way. ``mistake`` is called with an exception that ended a task, ``over`` at each end."""

    def __init__(self, mistake: Callable[[BaseException], None], over: Callable[[], None] = lambda: None) -> None:
        self._mistake = mistake
        self._ended = over
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._closed = False

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def start(self, key: Key, work: Coroutine[Any, Any, None]) -> None:
        """Start a task, unless the tasks are closed."""
        if self._closed:
            work.close()
            return
        task = self._tasks[key] = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(partial(self._over, key))

    def cancel(self, key: Key) -> None:
        """Cancel a task. A task that is missing has ended.

        The current task is not cancelled, because it led to this decision.
        """
        task = self._tasks.get(key)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def cancel_all(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    def close(self) -> None:
        """Cancel all tasks, and start nothing more."""
        self._closed = True
        self.cancel_all()

    async def settle(self) -> None:
        """Wait for the ends of all tasks."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _over(self, key: Key, task: asyncio.Task[None]) -> None:
        del self._tasks[key]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._mistake(error)
        self._ended()
