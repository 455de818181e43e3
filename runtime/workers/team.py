"""The worker processes of one run: their start, their streams, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol

from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.waits import Waits
from .event_forms import EventReader
from .paces import Paces
from .process import Started
from .worker_handle import WorkerHandle, answer

_STARTS = 8
"""The workers that may be started in place of dead ones, for each worker of the run."""
Hello = Callable[[int], dict[str, Json]]
"""A function that makes the first message to the worker with this number."""


class TeamListener(Protocol):
    """The part of the driver that hears from the workers of a team."""

    def join(self, worker: WorkerHandle) -> None:
        """Take in a worker, before its first message."""

    def hear(self, worker: WorkerHandle, message: dict[str, Any]) -> None:
        """Take a message of a worker."""

    def answer(self, question: dict[str, Any]) -> dict[str, Json]:
        """Answer a question of a worker."""

    def lose(self, worker: WorkerHandle, end: str) -> None:
        """Take the news that a worker has died. ``end`` says how."""

    def absent(self, worker: WorkerHandle, why: str) -> None:
        """Take the news that a worker has ended before it was ready."""

    def missing(self, why: str) -> None:
        """Take the news that a worker cannot be had."""

    def mistake(self, error: BaseException) -> None:
        """Take an error that ends the run."""


class Team:
    """The workers of one run. ``begin_one`` starts one of them, which loads its modules at once.

    ``ends`` has the waiting, and the paces of endpoints, of each worker that has ended.
    """

    def __init__(self, count: int, begin_one: Callable[[], Started]) -> None:
        self.count = count
        self.workers: dict[int, WorkerHandle] = {}
        self._begin_one = begin_one
        self._started: list[Started] = []
        self._numbers = 0
        self._starts_left = _STARTS * count
        self._head: TeamListener | None = None
        self._hello: Hello | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.ending = False
        self.ends: list[tuple[Waits, Paces]] = []

    def __iter__(self) -> Iterator[WorkerHandle]:
        return iter(tuple(self.workers.values()))

    @property
    def coming(self) -> int:
        """The number of workers that were started and are not there yet."""
        return len(self._started)

    @property
    def busy(self) -> bool:
        """True if a worker may still have something under way."""
        return any(one.ready and not one.idle for one in self)

    def start(self) -> None:
        """Start the processes. Raises UsageError."""
        for _ in range(self.count):
            self._started.append(self._begin_one())

    async def greet(self, head: TeamListener, hello: Hello) -> None:
        """Tell all workers about the run, and wait until they are ready. Raises UsageError if one of them is not."""
        self._waiting = asyncio.get_running_loop().create_future()
        await self._greet_all(head, hello)
        await self._waiting

    def begin(self, head: TeamListener, hello: Hello) -> None:
        """Start the processes, and tell them about the run, which goes on in the meantime."""
        self._spawn(self._begin(head, hello))

    async def _begin(self, head: TeamListener, hello: Hello) -> None:
        self._head = head
        try:
            self.start()
        except UsageError as error:
            head.missing(str(error))
        await self._greet_all(head, hello)

    async def _greet_all(self, head: TeamListener, hello: Hello) -> None:
        self._head, self._hello = head, hello
        for process in [*self._started]:
            await self._join(process)

    def refuse(self, error: BaseException) -> bool:
        """Let ``greet`` raise an error. Return False if it has returned, or has not been called."""
        if self._waiting is None:
            return False
        if self._waiting.done():
            return not self._waiting.cancelled() and self._waiting.exception() is not None
        self._waiting.set_exception(error)
        return True

    def ready(self, worker: WorkerHandle) -> None:
        worker.ready = True
        if self._waiting is not None and not self._waiting.done() and all(one.ready for one in self):
            self._waiting.set_result(None)

    def tell(self, message: dict[str, Json]) -> None:
        """Send a message to all workers."""
        for worker in self:
            worker.send(message)

    async def finish(self, seconds: float) -> None:
        """Let the workers end what is under way for the journal, and end their processes. Wait at most so long."""
        self.ending = True
        # A worker that replaces a dead one and is not ready yet has nothing to end.
        ready = [worker for worker in self if worker.ready]
        for worker in ready:
            worker.send({"end": True})
        ends = [worker.over for worker in ready if worker.ready]
        if ends:
            await asyncio.wait(ends, timeout=seconds)
        writing = [one for worker in self for one in worker.rows.writing]
        if writing:
            await asyncio.wait(writing)
            await asyncio.sleep(0)
        self.close()

    def close(self) -> None:
        """End all worker processes at once."""
        self.ending = True
        for task in self._tasks:
            task.cancel()
        for worker in self:
            if worker.link is not None:
                worker.link.close()
            if worker.answering is not None:
                worker.answering.cancel()
        processes = [*self._started, *(one.process for one in self)]
        for process in processes:
            process.kill()
        for process in processes:
            process.told_end()
        self._started.clear()
        self.workers.clear()

    async def _join(self, process: Started) -> None:
        await process.come()
        self._started.remove(process)
        self._numbers += 1
        worker = WorkerHandle(self._numbers, process, EventReader(self._numbers))
        worker.over = asyncio.get_running_loop().create_future()
        self.workers[worker.number] = worker
        assert self._head is not None and self._hello is not None
        head = self._head
        head.join(worker)
        worker.link = await process.link(lambda message: head.hear(worker, message), lambda: self._lost(worker))
        worker.link.too_long = lambda error: head.mistake(
            UsageError(f"the values of one element are too large for a worker process ({error}): leave out --workers")
        )
        worker.answering = asyncio.get_running_loop().create_task(answer(process.questions, head.answer))
        worker.send(self._hello(worker.number))

    def _lost(self, worker: WorkerHandle) -> None:
        if worker.number not in self.workers:
            return
        if worker.over.done() or self.ending:
            worker.idle = True
            if not worker.over.done():
                worker.over.set_result(None)
            return
        self._spawn(self._bury(worker))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self._head is not None:
            self._head.mistake(error)

    async def _bury(self, worker: WorkerHandle) -> None:
        """Handle the death of a worker, and start another one in its place."""
        end = worker.process.told_end()
        if worker.link is not None and worker.link.fault:
            end = worker.link.fault
        if worker.answering is not None:
            worker.answering.cancel()
        if worker.rows.writing:
            # The rows that came before the death are on their way to the disk.
            await asyncio.wait(tuple(worker.rows.writing))
            await asyncio.sleep(0)
        self.workers.pop(worker.number, None)
        assert self._head is not None
        more = self._may_replace(worker)
        self._starts_left -= more
        if not worker.ready and not more:
            where = worker.process.place
            self._head.absent(worker, worker.refusal or f"a worker process{where} ended before it was ready ({end})")
            return
        if more:
            self._start_another()
        self._head.lose(worker, end)

    def _may_replace(self, worker: WorkerHandle) -> bool:
        """Tell whether another worker shall take the place of a dead one."""
        begins = self._waiting is not None and not self._waiting.done()
        # A worker that cannot begin at all should not delay the news of it for long.
        left = self._starts_left - (_STARTS - 1) * self.count if begins else self._starts_left
        return not self.ending and not worker.halted and not worker.refusal and left > 0

    def _start_another(self) -> None:
        """Start a worker in place of a dead one."""
        assert self._head is not None
        try:
            process = self._begin_one()
        except UsageError as error:
            asyncio.get_running_loop().call_soon(self._head.missing, str(error))
            return
        self._started.append(process)
        self._spawn(self._replace(process))

    async def _replace(self, process: Started) -> None:
        """Take in a worker in place of a dead one, when it comes."""
        assert self._head is not None
        try:
            await self._join(process)
        except UsageError as error:
            self._started.remove(process)
            process.kill()
            self._head.missing(str(error))
