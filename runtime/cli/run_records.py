"""The choice of a run of the journal, and its record: for the commands that show what a run did."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ..journal.choice import chosen_run
from ..journal.reading import JournalReader
from ..journal.survey import read_runs
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from ..vocabulary.run_record import RunRecord
from .console import complain


def read_records(names: tuple[str, ...], journal: Path) -> list[RunRecord]:
    """Read the records of runs: `last`, an id or the beginning of one. Raises UsageError, DiskError."""
    if not journal.exists():
        raise UsageError(f"there is no journal {shown(str(journal))}: a run makes it, or name one with --journal FILE")
    from ..replay import read_run  # it loads the state machine

    with closing(JournalReader(journal, read_runs)) as reader:
        for note in reader.notes:
            complain(note)
        return [read_run(reader, chosen_run(reader.index, name, journal, command="flowrun show")) for name in names]
