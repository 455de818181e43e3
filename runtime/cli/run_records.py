"""The choice of a run of the journal, and its record: for the commands that show what a run did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ..journal.choice import chosen_run
from ..journal.reading import JournalReader
from ..journal.survey import read_runs
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from ..vocabulary.run_record import RunRecord
from .console import complain

_SHOW = "flowrun show"


def read_records(names: tuple[str, ...], journal: Path, *, command: str = _SHOW) -> list[RunRecord]:
    """Read the records of runs: `last`, an id or the beginning of one.

    ``command`` is what an error tells the user who wrote a path in the place of a run: see ``chosen_run``. Raises
    UsageError, DiskError.
    """
    from ..replay import read_run  # it loads the state machine

    with opened(journal) as reader:
        return [read_run(reader, chosen_run(reader.index, name, journal, command=command)) for name in names]


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
    from ..replay import read_part, read_run

    with opened(journal) as reader:
        run = chosen_run(reader.index, name, journal, command=_SHOW)
        return (None if whole else read_part(reader, run, path)) or read_run(reader, run)
