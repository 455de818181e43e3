"""The runs of a journal. This module begins a run or resumes one, and collects the notices for the user before that."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowrun.dsl import plan as p

from ..costs.written_budget import Budget
from ..dispatch.ledger import NoLog, RunLog
from ..dispatch.run_clock import RunClock
from ..journal.given_files import Kept, kept_apart, marks_of, reopened
from ..journal.index import OpenAttempt, Run
from ..journal.records import JUST_BEGUN, Kind, LogRecord, content
from ..journal.store import Journal
from ..vocabulary.amounts import count_text, limit_text
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.tariff import stores_of
from ..vocabulary.usage import Price
from .images import unchanged_images
from .run_rows import RunSettings, budget_row, models_row, settings_row

if TYPE_CHECKING:
    from ..dispatch.submission_book import SubmissionBook

NO_NAMES: Mapping[str, str] = {}
_AROUND = 4096
"""More tokens than a provider puts around a prompt."""


def taken_up(journal: Journal, name: str) -> tuple[p.Plan, dict[str, Json], RunSettings, int]:
    """Read the plan, inputs and settings of a run, and its number. Raises UsageError, DiskError."""
    from ..journal.choice import chosen_run

    run = chosen_run(journal.index, name, journal.path)
    if not run.given:
        raise UsageError(f"the run {run.id} ended before its first call: run its flow again")
    from ..journal.recorded_beginning import recorded_beginning

    given = recorded_beginning(journal, run)
    try:
        plan = p.from_json(given.plan_text)
        kept = given.settings
        budget = Budget(*kept["budget"]) if kept["budget"] else None
        places = tuple(Path(place) for place in kept["allow_read"])
        hosts = tuple(str(host) for host in kept["allow_host"])
        reads = tuple(Path(place) for place in kept.get("reads", ()))
        folder, fresh = Path(kept["folder"]), bool(kept["fresh"])
        of_project = kept.get("of_project") is True
        from ..inputs.cuts import taken_of

        settings = RunSettings(
            str(kept["model"]),
            folder,
            places,
            hosts,
            budget,
            fresh,
            reads=reads,
            of_project=of_project,
            batch=kept.get("batch") is True,
            taken=taken_of(kept),
        )
        return plan, unchanged_images(plan, reopened(plan, given.inputs, given.files)), settings, run.number
    except (KeyError, TypeError, ValueError) as error:
        raise DiskError(f"row {run.given} of the journal does not have a valid run ({error})") from None


def notices(
    journal: Journal | None,
    log: NoLog,
    price: Callable[[str], Price | None],
    again: bool,
    book: SubmissionBook | None = None,
) -> Iterator[str]:
    """Tell the user about the journal and its calls in doubt, before anything is sent.

    ``again``: calls in doubt are sent again. ``book`` has the lines of batch APIs, which are not in doubt if their
    answers can be read.
    """
    if journal is None or not isinstance(log, RunLog):
        return
    yield from journal.notes
    doubts = journal.index.doubts()
    if book is not None:
        doubts, held = without_lines(doubts, book)
        if held:
            yield f"{count_text(held, 'call')} of earlier runs can be read at a batch API, if this run needs them"
    own = journal.index.runs.get(log.run)
    if own is not None:
        if own.number in doubts:
            then = "is asked again" if again else "fails"
            yield f"{_in_doubt(journal, own, doubts[own.number], price)}; each of them that this run still needs {then}"
        return
    if not doubts:
        # A journal may have very many runs.
        return
    untold: list[Run] = []
    for run in journal.index.runs.values():
        if (run.flow, run.source) != (log.flow, log.source):
            continue
        if run.status is not None:
            # The run that is resumed has told about the calls in doubt before it.
            untold.clear()
        if run.number in doubts:
            untold.append(run)
    for run in untold:
        from ..journal.project import resume_command

        yield (
            f"{_in_doubt(journal, run, doubts[run.number], price)}; this run makes those calls again if it needs "
            f"them (to resume the other run, write `{resume_command(run.id, journal.path)}`)"
        )


def without_lines(
    doubts: dict[int, list[OpenAttempt]], book: SubmissionBook
) -> tuple[dict[int, list[OpenAttempt]], int]:
    """Return calls in doubt without the lines of batch APIs, and the number of lines whose answers can be read."""
    left: dict[int, list[OpenAttempt]] = {}
    held = 0
    for run, found in doubts.items():
        for one in found:
            key = book.key_of(one)
            if key is None:
                left.setdefault(run, []).append(one)
            held += bool(key)
    return left, held


def _in_doubt(journal: Journal, run: Run, doubts: list[OpenAttempt], price: Callable[[str], Price | None]) -> str:
    bodies = [journal.body(one.number) for one in doubts]
    worsts = [_worst(body, price) for body in bodies]
    known = [worst * one.attempts for one, worst in zip(doubts, worsts, strict=True) if worst is not None]
    at_most = f" ({limit_text(sum(known))} at most)" if len(known) == len(worsts) else ""
    calls = "1 call was" if len(bodies) == 1 else f"{len(bodies):,} calls were"
    return f"{calls} open when the run {run.id} ended, and may have been paid{at_most}"


def _worst(body: Json, price: Callable[[str], Price | None]) -> float | None:
    """Work out the most dollars that an attempt can have cost, from its row in the journal. None if not known."""
    if not isinstance(body, dict) or not isinstance(body.get("bytes"), int):
        return None
    found = price(str(body.get("model")))
    longest = body.get("max")
    if found is None:
        return None
    tier, stores, read = str(body.get("tier") or ""), stores_of(body.get("stores")), body.get("most")
    # A journal of an early version has the length of the prompt alone.
    read = read if isinstance(read, int) else body["bytes"] + _AROUND
    return found.worst(read, longest if isinstance(longest, int) else None, tier=tier, stores=stores)


async def begin(
    journal: Journal,
    plan: p.Plan,
    values: Mapping[str, Json],
    settings: RunSettings,
    endpoints: Mapping[str, str],
    trace: str = "",
    models: Mapping[str, str] = NO_NAMES,
) -> RunLog:
    """Write that a run begins, with its plan, inputs, settings and the places of its models. Raises DiskError.

    ``trace`` is the trace context of the run, "" for none. ``models`` are the names of models in keys, where these
    differ from the address.
    """
    head, clock = _head(plan) | _trace(trace), RunClock()
    clock.now()
    kept = kept_apart(values)
    contents = [content(JUST_BEGUN, {"json": one}) for one in (p.as_data(plan), kept.inputs)]
    given = {
        "plan": contents[0].key.hex(),
        "inputs": contents[1].key.hex(),
        "files": kept.files,
        "settings": settings_row(plan, settings),
        "models": models_row(endpoints, models),
    }
    # In one transaction, so that every run that has begun can be resumed.
    run = await journal.append(
        [
            LogRecord(0, Kind.RUN, head),
            *contents,
            LogRecord(JUST_BEGUN, Kind.GIVEN, given),
            *_marked(kept),
        ],
    )
    journal.begin(run)
    return RunLog(
        journal,
        head["id"],
        run,
        endpoints,
        settings.fresh,
        flow=head["flow"],
        source=head["source"],
        clock=clock,
        models=models,
    )


def _head(plan: p.Plan) -> dict[str, Any]:
    now = time.time()
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{os.urandom(3).hex()}"
    source = os.path.abspath(plan.source) if plan.source else ""
    return {"id": name, "flow": plan.flow, "source": source, "began": now}


def _marked(kept: Kept) -> list[LogRecord]:
    """Return the rows for the files of a run's inputs."""
    marks = [*marks_of(kept.files)]
    if not marks:
        return []
    from ..journal.notes import mark_record

    return [mark_record(JUST_BEGUN, mark) for mark in marks]


async def go_on(
    journal: Journal,
    number: int,
    settings: RunSettings,
    endpoints: Mapping[str, str],
    trace: str = "",
    names: Mapping[str, str] = NO_NAMES,
) -> RunLog:
    """Write that a run is resumed. Raises DiskError, and UsageError if this process is already running it."""
    run, now = journal.index.runs[number], time.time()
    # A clock that was set back must not put this part of the run before the run's beginning.
    clock = RunClock(max(0.0, now - run.began))
    clock.now()
    journal.begin(number)
    traces = _traces(journal, run)
    body: dict[str, Json] = {"began": now, **_trace(trace)}
    from ..journal.recorded_beginning import recorded_beginning

    given, models, budget = recorded_beginning(journal, run), models_row(endpoints, names), budget_row(settings)
    if models != given.first_models:
        body["models"] = models
    if budget != given.settings.get("budget"):
        body["budget"] = budget
    await journal.append([LogRecord(number, Kind.RESUMED, body)])
    return RunLog(
        journal,
        run.id,
        number,
        endpoints,
        settings.fresh,
        flow=run.flow,
        source=run.source,
        clock=clock,
        traces=traces,
        models=names,
    )


def _trace(trace: str) -> dict[str, Json]:
    return {"trace": trace} if trace else {}


def _traces(journal: Journal, run: Run) -> tuple[str, ...]:
    """Return the trace contexts of the first and of the last part of a run, as far as they had one."""
    bodies = [journal.body(number) for number in dict.fromkeys((run.number, run.stretch))]
    found = [body.get("trace") for body in bodies if isinstance(body, dict)]
    return tuple(one for one in found if isinstance(one, str))
