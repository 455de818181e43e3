"""The command `flowrun` in processes of its own, which start fast and may be killed at any moment."""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Literal

import pytest

from .patience import PATIENCE

_LOADED = [
    "aiohttp",
    "flowrun.dsl",
    "flowrun.runtime.cli.run",
    "flowrun.runtime.cli.resume",
    "flowrun.runtime.api",
    "support.warm",
]


QUICK = {"flowrun.runtime.session.lingering.LINGER": 0.5}
"""The requests of a killed process keep their places for half a second, and not for 30."""
PATIENT = {"flowrun.runtime.journal.taking._PATIENCE": 20.0}
"""A process waits longer for one that has just taken the lock of the journal: a busy machine lets that wait."""


@functools.cache
def _context() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    with pytest.MonkeyPatch.context() as patch:
        # The server looks for `support` here; the commands get an environment of their own.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        ensure_running()
    return context


@dataclass(frozen=True)
class DiskAt:
    """A fault at the ``commit``th commit of the journal's writer, counted from 1.

    ``before`` and ``behind``: the process is killed before the commit is made, or after it. ``fails``: this commit and
    all later ones raise. ``slow``: each of them takes a tenth of a second.
    """

    commit: int
    what: Literal["before", "behind", "fails", "slow"]


@dataclass
class Command:
    """``flowrun ARGUMENTS`` as a process; ``environ`` is its whole environment.

    ``others``: the numbers of the program that are other ones in this process, by their modules and names.
    """

    arguments: Sequence[str]
    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    disk: DiskAt | None = None
    others: Mapping[str, object] = field(default_factory=dict)
    process: ForkServerProcess = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        given = (list(self.arguments), str(self.folder), dict(self.environ), self.disk, dict(self.others))
        self.process = _context().Process(target=_main, args=given)
        self.process.start()

    def kill(self) -> None:
        self.process.kill()

    def send(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    @property
    def begun(self) -> bool:
        """True if the process does the work of the command, and is no longer a bare fork."""
        return (self.folder / "err").exists()

    def wait(self, seconds: float = PATIENCE) -> int | None:
        """Wait for the exit code, negative for a signal; return None if the process still runs after ``seconds``."""
        self.process.join(seconds)
        code = self.process.exitcode
        if code is not None:
            self.process.close()
        return code

    def end(self) -> int:
        """Wait for the process to end. If it does not, kill it and fail the test."""
        code = self.wait()
        if code is None:
            self.kill()
            self.process.join()
            raise AssertionError(f"flowrun {' '.join(self.arguments)} did not end:\n{self.err}")
        return code

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        path = self.folder / "err"
        # A process that is killed in its first moment has not made the file.
        return path.read_text(encoding="utf-8") if path.exists() else ""


def _main(
    arguments: list[str], folder: str, environ: dict[str, str], disk: DiskAt | None, others: dict[str, object]
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    for number, name in ((1, "out"), (2, "err")):
        target = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(target, number)
        os.close(target)
    if disk is not None:
        _have_disk(disk)
    for place, value in others.items():
        module, _, name = place.rpartition(".")
        holder = importlib.import_module(module)
        assert hasattr(holder, name)
        setattr(holder, name, value)
    from flowrun.runtime.cli import main

    sys.argv = ["flowrun", *arguments]
    main()


def _have_disk(at: DiskAt) -> None:
    from flowrun.runtime.journal.store import Journal

    commits = 0

    class Disk(sqlite3.Connection):
        def commit(self) -> None:
            nonlocal commits
            commits += 1
            if commits == at.commit and at.what == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if commits >= at.commit and at.what == "fails":
                raise sqlite3.OperationalError("disk I/O error")
            if commits >= at.commit and at.what == "slow":
                time.sleep(0.1)
            super().commit()
            if commits == at.commit and at.what == "behind":
                os.kill(os.getpid(), signal.SIGKILL)

    Journal.open = functools.partial(Journal.open, connect=functools.partial(sqlite3.connect, factory=Disk))  # type: ignore[method-assign]
