"""The records of a run and of its calls, read from its journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..account.figures import figures_of
from ..journal.index import Run
from ..journal.lock import holder_of
from ..journal.reading import JournalReader
from ..vocabulary.call_record import CallRecord
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import EndRecord, LossRecord, RunRecord
from .attempts import record_of_rows
from .flow_text import flow_text
from .reading import Costs, RunReading


def read_run(
    reader: JournalReader,
    run: Run,
    *,
    environ: Mapping[str, str] | None = None,
    endpoints: Mapping[str, str] | None = None,
    text: bool = True,
) -> RunRecord:
    """Read the record of a run. A run that still goes on is read as far as it has come.

    ``environ`` has the variables that tell endpoints and prices, for journals without them. ``endpoints`` are the
    endpoints of models whose providers only a function of the caller's opens, by address. ``text`` says whether the
    flow file is looked for. Raises UsageError if the run ended before its first call, DiskError.
    """
    reading = RunReading(reader, run, environ, endpoints)
    calls = tuple(reading.calls())
    notes = [*reading.notes]
    if reading.costs.reckoned:
        notes.append("the journal does not have the costs of all answers: they are reckoned at the prices of today")
    end, outcome = EndRecord(), reading.outcome
    if outcome is not None:
        losses = [LossRecord(one.path, one.reason) for one in outcome.losses]
        losses += [LossRecord(one.path, one.reason, fatal=True) for one in outcome.failures]
        end = EndRecord(outcome.value, reading.finished, outcome.tallies, tuple(losses))
    return RunRecord(
        run.id,
        reading.given.plan,
        run.began,
        run.ended,
        status_of(reader, run),
        calls,
        end,
        tuple(one.record for one in reading.stretches),
        reading.endpoints.records,
        _account(reader, run, reading.costs),
        flow_text(reading.given.plan, run.source) if text else "",
        tuple(notes),
    )


def calls_of(reader: JournalReader, run: Run, *, environ: Mapping[str, str] | None = None) -> Iterator[CallRecord]:
    """Yield the calls of a run one by one, for exports: they need not fit into memory together."""
    yield from RunReading(reader, run, environ).calls()


def find_call(
    reader: JournalReader, run: Run, path: str, *, environ: Mapping[str, str] | None = None
) -> CallRecord | None:
    """Find a call of a run by its path or its place; None if the run has no such call. The replay ends there."""
    return next((one for one in calls_of(reader, run, environ=environ) if path in (one.path, one.place)), None)


def call_rows(reader: JournalReader, run: Run, place: str, *, costs: Costs | None = None) -> CallRecord | None:
    """Read the attempts and answers of the call at a place, without its request. Nothing is replayed."""
    rows = reader.rows_at(run.number, place)
    return record_of_rows(place, rows, costs or (lambda model, read, written: None)) if rows else None


def status_of(reader: JournalReader, run: Run) -> str:
    """Return the status of a run: that of its end, else ``running`` or ``killed``."""
    if run.status is not None:
        return run.status
    holder = holder_of(reader.path)
    # A stretch that began after a process took the journal belongs to that process.
    return "running" if holder is not None and run.stretch > holder.rows else "killed"


def _account(reader: JournalReader, run: Run, costs: Costs) -> Mapping[str, Json]:
    if run.status is not None and isinstance(run.account, dict) and "unbilled" in run.account:
        return run.account
    return figures_of(reader.pasts([run.number])[run.number].account, costs.prices)
