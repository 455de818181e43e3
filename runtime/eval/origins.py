"""The attempts behind the answers of a run, also of answers that an earlier run paid for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowrun.dsl import dataclass

from ..journal.known_answers import KnownAnswers
from ..journal.reading import JournalReader
from ..replay import call_rows
from ..vocabulary.call_record import AttemptRecord, CallRecord


@dataclass(frozen=True, slots=True)
class Origin:
    """The run that sent a call, by its number in the journal, and the attempts there."""

    run: int
    attempts: tuple[AttemptRecord, ...]

    @property
    def request(self) -> tuple[int, str] | None:
        """The request that brought the answer; calls that it carried together share it."""
        return (self.run, self.attempts[-1].request) if self.attempts else None

    @property
    def times(self) -> tuple[int, int] | None:
        """The beginning of the first attempt and the end of the last, in milliseconds of that run."""
        begins = [one.began for one in self.attempts if one.began is not None]
        ends = [one.ended for one in self.attempts if one.ended is not None]
        return (min(begins), max(ends)) if begins and ends else None


Origins = Mapping[str, Origin]
"""The origin of each call, by its place."""


def origins_of(reader: JournalReader, run: int, calls: Iterable[CallRecord]) -> Origins:
    """Find the attempts at the calls of the run with this number. Raises DiskError."""
    answers: dict[bytes, KnownAnswers] = {}
    return {call.place: _origin(reader, run, call, answers) for call in calls}


def _origin(reader: JournalReader, run: int, call: CallRecord, answers: dict[bytes, KnownAnswers]) -> Origin:
    if not call.from_journal:
        return Origin(run, call.attempts)
    known = answers.get(call.key)
    if known is None:
        known = answers[call.key] = KnownAnswers(run)
        known.add(one for one in reader.index.paid.get(call.key, ()) if one.run != run)
    paid = known.find(call.place, frozenset(), fresh=False)
    if paid is None or paid.run not in reader.index.runs:
        return Origin(run, ())
    found = call_rows(reader, reader.index.runs[paid.run], paid.place)
    return Origin(run, ()) if found is None else Origin(paid.run, found.attempts)
