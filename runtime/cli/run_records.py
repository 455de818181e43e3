"""The choice of a run of the journal, and its record: for the commands that show what a run did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..journal.index import Run
from ..journal.reading import JournalReader
from ..journal.survey import read_runs
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from ..vocabulary.run_record import RunRecord
from .console import complain

if TYPE_CHECKING:
    from ..journal.index import Index

LAST = "last"
ReadRun = Callable[[JournalReader, Run], RunRecord]


def read_records(names: tuple[str, ...], journal: Path) -> list[RunRecord]:
    """Read the records of runs: `last`, an id or the beginning of one. Raises UsageError, DiskError."""
    read = _reader()
    with opened(journal) as reader:
        return [read(reader, chosen_run(reader.index, name, journal)) for name in names]


@contextmanager
def opened(journal: Path) -> Iterator[JournalReader]:
    """Open a journal to look at runs. Raises UsageError if there is none, DiskError."""
    if not journal.exists():
        raise UsageError(f"there is no journal {shown(str(journal))}: a run makes it, or name one with --journal FILE")
    with closing(JournalReader(journal, read_runs)) as reader:
        for note in reader.notes:
            complain(note)
        yield reader


def read_calls(name: str, path: str, journal: Path, *, whole: bool = False) -> RunRecord:
    """Read the record of a run as far as a path needs it, or the ``whole`` record. Raises UsageError, DiskError."""
    read: Callable[[JournalReader, Run, str], RunRecord | None] = import_module("..replay", __package__).read_part
    with opened(journal) as reader:
        run = chosen_run(reader.index, name, journal)
        return (None if whole else read(reader, run, path)) or _reader()(reader, run)


def _reader() -> ReadRun:
    """Return the function that makes records. Only commands that need it load the state machine."""
    read: ReadRun = import_module("..replay", __package__).read_run
    return read


def chosen_run(index: Index, name: str, journal: Path) -> Run:
    """Return the run with a name. Raises UsageError if no run or several runs have it."""
    found = index.named(name) if name else []
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(run.id for run in found[:5]) + (", …" if len(found) > 5 else "")
        raise UsageError(
            f"the names of {len(found)} runs begin with {shown(name)}: {listed}; write more letters of the name"
        )
    if not index.runs:
        raise UsageError(f"the journal {shown(str(journal))} has no runs")
    from shlex import quote

    right = shown(f"flowrun show {LAST} {quote(name)}", 300)
    if any(letter in name for letter in ".[#"):
        raise UsageError(f"a path follows the name of a run: write {right} for the last run")
    from flowrun.dsl import did_you_mean

    guess = did_you_mean(name, [LAST, *(run.id for run in index.runs.values())])
    raise UsageError(
        f"{shown(str(journal))} has no run {shown(name)}; {guess or '`flowrun runs` lists its runs'}. "
        f"If it is a step of the last run, write {right}"
    )
