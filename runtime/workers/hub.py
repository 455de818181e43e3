"""The driver's side of the workers: the bodies that are out, and the messages of those who run them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from flowrun.dsl import dataclass

from ..dispatch.leases import LeaseDesk, Leases
from ..dispatch.ledger import NoLog, RunLog
from ..engine.body_json import launch_json, scope_json
from ..engine.body_terms import CancelBody, LaunchBody
from ..engine.decisions import BodyOver, Failure
from ..engine.elsewhere import PREPARED
from ..vocabulary import events as e
from ..vocabulary.errors import FlowrunError, InDoubtError, RefusedError, UsageError
from ..vocabulary.json_value import Json
from .beginning import Driver, WaitingBodies
from .body_queue import BodyQueue
from .budget_ends import BudgetEnds
from .message_contents import read, well_formed
from .notices import News, lost_line
from .process import Started
from .rows import RowRelay
from .team import Hello, Team
from .worker_handle import WorkerHandle

DEATHS = 3
"""A body whose workers died so often is not run again."""


@dataclass(eq=False, slots=True)
class _Body:
    """A body that is out, with the number of workers that died while they had it."""

    launch: LaunchBody
    deaths: int = 0


class Hub:
    """The bodies of one run that run in worker processes. ``start`` starts one of these.

    ``desk`` leases the limits of the run to the workers, and ``leases`` are those of the driver itself. ``greet`` tells
    the processes about the run, and returns when all of them are ready. With ``early`` it returns at once: the driver
    runs bodies itself until a worker is ready, and a run that needs no worker starts none.
    """

    def __init__(self, count: int, start: Callable[[], Started], desk: LeaseDesk, leases: Leases) -> None:
        self.team = Team(count, start)
        self.leases = leases
        self._desk = desk
        self._log = NoLog()
        self._publish = News(lambda event: None)
        self._driver: Driver | None = None
        self._rows: RowRelay | None = None
        self.queue = BodyQueue(1)
        self._bodies: dict[int, _Body] = {}
        self._ends = BudgetEnds(self._end, self._sending, lambda: self.queue.out)
        self._stopping = self._dealing = False

    async def greet(self, log: NoLog, news: News, hello: Hello, *, early: bool = False) -> None:
        """Begin the run at all workers. Raises UsageError if one of them cannot begin, unless this is ``early``."""
        self._log, self._publish = log, news
        if isinstance(log, RunLog):
            self._rows = RowRelay(log, self.mistake)
        if early:
            self.queue.beginning = WaitingBodies(self._taken, lambda: self.team.begin(self, hello))
        else:
            await self.team.greet(self, hello)

    def listen(self, driver: Driver, window: int) -> None:
        """Take the scheduler of the run. At first ``window`` bodies may be open at each worker."""
        self._driver = driver
        self.room(window)

    @property
    def busy(self) -> bool:
        """True if a worker may still have something under way."""
        return self.team.busy

    @property
    def out(self) -> bool:
        """True if bodies are out."""
        return bool(self._bodies)

    def launch(self, body: LaunchBody) -> None:
        self._bodies[body.number] = _Body(body)
        if self._rows is not None:
            self._rows.begin(body.path)
        together = body.scope.patient and body.scope.step in self.queue.together
        self.queue.enter(body.number, group=body.scope.number if together else None)
        self._deal_soon()

    def cancel(self, cancel: CancelBody) -> None:
        if self._forget(cancel.number) is None:
            return
        if self._ends.drop(cancel.number):
            self._deliver(BodyOver(cancel.number))
            return
        worker = self.queue.over(cancel.number)
        if worker in self.team.workers:
            self.team.workers[worker].send({"cancel": cancel.number, "keep": cancel.keep})
        else:
            self._deliver(BodyOver(cancel.number))

    def room(self, window: int) -> None:
        """Let each worker have so many bodies open at once. A few more wait there for their turn."""
        self.queue.room = window + PREPARED
        self._deal_soon()

    def stop(self) -> None:
        """Begin nothing more at any worker."""
        self._stopping = True
        for worker in self.team:
            worker.halted = True
            worker.send({"stop": True})
            if worker.link is not None:
                worker.link.flush()

    def _deal_soon(self) -> None:
        if not self._dealing:
            self._dealing = True
            asyncio.get_running_loop().call_soon(self._deal)

    def _deal(self) -> None:
        self._dealing = False
        if self._stopping or self.team.ending:
            return
        if self.queue.beginning is not None and self._driver is not None:
            self.queue.beginning.deal(self._driver, lambda: bool(self.queue.waiting))
            return
        for number, chunk in self.queue.deal():
            worker = self.team.workers[number]
            launches = [self._bodies[one].launch for one in chunk]
            for launch in launches:
                if launch.scope.number not in worker.scopes:
                    worker.scopes.add(launch.scope.number)
                    worker.send({"scope": scope_json(launch.scope)})
            worker.send({"bodies": [*map(launch_json, launches)]})
        if (stolen := self.queue.steal()) is not None:
            self.team.workers[stolen[0]].send({"back": stolen[1]})

    def _taken(self, most: int) -> list[int]:
        """Take bodies that wait, to run them here."""
        return [number for number in self.queue.take(most) if self._forget(number) is not None]

    def free(self) -> None:
        """Take the news that the driver may have room for more bodies."""
        if self.queue.beginning is not None:
            self._deal_soon()

    def _forget(self, number: int) -> _Body | None:
        """Forget a body that is over, with its rows. Return None if it is forgotten already."""
        body = self._bodies.pop(number, None)
        if body is not None and self._rows is not None:
            self._rows.over(body.launch.path)
        return body

    def _deliver(self, over: BodyOver) -> None:
        if self._driver is not None:
            self._driver.over(over)

    def _refuse(self, launch: LaunchBody, error: FlowrunError) -> None:
        self._forget(launch.number)
        self.queue.over(launch.number)
        self._deliver(BodyOver(launch.number, failure=Failure(launch.path, str(error), error)))

    # News of the workers

    def join(self, worker: WorkerHandle) -> None:
        self._desk.join(worker.number, lambda message: worker.send({"leases": message}))

    def hear(self, worker: WorkerHandle, message: dict[str, Any]) -> None:
        """Take a message. Raises WireError if no worker of flowrun's has sent it."""
        for name, content in message.items():
            found = read(worker, name, content)
            match name:
                case "rows":
                    if self._rows is not None:
                        self._rows.write(worker, found, message.get("records", ()))
                case "leases":
                    with well_formed():
                        self._desk.take(worker.number, found)
                case "events" | "figures":
                    for event in found:
                        self._publish(event)
                    if self._publish.fills():
                        self.team.tell({"full": True})
                case "ends":
                    self._publish.ended(found)
                case "over":
                    for over in found:
                        self._over(over)
                    if len(self._ends) == len(self._bodies):
                        self._ends.release()
                case "gave":
                    self.queue.given_back(worker.number, found)
                    self._deal_soon()
                case "room":
                    if self._driver is not None:
                        self._driver.widen(found)
                case "idle" | "ended":
                    worker.idle = True
                    if name == "ended":
                        self.team.ends.append(found)
                        worker.over.set_result(None)
                    self._rest()
                case "ready":
                    if self._rows is not None and self._rows.lost:
                        worker.send({"known": [key.hex() for key in self._rows.lost]})
                    self.queue.join(worker.number)
                    self.team.ready(worker)
                    self._deal_soon()
                case "refused":
                    worker.refusal = f"a worker process{worker.process.place} cannot begin: {found}"
                    self.team.refuse(UsageError(worker.refusal))
                case "mistake":
                    self.mistake(RuntimeError(f"in a worker process: {found}"))

    def mistake(self, error: BaseException) -> None:
        if not self.team.refuse(error) and self._driver is not None:
            self._driver.mistake(error)

    @property
    def _deserted(self) -> bool:
        return self.queue.beginning is None and not self.team.workers and not self.team.coming

    def absent(self, worker: WorkerHandle, why: str) -> None:
        self._desk.gone(worker.number)
        if self._deserted:
            self.mistake(UsageError(why))
        elif not self.team.refuse(UsageError(why)):
            self.missing(why)

    def missing(self, why: str) -> None:
        self._publish(e.Notice(f"{why}; the run goes on without it", urgent=True, at=self._log.clock.now()))
        if self._deserted and not self._stopping:
            self._refuse_all(f"the worker processes have ended, and no other one comes: {why}")

    def answer(self, question: dict[str, Any]) -> dict[str, Json]:
        return {} if self._rows is None else self._rows.answer(question)

    def _rest(self) -> None:
        if self._stopping and not self.busy and self._driver is not None:
            self._driver.rested()

    def _over(self, over: BodyOver) -> None:
        self.queue.over(over.number)
        if over.number not in self._bodies or not self._ends.holds(over):
            self._end(over)

    def _sending(self) -> bool:
        """Tell whether a request of the run is under way anywhere."""
        return any(worker.events.busy for worker in self.team) or (self._driver is not None and self._driver.sending)

    def _end(self, over: BodyOver) -> None:
        self._forget(over.number)
        self._deliver(over)
        self._deal_soon()

    def lose(self, worker: WorkerHandle, end: str) -> None:
        """Give the bodies of a dead worker to others. Its attempts are in doubt."""
        numbers = self.queue.leave(worker.number)
        at = self._log.clock.now()
        open_ = worker.events.broken_off(at)
        for event in open_:
            self._publish(event)
        bodies = [self._bodies[number] for number in numbers if number in self._bodies]
        doubts = sum(one.calls for one in open_)
        if self._rows is None:
            self._desk.gone(worker.number)
        else:
            keys, attempts = self._rows.lose(one.launch.path for one in bodies)
            self._desk.gone(worker.number, worker.rows.sent, self._rows.slowest)
            doubts = len(attempts)
            self.team.tell({"known": [key.hex() for key in keys]})
        self._publish(e.Notice(lost_line(worker.number, end, doubts, len(bodies)), urgent=True, at=at))
        for body in bodies:
            self._again(body, end)
        if self._stopping or self.team.ending:
            self._rest()
        elif self._deserted:
            self._refuse_all("the worker processes kept ending, and flowrun starts no more")
        self._deal_soon()

    def _refuse_all(self, why: str) -> None:
        for body in [*self._bodies.values()]:
            self._refuse(body.launch, RefusedError(why))

    def _again(self, body: _Body, end: str) -> None:
        """Queue a body again, unless too many workers have died with it."""
        body.deaths += 1
        if body.deaths >= DEATHS:
            said = f"{DEATHS} worker processes ended unexpectedly while they ran it (the last: {end})"
            self._refuse(body.launch, InDoubtError(said))
        elif not self._stopping:
            self.queue.enter(body.launch.number, suspect=body.deaths == DEATHS - 1)
