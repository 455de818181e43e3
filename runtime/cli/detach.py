"""`--detach`: a run that goes on in a process of its own, without a terminal, once it has begun in the journal.

The process is a fork of the command. Until the run has begun it has the terminal, so all that can be refused is refused
there, and questions are put to the person there.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from flowrun.dsl import FlowError

from ..account.blocks import Blocks
from ..account.progress import lines, state_line
from ..account.summary import Summary
from ..detached.control import Control, listening
from ..detached.log import Log
from ..detached.places import made_folder
from ..detached.records import DetachedRecord, sweep
from ..journal.project import journal_option
from ..vocabulary import events as e
from ..vocabulary.errors import DiskError, FlowrunError, UsageError
from ..vocabulary.partial_listener import TracingListener
from ..vocabulary.quoting import inert
from . import exits
from .console import complain, print_json
from .progress import Teller

_WIDEST, _TALLEST = 300, 60
"""The most columns and lines of a drawing that a command may ask for."""


def detached(work: Callable[[Away], int], journal: Path | None, *, as_json: bool, quiet: bool) -> int:
    """Begin a run in a process of its own, and return 0 when the journal has it.

    ``work`` does it, and returns its exit code. If the run does not begin, that is the exit code of this command. With
    ``quiet`` only the id is printed.

    Raises: UsageError, without a journal.
    """
    if journal is None:
        raise UsageError("--detach keeps the run in its journal: leave out --no-journal")
    if not hasattr(os, "fork"):
        raise UsageError("--detach needs a system with fork, such as Linux or macOS")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    reads, writes = os.pipe()
    process = os.fork()
    if not process:
        # Processes that the run starts while it still has the terminal are in its session, too.
        os.setsid()
        os.close(reads)
        return _working(work, Away(journal, writes))
    os.close(writes)
    run = _begun(reads, process)
    if run is None:
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        return code if code >= 0 else 128 - code
    option = journal_option(journal)
    if as_json:
        print_json({"run": run, "process": process})
    else:
        print(run)
    sys.stdout.flush()
    if quiet:
        return exits.DONE
    told = f"the run goes on without this terminal: `flowrun attach {run}{option}` follows it, and `flowrun stop {run}"
    print(inert(f"{told}{option}` stops it"), file=sys.stderr)
    return exits.DONE


def _begun(reads: int, process: int) -> str | None:
    """Wait until the run has begun, and return its id; None if its process ended before.

    That process is in another session. So ^C, a hang-up and a request to end are passed on to it.
    """

    def passed(number: int, frame: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, number)

    before = {number: signal.signal(number, passed) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with os.fdopen(reads, "rb") as told:
            data = told.read()
        return str(json.loads(data)["run"]) if data else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _working(work: Callable[[Away], int], away: Away) -> int:
    """Do the work in the new process, and keep its exit code."""
    code = exits.MISTAKE
    try:
        code = work(away)
        sys.stdout.flush()
        return code
    except BaseException as error:
        code = code_of(error)
        raise
    finally:
        away.over(code)


def code_of(error: BaseException) -> int:
    """Return the exit code of a command that an error ends."""
    match error:
        case KeyboardInterrupt():
            return exits.INTERRUPTED
        case DiskError() | OSError():
            return exits.DISK
        case FlowrunError():
            return exits.USAGE
        case FlowError():
            return exits.FINDINGS
    return exits.MISTAKE


class Away(TracingListener):
    """A run that leaves its terminal when it has begun. It is the watcher of the run, and answers on its socket."""

    def __init__(self, journal: Path, told: int) -> None:
        self._journal = journal
        self._told = told
        self._run = ""
        self._quiet = False
        self._record: DetachedRecord | None = None
        self._control: Control | None = None
        self._terminal: dict[int, int] = {}
        self._shown = _Shown()

    def prepare(self, *, quiet: bool) -> None:
        """Make what the run needs without a terminal. ``quiet`` keeps all but urgent notices out of its log.

        Raises: UsageError, DiskError.
        """
        self._quiet = quiet
        folder = made_folder(self._journal)
        sweep(folder)
        self._record = DetachedRecord(folder)
        self._control = Control(listening(folder, self._record.name), self._answer, self._tick)
        self._keep_terminal(self._record)

    def _keep_terminal(self, record: DetachedRecord) -> None:
        """Keep the terminal for this process alone. Processes that it starts, such as workers, get the run's files.

        Otherwise they would hold the terminal when the run has left it, and whoever reads its output would wait.
        """
        for number, target in ((1, record.answer), (2, record.log)):
            name = "stdout" if number == 1 else "stderr"
            stream = getattr(sys, name)
            stream.flush()
            kept = os.dup(number)
            os.dup2(target, number)
            self._terminal[kept] = target
            copy = open(kept, "w", 1, encoding=stream.encoding, errors=stream.errors, closefd=False)  # noqa: SIM115
            setattr(sys, name, copy)

    def over(self, code: int) -> None:
        """Keep the exit code. Files of a run that has not begun are removed."""
        if self._control is not None:
            self._control.close()
        if self._record is None:
            return
        if self._told >= 0:
            self._record.forget()
        else:
            self._record.end(code)

    def hears(self, kind: type) -> bool:
        return self._shown.hears(kind)

    def open_trace(self, flow: str) -> str:
        return ""

    def name_trace(self, run: str, places: Mapping[str, str], traces: Sequence[str]) -> None:
        self._run = run

    def __call__(self, event: e.Event) -> None:
        line = self._shown.take(event)
        if line and (not self._quiet or (isinstance(event, e.Notice) and event.urgent)):
            print(inert(line), file=sys.stderr, flush=True)
            if self._told >= 0 and self._record is not None:
                # `flowrun attach` shows the lines that the terminal got.
                self._record.note(inert(line))
        if isinstance(event, e.LimitsSet) and self._told >= 0:
            # The journal has the run, and nothing is sent yet.
            self._leave()

    def __enter__(self) -> Away:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def held(self) -> AbstractContextManager[TextIO]:
        return nullcontext(sys.stderr)

    def _leave(self) -> None:
        """Leave the terminal, and tell the command that began the run."""
        record, control = self._record, self._control
        assert record is not None and control is not None
        try:
            record.begin(self._run)
        except OSError as error:
            complain(f"the run cannot leave its terminal, and is stopped: {error.strerror or error}")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._redirect(record)
        control.start()
        with suppress(OSError):  # the command was killed
            os.write(self._told, json.dumps({"run": self._run}).encode())
        os.close(self._told)
        self._told = -1

    def _redirect(self, record: DetachedRecord) -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        for kept, target in self._terminal.items():
            os.dup2(target, kept, inheritable=False)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        log = Log(record.folder, record.name)
        sys.stderr = io.TextIOWrapper(log, "utf-8", "backslashreplace", write_through=True)
        self._log = log

    def _tick(self) -> None:
        self._log.turn()

    def _answer(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a command. Called in the thread of the socket."""
        match asked:
            case {"ask": "lines", "columns": int(columns), "rows": int(rows)}:
                return {"lines": self._shown.lines(min(max(columns, 1), _WIDEST), min(max(rows, 1), _TALLEST))}
            case {"ask": "line"}:
                return {"line": self._shown.line()}
            case {"ask": "stop", "now": True}:
                self._end_now()
            case {"ask": "stop"}:
                os.kill(os.getpid(), signal.SIGINT)
                return {"stops": True}
        return {"error": "the run does not know this question"}

    def _end_now(self) -> None:
        """End the process as a second ^C does: the journal is safe, so there is no reason to wait."""
        complain("`flowrun stop --now`: the run ends at once; answers that are not there yet may be paid")
        if self._record is not None:
            self._record.end(exits.INTERRUPTED)
        os._exit(exits.INTERRUPTED)


class _Shown:
    """The progress of the run, which is written when a command asks for it."""

    def __init__(self) -> None:
        self._summary, self._blocks, self._teller = Summary(), Blocks(), Teller()
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def hears(self, kind: type) -> bool:
        return self._summary.hears(kind) or self._blocks.hears(kind)

    def take(self, event: e.Event) -> str:
        """Take an event. Return the line that it is worth, mostly ""."""
        with self._lock:
            self._summary(event)
            self._blocks(event)
        return self._teller(event)

    def lines(self, columns: int, rows: int) -> list[str]:
        now = time.monotonic()
        with self._lock:
            for bar in self._blocks.running:
                bar.look(now)
            return lines(self._summary, self._blocks, now - self._began, columns, rows)

    def line(self) -> str:
        with self._lock:
            return state_line(self._summary, time.monotonic() - self._began)
