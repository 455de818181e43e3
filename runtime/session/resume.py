"""The runs of a journal. This module begins a run or resumes one, and collects the notices for the user before that."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from flowrun.dsl import dataclass, types
from flowrun.dsl import plan as p

from ..costs.budget import dollars
from ..costs.written_budget import Budget
from ..dispatch.ledger import NoLog, RunLog
from ..dispatch.run_clock import RunClock
from ..documents.row_file import RowFile
from ..journal.index import Open, Run
from ..journal.records import JUST_BEGUN, Kind, LogRecord
from ..journal.store import Journal
from ..vocabulary.errors import DiskError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.usage import Price

_AROUND = 4096
"""More tokens than a provider puts around a prompt."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The settings of a run beside its flow and inputs. ``folder`` is the flow's; None for that of the plan's source.

    ``folder`` is None for the folder of the plan's source. ``allow_python`` is not a setting here. A user who resumes a
    run must allow it again, so that no journal runs code.
    """

    model: str
    folder: Path | None = None
    allow_read: tuple[Path, ...] = ()
    allow_host: tuple[str, ...] = ()
    budget: Budget | None = None
    fresh: bool = False
    ask_doubtful: bool = True


def taken_up(journal: Journal, name: str) -> tuple[p.Plan, dict[str, Json], RunSettings, int]:
    """Read the plan, inputs and settings of a run, and its number. Raises UsageError, DiskError."""
    run = found_run(journal.index.named(name), name, journal.path)
    if not run.given:
        raise UsageError(f"the run {run.id} ended before its first call: run its flow again")
    body = journal.body(run.given)
    try:
        plan = p.from_json(json.dumps(body["plan"]))
        given = body["settings"]
        budget = Budget(*given["budget"]) if given["budget"] else None
        places = tuple(Path(place) for place in given["allow_read"])
        hosts = tuple(str(host) for host in given["allow_host"])
        settings = RunSettings(str(given["model"]), Path(given["folder"]), places, hosts, budget, bool(given["fresh"]))
        inputs = {**body["inputs"], **_reopened(plan, body.get("files", {}))}
        return plan, inputs, settings, run.number
    except (KeyError, TypeError, ValueError) as error:
        raise DiskError(f"row {run.given} of the journal does not have a valid run ({error})") from None


def notices(journal: Journal | None, log: NoLog, price: Callable[[str], Price | None], again: bool) -> Iterator[str]:
    """Tell the user about the journal and its calls in doubt, before anything is sent.

    ``again``: calls in doubt are sent again.
    """
    if journal is None or not isinstance(log, RunLog):
        return
    yield from journal.notes
    doubts = journal.index.doubts()
    own = journal.index.runs.get(log.run)
    if own is not None:
        if own.number in doubts:
            then = "is asked again" if again else "fails"
            yield f"{_in_doubt(journal, own, doubts[own.number], price)}; each of them that this run still needs {then}"
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
        yield (
            f"{_in_doubt(journal, run, doubts[run.number], price)}; this run makes those calls again if it needs "
            f"them (to resume the other run, write `flowrun resume {run.id}`)"
        )


def _in_doubt(journal: Journal, run: Run, doubts: list[Open], price: Callable[[str], Price | None]) -> str:
    bodies = [journal.body(one.number) for one in doubts]
    worsts = [_worst(body, price) for body in bodies]
    known = [one for one in worsts if one is not None]
    at_most = f" ({dollars(sum(known))} at most)" if len(known) == len(worsts) else ""
    calls = "1 call was" if len(bodies) == 1 else f"{len(bodies):,} calls were"
    return f"{calls} open when the run {run.id} ended, and may have been paid{at_most}"


def _reopened(plan: p.Plan, files: Mapping[str, Mapping[str, str]]) -> dict[str, Json]:
    """Reopen the large files of a run's inputs. Raises InputError, or UsageError if a file has changed."""
    rows = {}
    for param in plan.params:
        if param.name in files and isinstance(param.type, types.ListOf):
            kept = files[param.name]
            rows[param.name] = found = RowFile(Path(kept["path"]), param.type.item)
            if found.digest != kept["sha256"]:
                raise UsageError(
                    f"{shown(kept['path'])}, the value of `{param.name}`, has changed since the run began: "
                    "restore the old file, or start a new run"
                )
    return rows


def _worst(body: Json, price: Callable[[str], Price | None]) -> float | None:
    """Work out the most dollars that an attempt can have cost, from its row in the journal. None if not known."""
    if not isinstance(body, dict) or not isinstance(body.get("bytes"), int):
        return None
    found = price(str(body.get("model")))
    longest = body.get("max")
    if found is None:
        return None
    return found.worst(body["bytes"] + _AROUND, longest if isinstance(longest, int) else None)


def found_run(found: list[Run], name: str, journal: Path) -> Run:
    """Return the only run that was found under a name. Raises UsageError if there is none, or more than one."""
    if not found:
        raise UsageError(f"{shown(str(journal))} has no run {shown(name)}; `flowrun runs` lists its runs")
    if len(found) > 1:
        listed = ", ".join(run.id for run in found[:5])
        raise UsageError(
            f"the names of {len(found)} runs begin with {shown(name)}: {listed}; write more letters of the name"
        )
    return found[0]


async def begin(
    journal: Journal, plan: p.Plan, values: Mapping[str, Json], settings: RunSettings, endpoints: Mapping[str, str]
) -> RunLog:
    """Write that a run begins, with its plan, inputs and settings. Raises DiskError."""
    head, clock = _head(plan), RunClock()
    clock.now()
    given = _given(plan, values, settings)
    # In one transaction, so that every run that has begun can be resumed.
    run = await journal.append([LogRecord(0, Kind.RUN, head), LogRecord(JUST_BEGUN, Kind.GIVEN, given)])
    journal.begin(run)
    return RunLog(
        journal, head["id"], run, endpoints, settings.fresh, flow=head["flow"], source=head["source"], clock=clock
    )


def _head(plan: p.Plan) -> dict[str, Any]:
    now = time.time()
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{os.urandom(2).hex()}"
    source = os.path.abspath(plan.source) if plan.source else ""
    return {"id": name, "flow": plan.flow, "source": source, "began": now}


def _given(plan: p.Plan, values: Mapping[str, Json], settings: RunSettings) -> Json:
    folder = settings.folder or (Path(plan.source).parent if plan.source else Path())
    kept = {
        "model": settings.model,
        "folder": os.path.abspath(folder),
        "allow_read": [os.path.abspath(place) for place in settings.allow_read],
        "allow_host": list(settings.allow_host),
        "budget": [settings.budget.calls, settings.budget.money] if settings.budget else None,
        "fresh": settings.fresh,
    }
    # The rows of a large file stay in that file.
    files = {name: value for name, value in values.items() if isinstance(value, RowFile)}
    return {
        "plan": p.as_data(plan),
        "inputs": {name: value for name, value in values.items() if name not in files},
        "files": {name: {"path": os.path.abspath(rows.path), "sha256": rows.digest} for name, rows in files.items()},
        "settings": kept,
    }


async def go_on(journal: Journal, number: int, settings: RunSettings, endpoints: Mapping[str, str]) -> RunLog:
    """Write that a run is resumed. Raises DiskError, and UsageError if this process is already running it."""
    run, now = journal.index.runs[number], time.time()
    # A clock that was set back must not put this part of the run before the run's beginning.
    clock = RunClock(max(0.0, now - run.began))
    clock.now()
    journal.begin(number)
    await journal.append([LogRecord(number, Kind.RESUMED, {"began": now})])
    return RunLog(journal, run.id, number, endpoints, settings.fresh, flow=run.flow, source=run.source, clock=clock)
