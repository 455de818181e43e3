"""The state of a run for the commands that follow it or stop it: as its detached process tells, or else its journal."""

from __future__ import annotations

import os
import time
from enum import StrEnum
from pathlib import Path

from flowrun.dsl import dataclass

from ..detached.places import folder_of
from ..detached.records import Detached, find, sweep
from ..journal.choice import chosen_run
from ..journal.index import Run
from ..journal.opening import live_in
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from .run_records import opened


class State(StrEnum):
    LIVES = "lives"
    """Its process runs without a terminal."""
    ENDED = "ended"
    """Its process has ended, and its record has the exit code."""
    KILLED = "killed"
    ELSEWHERE = "elsewhere"
    """The run goes on at a terminal, and has no socket."""
    IN_JOURNAL = "in the journal"
    """The run has ended, and only the journal tells how."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run of a journal. ``detached`` is its last detached part, if that is the last part of the run.

    ``seconds`` is the time that it took to find the run.
    """

    run: Run
    state: State
    journal: Path
    detached: Detached | None = None
    seconds: float = 0.0

    @property
    def folder(self) -> Path:
        return folder_of(self.journal)


def find_run(name: str, journal: Path) -> Found:
    """Find a run and its state. Raises UsageError (no such run, or a run of another machine), DiskError."""
    looked = time.monotonic()
    with opened(journal) as reader:
        run = chosen_run(reader.index, name, journal)
        body = reader.body(run.stretch)
        began = float(body["began"]) if isinstance(body, dict) else run.began
    running = run.status is None and bool(live_in(journal, [run.number]))
    sweep(folder_of(journal))
    # The journal says that a part begins, and then its record does. A later part at a terminal has no record.
    record = find(folder_of(journal), run.id)
    if record is not None and not record.lives and record.began < began:
        record = None
    if record is not None and not record.lives and record.code is None and record.host != os.uname().nodename:
        raise UsageError(
            f"the run {run.id} was detached on the machine {shown(record.host)}, and only that machine knows whether "
            "it lives: write the command there"
        )
    return Found(run, _state(run, record, running=running), journal, record, time.monotonic() - looked)


def _state(run: Run, record: Detached | None, *, running: bool) -> State:
    if record is not None and record.lives:
        return State.LIVES
    if record is not None and record.code is not None:
        return State.ENDED
    if run.status is not None:
        return State.IN_JOURNAL
    return State.ELSEWHERE if record is None and running else State.KILLED
