"""The records of a run and of its calls, read from its journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..account.figures import figures_of
from ..journal.attempts import RunRow
from ..journal.index import Run
from ..journal.opening import live_in
from ..journal.reading import JournalReader
from ..journal.records import Kind
from ..vocabulary.call_path import parse_path
from ..vocabulary.call_record import CallRecord
from ..vocabulary.json_value import Json
from ..vocabulary.run_record import EndRecord, LossRecord, RunRecord
from .attempts import record_of_rows
from .excerpt import Excerpt, excerpt_of
from .flow_text import flow_text
from .outside import outside_of
from .reading import Costs, RunReading
from .run_beginning import RunBeginning, read_beginning
from .stretches import OF_CALLS

if TYPE_CHECKING:
    from ..engine.decisions import Outcome
    from ..vocabulary.cascade_tally import CascadeCount

NEAR = 12_000
"""A replay of so many rows of a run takes less than a second. A run with more is large."""
PART = 12_000
"""The most rows of a part of a large run."""


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
    return record_of(reading, tuple(reading.calls()), flow_text(reading.given.plan, run.source) if text else "")


def read_part(
    reader: JournalReader,
    run: Run,
    path: str,
    *,
    environ: Mapping[str, str] | None = None,
    endpoints: Mapping[str, str] | None = None,
) -> RunRecord | None:
    """Read the calls of a large run at a path and below it. The record has no other calls, no value and no account.

    Only the elements on the path, and the steps that they need, are replayed. If these have very many rows, the calls
    have no requests. None if the run is small, if the path needs the whole run, or if nothing is there: read the whole
    run then. Raises UsageError for a text that is no path, DiskError.
    """
    where = parse_path(path)
    if reader.last_row(run.number) - run.number <= NEAR:
        return None
    given = read_beginning(reader, run)
    excerpt = excerpt_of(given.plan, given.inputs, where)
    if excerpt is None:
        return None
    rows = reader.rows_under(run.number, excerpt.needed, PART)
    if rows is None:
        rows = reader.rows_under(run.number, (excerpt.wanted,), PART)
        return None if rows is None else _bare(run, given, excerpt, rows, environ)
    mine = [row for row in rows if not row.place or excerpt.needs(row.place)]
    if any(row.kind == Kind.RESUMED for row in mine) and reader.has_elsewhere(run.number, mine):
        # Calls of one question may take one another's answers after a resume. Only the whole run tells which did.
        return None
    reading = RunReading(reader, run, environ, endpoints, excerpt=excerpt, rows=mine, given=given)
    calls = tuple(reading.calls())
    return record_of(reading, calls, "", whole=False) if calls and not reading.unsure else None


def _bare(
    run: Run, given: RunBeginning, excerpt: Excerpt, rows: Iterable[RunRow], environ: Mapping[str, str] | None
) -> RunRecord | None:
    """Make the record of calls from their rows alone; None if there are none."""
    by_place: dict[str, list[RunRow]] = {}
    for row in rows:
        known = row.kind in OF_CALLS or (row.kind == Kind.FAILED and row.place in by_place)
        if known and excerpt.holds(row.place):
            by_place.setdefault(row.place, []).append(row)
    costs = Costs(given.plan, environ)
    calls = tuple(record_of_rows(place, own, costs) for place, own in by_place.items())
    note = "the prompts are left out, because they need most of this large run; --whole replays all of it for them"
    record = RunRecord(run.id, given.plan, run.began, run.ended, run.status or "", calls, notes=(note,))
    return record if calls else None


def record_of(reading: RunReading, calls: tuple[CallRecord, ...], text: str, *, whole: bool = True) -> RunRecord:
    reader, run = reading.reader, reading.run
    notes = [*reading.notes]
    if reading.costs.reckoned:
        notes.append("the journal does not have the costs of all answers: they are reckoned at the prices of today")
    notes += () if reading.finished else _lost_answers(run, calls)
    outside = outside_of(reader, run)
    end, outcome = EndRecord(outside=outside), reading.outcome
    if outcome is not None:
        losses = [LossRecord(one.path, one.reason) for one in outcome.losses]
        losses += [LossRecord(one.path, one.reason, fatal=True) for one in outcome.failures]
        cascades, left = _cascades(outcome, reader, run, reading.costs)
        end = EndRecord(outcome.value, reading.finished, outcome.tallies, tuple(losses), outside, cascades, left)
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
        _account(reader, run, reading.costs) if whole else {},
        text,
        tuple(notes),
    )


def _cascades(
    outcome: Outcome, reader: JournalReader, run: Run, costs: Costs
) -> tuple[tuple[CascadeCount, ...], frozenset[str]]:
    """Return the sums of the cascades, and the votes that they overruled."""
    if not outcome.cascades:
        return (), frozenset()
    from ..account.cascades import cascade_counts  # few runs have cascades
    from ..vocabulary.stage_votes import overruled

    cost = costs.prices.usual(reader.past(run.number).account)
    return cascade_counts(outcome.cascades, cost), overruled(outcome.tallies, outcome.cascades)


def _lost_answers(run: Run, calls: Iterable[CallRecord]) -> Iterator[str]:
    """Remark on the calls of a run with a value that have neither an attempt nor an answer."""
    lost = sum(call.state == "unsent" and not call.reason for call in calls)
    if lost and run.status in ("done", "partial"):
        yield (
            f"the journal lacks answers that this run took from another run ({lost:,} of them are needed here): "
            "that run was removed, or it is in another journal"
        )


def calls_of(
    reader: JournalReader,
    run: Run,
    *,
    environ: Mapping[str, str] | None = None,
    endpoints: Mapping[str, str] | None = None,
) -> Iterator[CallRecord]:
    """Yield the calls of a run one by one, for exports. The rows of the run are in memory; its records are not."""
    yield from RunReading(reader, run, environ, endpoints).calls()


def find_call(
    reader: JournalReader,
    run: Run,
    path: str,
    *,
    environ: Mapping[str, str] | None = None,
    endpoints: Mapping[str, str] | None = None,
    whole: bool = False,
) -> CallRecord | None:
    """Find a call of a run by its path or its place; None if the run has no such call.

    Of a run with more than ``NEAR`` rows, only the part that the call needs is replayed. If that part is as large, the
    record has no request, unless the caller asks for the ``whole`` replay.
    """
    part = None if whole else read_part(reader, run, path, environ=environ, endpoints=endpoints)
    if part is not None:
        return next((one for one in part.calls if path in (one.path, one.place)), None)
    rows = reader.rows_at(run.number, path)
    last = rows[-1].number if rows else reader.last_row(run.number)
    if whole or last - run.number <= NEAR:
        calls = RunReading(reader, run, environ, endpoints, last).calls()
        found = next((one for one in calls if path in (one.path, one.place)), None)
        if found is not None:
            return found
    return record_of_rows(path, rows, Costs(read_beginning(reader, run).plan, environ)) if rows else None


def call_rows(reader: JournalReader, run: Run, place: str) -> CallRecord | None:
    """Read the attempts and answers of the call at a place, without its request. Nothing is replayed.

    A cost is None if the journal does not have it.
    """
    rows = reader.rows_at(run.number, place)
    return record_of_rows(place, rows, lambda model, usage: None) if rows else None


def status_of(reader: JournalReader, run: Run) -> str:
    """Return the status of a run: that of its end, else ``running`` or ``killed``."""
    if run.status is not None:
        return run.status
    return "running" if live_in(reader.path, [run.number]) else "killed"


def _account(reader: JournalReader, run: Run, costs: Costs) -> Mapping[str, Json]:
    if run.status is not None and isinstance(run.account, dict) and "unbilled" in run.account:
        return run.account
    return figures_of(reader.pasts([run.number])[run.number].account, costs.prices)
