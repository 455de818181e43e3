"""The runs of a server: many in one process, with one journal, one set of limits and one budget."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from flowrun.dsl import dataclass

from ..api import run_typed
from ..costs.written_budget import Budget
from ..journal.address import place_of
from ..journal.opening import open_journal
from ..limits.shared import Limiters
from ..session.listeners import Listeners
from ..session.option_readers import functions
from ..session.options import RunOptions
from ..session.parts import Parts, Stop
from ..session.result import Result
from ..vocabulary.errors import FlowrunError, UsageError, mistake_in
from .inputs import Inputs
from .run import End, EndedRuns, Run
from .server_budget import ServerBudget, SpentError
from .tools import Tool

SWEPT = 100
"""The ended runs after which Python's collector looks for what they left. By itself it would wait very long."""


class BusyError(FlowrunError):
    """The server has as many runs as it takes at the same time."""


class ClosingError(FlowrunError):
    """The server takes no more runs, because it ends."""


class Words(Protocol):
    """The words of the command for the end of a run."""

    def report(self, result: Result) -> dict[str, Any]:
        """Return the run as `--json` prints it."""

    def why(self, result: Result, journal: Path | None) -> str:
        """Return why a run has no value or lacks a part of it, and the way on. "" if nothing is missing."""


@dataclass(frozen=True, kw_only=True)
class ServedOptions(RunOptions):
    """The options of the runs of a server, which share the limiters of their endpoints."""

    limiters: Limiters

    def parts(self, listeners: Listeners, remarks: Any = ()) -> Parts:
        return replace(super().parts(listeners, remarks), limiter_at=self.limiters.limiter_at)


class Runs:
    """The runs of a server. ``options`` are those of all of them, ``most`` may go on at the same time.

    ``tell`` prints a line for the user of the server.
    """

    def __init__(
        self,
        options: ServedOptions,
        inputs: Inputs,
        purse: ServerBudget,
        words: Words,
        most: int,
        tell: Callable[[str], None],
    ) -> None:
        self.purse = purse
        self.most = most
        self.closing = False
        self._options = options
        self._inputs = inputs
        self._words = words
        self._heard = functions(options.on_event, "on_event")
        self._tell = tell
        self._going: dict[Run, asyncio.Task[None]] = {}
        self._ended = EndedRuns()
        self._keys: dict[str, Run] = {}
        self._since = 0

    @property
    def journal(self) -> Path | None:
        return None if self._options.journal is None else place_of(self._options.journal)

    @property
    def going(self) -> int:
        """The number of runs that go on."""
        return len(self._going)

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the journal open until the end, so that no run reads it from its beginning. Raises DiskError."""
        with nullcontext() if self.journal is None else closing(open_journal(self.journal)):
            yield

    def find(self, name: str) -> Run | None:
        """Find a run that goes on, or one of the last that ended."""
        return self._ended.find(name) or next((run for run in self._going if run.id == name), None)

    def begun_with(self, key: str) -> Run | None:
        """Find the run that a caller has begun with a key of its own."""
        return self._keys.get(key)

    async def begin(
        self, tool: Tool, given: Mapping[str, Any], *, key: str = "", digest: str = "", detached: bool = False
    ) -> Run:
        """Begin a run. Raises BusyError, ClosingError, SpentError, InputError."""
        if self.closing:
            raise ClosingError("the server ends, and takes no more runs")
        if len(self._going) >= self.most:
            raise BusyError(f"{self.most:,} runs go on already, and that is the most: try again later")
        budget = self.purse.take(tool.budget)
        run = Run(tool, key, digest, detached=detached)
        # The run counts from here on, because the reading of documents takes time.
        self._going[run] = asyncio.create_task(self._run(run, given, budget))
        if key:
            self._keys[key] = run
        self._look_at(tool)
        return run

    def stop(self) -> None:
        """Stop all runs: they send nothing more, and keep the answers of the requests under way."""
        for run in self._going:
            run.stop()

    async def ended(self) -> None:
        """Wait until no run goes on."""
        while self._going:
            await asyncio.wait(self._going.values())

    async def _run(self, run: Run, given: Mapping[str, Any], budget: Budget | None) -> None:
        result = None
        try:
            result = await self._result(run, given, budget)
            run.end = self._end(run, result)
        except FlowrunError as error:
            status = "refused" if isinstance(error, UsageError) else "disk"
            run.end = _failed(run, status, str(error))
        except Exception as error:  # noqa: BLE001  one run never ends the server
            self._tell(f"this is a bug in flowrun: {mistake_in(error)}")
            run.end = _failed(run, "mistake", f"this is a bug in flowrun: {mistake_in(error)}")
        finally:
            self._settle(run, budget, result)
            self._keep(run)

    def _settle(self, run: Run, budget: Budget | None, result: Result | None) -> None:
        if result is not None:
            sent = sum(use.sent - use.refused for use in result.summary.whole.models.values())
            self.purse.settle(budget, sent, result.spent)
        elif run.progress.calls and budget is not None:
            # The run broke off, and nobody knows what its last requests cost.
            self.purse.settle(budget, max(run.progress.calls, budget.calls or 0), budget.money or 0.0)
        else:
            self.purse.settle(budget, run.progress.calls, 0.0)

    async def _result(self, run: Run, given: Mapping[str, Any], budget: Budget | None) -> Result:
        remarks: list[str] = []
        values = await self._inputs.read(run.tool.plan, given, remarks)
        options = replace(self._options, stop=run.stop, budget=budget, on_event=(run.progress, *self._heard))
        return await run_typed(run.tool.plan, values, options, remarks)

    def _end(self, run: Run, result: Result) -> End:
        report = {"flow": run.tool.name, **self._words.report(result)}
        text = json.dumps(report, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
        why = self._words.why(result, self.journal)
        return End(result.status, result.outcome.complete, result.value, why, text)

    def _keep(self, run: Run) -> None:
        """Remember a run that has ended, as long as there is room."""
        del self._going[run]
        # The switch knows the whole run.
        run.stop = Stop()
        if run.end is None or not run.end.complete:
            # The same request may be made again: it takes the answers that are in the journal.
            self._keys.pop(run.key, None)
        for gone in self._ended.keep(run):
            if self._keys.get(gone.key) is gone:
                del self._keys[gone.key]
        run.named.set()
        run.over.set()
        self._since += 1
        if self._since >= SWEPT:
            self._since = 0
            # Later, because the end of this run still holds its state.
            asyncio.get_running_loop().call_later(0.1, gc.collect)

    def _look_at(self, tool: Tool) -> None:
        """Tell once of a flow whose file has changed. The server goes on with the flow that it has checked."""
        if tool.told_of_change():
            self._tell(
                f"the file of the flow `{tool.name}` has changed: the server goes on with the flow that it has read; "
                "start it again to serve the change"
            )


def _failed(run: Run, status: str, why: str) -> End:
    report = {"flow": run.tool.name, "status": status, "run": run.progress.run or None, "value": None, "error": why}
    return End(status, False, None, why, json.dumps(report, ensure_ascii=False).encode("utf-8", "backslashreplace"))


__all__ = ["BusyError", "ClosingError", "End", "Run", "Runs", "ServedOptions", "SpentError", "Words"]
