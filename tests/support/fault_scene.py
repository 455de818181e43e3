"""Runs with worker processes, which share a journal or have one each, and what befalls their processes."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from flowrun.runtime.journal.address import JournalAddress, place_of
from flowrun.runtime.journal.lock import holder_of

from .fault_audit import Row, announced, faults_in, rows_of
from .model_server import Served
from .patience import PATIENCE
from .processes import PATIENT, QUICK, Command, DiskAt
from .worker_pids import running, workers_of
from .written import read_journal

CONCURRENCY = 12
FLOW = f"""
model m = "openai:x" with concurrency: {CONCURRENCY}, temperature: 0.5
flow many(items: [text]) {{
  notes = map item in items {{
    kind = repeat 3 {{ ask m "Which kind is {{{{ item }}}}?" -> A | B }} reduce majority
    said = ask m "Say why {{{{ item }}}} is {{{{ kind }}}}."
    {{ kind, said }}
  }} reduce collect
  report = map note in notes {{ ask m "Shorten {{{{ note }}}}" }} reduce by 8 ask m "Merge {{{{ results }}}}"
  return {{ report, notes }}
}}
"""
_BETWEEN = 0.005
_REFUSALS = ("ended before it was ready", "cannot be opened", "terminating connection", "is still active")
"""The words of commands that are refused before anything is spent, because a fault came at their start."""
_FAILURES = ("3 worker processes ended unexpectedly while they ran it", "cannot be written any more: disk I/O error")
"""The words of runs that end with a failure and can be resumed."""
KINDS = ("worker", "worker", "workers", "driver", "writer", "pair", "still", "still-writer", "term", "int")
"""The faults that may come at any moment. A worker's death is the most common one."""


class Fault(NamedTuple):
    """What happens, so many seconds after the one before; ``seconds`` is how long a process stands still."""

    kind: str
    after: float
    seconds: float = 0.0


def drawn(dice: random.Random, count: int, within: float, kinds: Sequence[str] = KINDS) -> list[Fault]:
    """Draw faults, each of them within so many seconds of the one before."""
    return [Fault(dice.choice(kinds), dice.uniform(0, within), dice.uniform(0.1, 1.5)) for _ in range(count)]


@dataclass
class Run:
    """One run through all of its commands: the first one, and a resume after each death."""

    number: int
    command: Command
    commands: list[Command] = field(default_factory=list)
    deaths: int = 0
    over: bool = False

    @property
    def pid(self) -> int:
        with suppress(ValueError):
            return self.command.process.pid or 0
        return 0

    @property
    def workers(self) -> list[int]:
        return workers_of(self.pid) if not self.over else []


@dataclass
class Scene:
    """A server and ``count`` flows with items of their own, each with the output that an undisturbed run has."""

    folder: Path
    served: Served
    count: int = 1
    items: int = 20
    workers: int = 2
    text: str = FLOW
    options: tuple[str, ...] = ()
    expected: list[str] = field(default_factory=list)
    needed: int = 0
    seconds: float = 0.0
    extra: dict[str, str] = field(default_factory=dict)
    others: Mapping[str, object] = field(default_factory=lambda: QUICK | PATIENT)
    """The numbers of the program that are other ones in resumed runs."""

    def __post_init__(self) -> None:
        for one in range(self.count):
            self.folder.joinpath(f"{one}.flow").write_text(self.text)
            self.folder.joinpath(f"{one}.json").write_text(json.dumps([f"thing {one}.{n}" for n in range(self.items)]))

    def learn(self) -> None:
        """Let all flows run undisturbed, and take the time of the slowest."""
        began, first = time.monotonic(), self.served.answers()
        alone = [self.start(one, str(self.folder / f"alone{one}.db"), f"alone{one}") for one in range(self.count)]
        assert [one.end() for one in alone] == [0] * self.count, [one.err for one in alone]
        self.seconds = time.monotonic() - began
        self.expected = [one.out for one in alone]
        self.needed = self.served.answers() - first

    @property
    def environ(self) -> dict[str, str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {"HOME": str(home), "OPENAI_BASE_URL": self.served.url, "PATH": os.environ["PATH"], **self.extra}

    def start(self, one: int, journal: str, name: str, disk: DiskAt | None = None) -> Command:
        words = (str(self.folder / f"{one}.flow"), "--items", str(self.folder / f"{one}.json"), *self.options)
        return self._command((*words, "--journal", journal), name, disk)

    def resume(self, run: str, journal: str, name: str) -> Command:
        return self._command(("resume", run, "--journal", journal), name, None, self.others)

    def _command(
        self, words: Sequence[str], name: str, disk: DiskAt | None, others: Mapping[str, object] = PATIENT
    ) -> Command:
        return Command((*words, "--workers", str(self.workers)), self.folder / name, self.environ, disk, others)


@dataclass
class Torment:
    """Runs on one journal that faults befall, and that are resumed whenever they die."""

    scene: Scene
    name: str
    dice: random.Random
    journal: str = ""
    others: dict[str, Callable[[], None]] = field(default_factory=dict)
    """Faults of other processes than those of flowrun, by their kinds."""
    disk: DiskAt | None = None
    end: int = 0
    """The exit code of a run that has come to its end."""
    runs: list[Run] = field(default_factory=list)
    _theirs: list[int] = field(default_factory=list)
    """The workers of drivers that were killed."""
    kills: int = 0
    happened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = self.journal or str(self.scene.folder / f"{self.name}.db")
        self.first = len(self.scene.served.lines())

    # The runs

    def begin(self) -> None:
        for one in range(self.scene.count):
            command = self.scene.start(one, self.journal, f"{self.name}-{one}", self.disk if one == 0 else None)
            self.runs.append(Run(one, command, [command]))

    def begun(self) -> dict[str, str]:
        """Return the ids of the runs that can be resumed, by the paths of their flows."""
        place = place_of(self.journal)
        if not place.exists():
            return {}
        return {run.source: run.id for run in read_journal(place).runs.values() if run.given}

    def rows(self) -> list[Row]:
        return rows_of(place_of(self.journal))

    def look(self) -> None:
        """Resume the runs that have died, and note those that are done."""
        for run in self.runs:
            if run.over or run.command.process.is_alive():
                continue
            code = run.command.wait()
            assert "Traceback" not in run.command.err, run.command.err
            if code == self.end:
                run.over = True
                continue
            assert self._dies(run.command, code), self.told(f"exit code {code}: {run.command.err}")
            run.deaths += 1
            assert run.deaths < 60, run.command.err
            self._again(run)

    def _dies(self, command: Command, code: int | None) -> bool:
        """Tell whether a command may end in this way: by a signal, before its first call, or with one element alone."""
        if code in (-signal.SIGKILL, 130, 143):
            return True
        before = "flowrun resume" not in command.err and any(one in command.err for one in _REFUSALS)
        return before or any(one in command.err for one in _FAILURES)

    def _again(self, run: Run) -> None:
        name, found = f"{self.name}-{run.number}.{run.deaths}", self.begun()
        source = str(self.scene.folder / f"{run.number}.flow")
        if source in found:
            run.command = self.scene.resume(found[source], self.journal, name)
        else:
            run.command = self.scene.start(run.number, self.journal, name)
        run.commands.append(run.command)

    def told(self, what: str) -> str:
        return f"{what}\nafter {', '.join(self.happened)}"

    # The faults

    def befall(self, faults: Sequence[Fault]) -> None:
        """Let faults come one after another, and go on with the runs in between."""
        for fault in faults:
            until = time.monotonic() + fault.after
            while time.monotonic() < until:
                self.look()
                time.sleep(_BETWEEN)
            if all(run.over for run in self.runs):
                return
            self._strike(fault)

    def _strike(self, fault: Fault) -> None:
        live = [run for run in self.runs if not run.over and run.command.process.is_alive()]
        if not live:
            return
        run = self.dice.choice(live)
        self.happened.append(f"{fault.kind} +{fault.after:.2f}")
        match fault.kind:
            case "worker" | "workers":
                pids = run.workers
                self._kill(pids if fault.kind == "workers" else pids and [self.dice.choice(pids)])
            case "driver" | "writer":
                one = self._writer(live) if fault.kind == "writer" else run
                self._end(one or run, signal.SIGKILL)
            case "pair":
                other = self.dice.choice(live)
                self._kill(other.workers[:1])
                self._end(run, signal.SIGKILL)
            case "still" | "still-writer":
                pids = run.workers if fault.kind == "still" else [(self._writer(live) or run).pid]
                self._still(pids, fault.seconds)
            case "term" | "int" if run.command.begun:
                self._end(run, signal.SIGTERM if fault.kind == "term" else signal.SIGINT)
            case other if other in self.others:
                self.others[other]()
                self.kills += 1

    def _writer(self, live: Sequence[Run]) -> Run | None:
        place = place_of(self.journal)
        holder = None if isinstance(place, JournalAddress) else holder_of(place)
        return next((run for run in live if holder is not None and run.pid == holder.process), None)

    def _kill(self, pids: Sequence[int]) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.kills += 1

    def _still(self, pids: Sequence[int], seconds: float) -> None:
        """Let one of these processes stand still for some seconds."""
        if not pids:
            return
        pid = self.dice.choice(pids)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(pid, signal.SIGCONT)

    def _end(self, run: Run, how: signal.Signals) -> None:
        """End a driver. Its workers end with it."""
        self._theirs += run.workers
        with suppress(ProcessLookupError):
            os.kill(run.pid, how)
            self.kills += 1

    # The end

    def finish(self) -> None:
        """Wait for the ends of all runs, and compare the journal and the outputs with the server's log."""
        until = time.monotonic() + PATIENCE
        while not all(run.over for run in self.runs):
            self.look()
            if time.monotonic() > until:
                self.stop()
                raise AssertionError(self.told(f"a run does not end: {[run.command.err for run in self.runs]}"))
            time.sleep(_BETWEEN)
        # On a busy machine a worker takes its time to load the modules, and notices then that its driver is gone.
        while left := [pid for pid in self._theirs if running(pid)]:
            assert time.monotonic() < until, self.told(f"workers {left} outlive their driver")
            time.sleep(_BETWEEN)
        if whole := self.end == 0:
            for run in self.runs:
                assert run.command.out == self.scene.expected[run.number], self.told("another result")
        found = faults_in(self.rows(), self.log(), self.announced(), whole=whole)
        assert found == [], self.told("\n".join(found[:20]))

    def log(self) -> list[dict[str, Any]]:
        """The lines of the server's log since the beginning."""
        return self.scene.served.lines(self.first)

    def announced(self) -> int:
        return sum(announced(command.err) for run in self.runs for command in run.commands)

    def stop(self) -> None:
        """Kill all runs."""
        for run in self.runs:
            with suppress(ValueError):
                run.command.kill()
