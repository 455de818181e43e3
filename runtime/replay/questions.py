"""The questions of a run to people, as its replay asks them."""

from __future__ import annotations

from collections.abc import Mapping

from ..journal.index import Run
from ..journal.reading import JournalReader
from ..vocabulary.call_record import CallRecord
from ..vocabulary.run_record import RunRecord
from .driver import ReplayedCall
from .reading import RunReading
from .run_records import record_of


class _Questions(RunReading):
    """A reading that keeps the calls that ask a person, by their places."""

    def __init__(self, reader: JournalReader, run: Run, environ: Mapping[str, str] | None) -> None:
        super().__init__(reader, run, environ)
        self.people: dict[str, ReplayedCall] = {}

    def record(self, call: ReplayedCall) -> CallRecord:
        if call.call.question is not None:
            self.people.setdefault(call.call.place, call)
        return super().record(call)


def read_questions(
    reader: JournalReader, run: Run, *, environ: Mapping[str, str] | None = None
) -> tuple[RunRecord, dict[str, ReplayedCall]]:
    """Read the record of a run, and its questions to people by their places. Raises as ``read_run`` does."""
    reading = _Questions(reader, run, environ)
    calls = tuple(reading.calls())
    return record_of(reading, calls, ""), reading.people
