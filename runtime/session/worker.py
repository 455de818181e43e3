"""The main program of a worker process: it runs bodies of one run until the driver ends it, or is gone."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from flowrun.dsl import plan as p

from ..account.event_fold import Fold
from ..costs.written_budget import Budget
from ..dispatch.answer_rows import AnswerRows
from ..dispatch.endpoint import identities_of, strands_of, window_of
from ..dispatch.leases import Leases
from ..dispatch.ledger import NoLog
from ..dispatch.read_pool import ReadPool
from ..dispatch.run_clock import RunClock
from ..engine.body_json import launch_of, scope_of
from ..engine.body_terms import BodyScope
from ..engine.placed import Bodies
from ..engine.scopes import NO_WATCHER, Context
from ..externs.externs import opened
from ..files.files import Files
from ..journal.wire import WireError
from ..limits import LimiterMaker
from ..limits.retry import RetryPolicy
from ..providers import open_provider
from ..values.functions import call_function
from ..vocabulary.error_forms import error_json, error_of
from ..vocabulary.errors import DiskError, FlowrunError, UsageError, mistake_in
from ..vocabulary.events import Notice
from ..vocabulary.json_value import Json
from ..workers.event_forms import STRIDE, kinds_named
from ..workers.known_keys import KnownKeys
from ..workers.link import Link
from ..workers.paces import paces_json
from ..workers.questions import LOST, Questions
from ..workers.remote_journal import RemoteJournal, RemoteLog, RowSender
from ..workers.serving import EventRelay, ServingScheduler
from ..workers.shown_calls import ShownCalls
from ..workers.waits import waits_json
from .endpoints import check_endpoints
from .garbage import OF_WORKERS
from .models import Models, models_of
from .parts import Parts, Stop
from .run import note_reads
from .run_rows import RunSettings
from .waits import waits_of
from .workers import digest_of, version_here

_TURN = 500


def main(stream: int, questions: int) -> None:
    """Run the worker over the sockets with these numbers, and end the process."""
    from . import worker_modules  # noqa: F401

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(*OF_WORKERS)
    ends = socket.socket(fileno=stream), socket.socket(fileno=questions)
    for end in ends:
        end.set_inheritable(False)
    asyncio.run(BodyWorker(*ends).run())
    os._exit(0)


class BodyWorker:
    """A worker process. It is quiet: all its news go to the driver."""

    def __init__(self, stream: socket.socket, questions: socket.socket) -> None:
        self._stream = stream
        self._questions = Questions(questions)
        self._hello: asyncio.Future[dict[str, Any]] | None = None
        self._link: Link | None = None
        self._scheduler: ServingScheduler | None = None
        self._journal: RemoteJournal | None = None
        self._log: NoLog = NoLog()
        self._relay: EventRelay | None = None
        self._leases: Leases | None = None
        self._scopes: dict[int, BodyScope] = {}

    async def run(self) -> None:
        self._hello = asyncio.get_running_loop().create_future()
        # A driver that is gone can use nothing more, and each further call would cost.
        self._link = await self.linked(self._stream, self._hear)
        self._link.too_long = self._too_long
        hello = await self._hello
        try:
            self._link.send({"ended": await self._serve(hello)})
        except FlowrunError as error:
            self._link.send({"refused": error_json(error)})
        except Exception as error:  # noqa: BLE001  the driver must hear of it
            self._link.send({"mistake": mistake_in(error)})
        self._link.flush()
        await self._link.drained()

    async def linked(self, stream: socket.socket, hear: Callable[[dict[str, Any]], None]) -> Link:
        """Open the stream of messages. When it ends, the process ends."""
        return await Link.over(stream, hear, lambda: os._exit(LOST))

    def environ(self, hello: dict[str, Any]) -> Mapping[str, str]:
        """Return the environment variables of the run."""
        return os.environ

    def settings(self, hello: dict[str, Any]) -> RunSettings:
        """Return the settings of the run, with the folders of this machine."""
        return _settings(hello["settings"])

    def home(self, hello: dict[str, Any], settings: RunSettings) -> Path:
        """Return the folder in which modules of externs are looked for."""
        assert settings.folder is not None
        return settings.folder

    def reads(self, hello: dict[str, Any], settings: RunSettings, tell: Callable[[str], None]) -> ReadPool:
        """Return what reads the files of the flow."""
        assert settings.folder is not None
        return ReadPool(Files(settings.folder, settings.allow_read), tell)

    def clock(self, hello: dict[str, Any]) -> RunClock:
        """Return the clock of the run."""
        return RunClock.from_zero(hello["zero"])

    def check(self, hello: dict[str, Any], models: Models) -> None:
        """Check what this process found against what the driver has. Raises UsageError."""

    async def _serve(self, hello: dict[str, Any]) -> Json:
        """Run bodies until the driver ends the run. Return the waiting of this process, and its paces."""
        assert self._link is not None
        if hello["version"] != version_here():
            raise UsageError(
                f"it has flowrun {version_here()}, and the run has {hello['version']}: the versions must be the same"
            )
        if digest_of(hello["plan"]) != hello["digest"]:
            raise UsageError("the plan has changed on its way: run it again")
        plan = p.from_json(hello["plan"])
        environ, settings = self.environ(hello), self.settings(hello)
        assert settings.folder is not None
        number: int = hello["hello"]
        fold = Fold() if hello["fold"] else None
        shown = ShownCalls() if hello["shown"] else None
        self._relay = relay = EventRelay(self._link.send, whole=hello["whole"], fold=fold, shown=shown)
        clock = self.clock(hello)

        def tell(line: str) -> None:
            relay(Notice(line, at=clock.now()))

        parts = Parts((), environ, open_provider, RetryPolicy(*hello["policy"]), Stop(), None, learn=hello["learn"])
        with opened(plan, self.home(hello, settings)) as externs, self.reads(hello, settings, tell) as reads:
            link = self._link
            leases = self._leases = Leases(lambda message: link.send({"leases": message}), hello["holders"])

            def leased(endpoint: str) -> LimiterMaker:
                return partial(leases.limiter, endpoint)

            models = models_of(plan, hello["values"], settings, parts, tell, priced=hello["priced"], limiter_at=leased)
            if fold is not None and hello["priced"]:
                fold.summary.account.price = models.prices
            self.check(hello, models)
            await check_endpoints(models.endpoints)
            log = self._log = self._opened_log(hello, models, clock)
            note_reads(log, environ, models, reads)
            bodies = Bodies(
                plan,
                _context(models, log, hello, leases, shown),
                window_of(models.endpoints.values()),
                turn=_TURN,
                first=number * STRIDE,
            )
            self._scheduler = ServingScheduler(
                self._link.send, relay, bodies, models.endpoints, relay, externs.call, log, _nowhere, reads.read
            )
            self._scheduler.share(leases)
            if self._journal is not None:
                self._journal.on_trouble, self._journal.on_mistake = self._scheduler.trouble, self._scheduler.mistake
            # The objects that exist by now live as long as the process: the collector need not look through them again.
            gc.freeze()
            self._link.send({"ready": True})
            try:
                await self._scheduler.serve()
                waits = waits_of(self._scheduler.clock, models.endpoints, models.declared, kept=False)
                return [waits_json(waits), paces_json(models.endpoints.values())]
            finally:
                if self._journal is not None:
                    self._journal.close()
                leases.close()
                await asyncio.gather(*(one.close() for one in models.endpoints.values()), return_exceptions=True)

    def _opened_log(self, hello: dict[str, Any], models: Models, clock: RunClock) -> NoLog:
        run = hello["run"]
        if run is None:
            return NoLog(clock)
        assert self._link is not None
        self._journal = RemoteJournal(RowSender(self._link.send_now), self._questions, run["number"])
        log = RemoteLog(
            self._journal,
            run["id"],
            run["number"],
            {address: one.provider.endpoint for address, one in models.endpoints.items()},
            run["fresh"],
            flow=run["flow"],
            source=run["source"],
            clock=clock,
            models=identities_of(models.endpoints),
        )
        log.rows = AnswerRows(models.prices.cost_of)
        log.known_keys, log.questions = KnownKeys.read(hello["known"]), self._questions
        return log

    def _too_long(self, error: WireError) -> None:
        assert self._link is not None
        self._link.send({"mistake": f"the value of an element is too large: {error}"})

    def _hear(self, message: dict[str, Any]) -> None:
        if "hello" in message:
            assert self._hello is not None
            self._hello.set_result(message)
            return
        for name, found in message.items():
            try:
                self._act(name, found, message)
            except Exception as error:  # noqa: BLE001  a callback raises to nobody
                assert self._link is not None
                self._link.send({"mistake": mistake_in(error)})

    def _act(self, name: str, found: Any, message: dict[str, Any]) -> None:
        scheduler, log = self._scheduler, self._log
        match name:
            case "wrote" if self._journal is not None:
                self._journal.rows.written(found)
            case "unwritten" if self._journal is not None:
                error = DiskError("the journal cannot be written") if message["error"] is None else None
                self._journal.rows.written(found, error or error_of(message["error"]))
            case "leases" if self._leases is not None:
                self._leases.take(found)
            case "full" if self._relay is not None and self._relay.shown is not None:
                self._relay.shown.close()
            case "known" if isinstance(log, RemoteLog):
                log.known_keys.add(bytes.fromhex(key) for key in found)
        if scheduler is None:
            return
        match name:
            case "scope":
                self._scopes[found["number"]] = scope_of(found)
            case "bodies":
                scheduler.take([launch_of(body, self._scopes) for body in found])
            case "cancel":
                scheduler.drop(found, keep=message["keep"])
            case "back":
                assert self._link is not None
                self._link.send({"gave": scheduler.give_back(found)})
            case "stop":
                scheduler.halt()
            case "end":
                scheduler.end()


def _nowhere(value: object) -> None:
    raise AssertionError("a worker got a result that the caller takes")


def _settings(row: dict[str, Any]) -> RunSettings:
    budget = None if row["budget"] is None else Budget(*row["budget"])
    return RunSettings(
        row["model"],
        Path(row["folder"]),
        tuple(map(Path, row["allow_read"])),
        tuple(row["allow_host"]),
        budget,
        row["fresh"],
        of_project=row.get("of_project") is True,
    )


def _context(models: Models, log: NoLog, hello: dict[str, Any], leases: Leases, watcher: ShownCalls | None) -> Context:
    calls, money = hello["budget"]
    context = Context(
        models.declared,
        models.default,
        call_function,
        calls,
        money,
        models.prices,
        known=log.find,
        ask_doubtful=hello["doubtful"],
        now=log.clock.now,
        watcher=watcher or NO_WATCHER,
        unheard=kinds_named(hello["unheard"]),
    )
    ledger = None if calls is None and money is None else leases.budget(calls, money)
    return replace(context, strands=strands_of(models.endpoints), ledger=ledger)
