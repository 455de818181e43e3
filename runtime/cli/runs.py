"""`flowrun runs`: the runs of a journal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click

from ..account.figures import figures_of
from ..journal.index import OpenAttempt, Run
from ..journal.opening import live_in
from ..journal.reading import JournalReader
from ..journal.recorded_beginning import recorded_beginning
from ..journal.records import Kind
from ..journal.survey import read_runs
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import one_line
from .console import complain, print_json
from .journals import journal_path

if TYPE_CHECKING:
    from ..costs.prices import Prices


VERSION = 1
"""The version of the JSON."""


@click.command("runs", short_help="List the runs in the journal.")
@click.option("--journal", metavar="FILE", help="The journal to read.")
@click.option("--flow", metavar="NAME", help="List only the runs of this flow.")
@click.option("--user", metavar="NAME", help="List only the runs of this user, in a journal of several.")
@click.option("--json", "as_json", is_flag=True, help="Print the runs as JSON.")
def command(journal: str | None, flow: str | None, user: str | None, as_json: bool) -> None:
    """List the runs of the project's journal, the latest last.

    A run is done, partial (its answer lacks elements or steps), failed, out of its budget, stopped (by a signal),
    ended by its disk, killed (its process died), or still running, at a terminal or detached. `flowrun resume RUN` goes
    on with all of them except a running one. The cost of a run includes all its resumes. "At most" also counts calls
    that were broken off or are in doubt, since the provider may bill them.
    """
    path = journal_path(journal)
    detached = _detached(path)
    with JournalReader(path, read_runs) as reader:
        runs = [
            run
            for run in reader.index.runs.values()
            if (flow is None or run.flow == flow) and (user is None or run.user == user)
        ]
        accounts = _accounts(reader, runs)
        doubts = reader.index.doubts()
        live = live_in(path, [run.number for run in runs if run.status is None])
        rows = [
            _row(
                run,
                _in_doubt(reader, run.number, doubts.get(run.number, ())),
                accounts[run.number],
                process=live.get(run.number),
                detached=detached.get(run.id),
            )
            for run in runs
        ]
    for line in reader.notes:
        complain(line)
    if as_json:
        print_json({"version": VERSION, "runs": rows})
        return
    if not rows:
        there = "has no runs" if path.exists() else "does not exist: a run makes it"
        if reader.index.runs:
            there = "has no such runs: --flow and --user leave none"
        click.echo(f"the journal {one_line(str(path))} {there}", err=True)
        return
    for line in _lines(rows, [run.began for run in runs]):
        print(line)
    for row in rows:
        if row["status"] == "killed" and row["run"] in detached:
            from ..journal.project import resume_command

            complain(f"the detached run {row['run']} was killed: resume it with: {resume_command(row['run'], path)}")


def _detached(path: Path) -> dict[str, bool]:
    """Return the ids of the detached runs, each with True if it lives."""
    from ..detached.places import folder_of

    folder = folder_of(path)
    if not folder.exists():
        return {}
    from ..detached.records import all_of

    return {name: one.lives for name, one in all_of(folder).items()}


def _in_doubt(reader: JournalReader, run: int, doubts: Sequence[OpenAttempt]) -> int:
    """Count the calls of a run that are in doubt. Lines of a batch API are not, if their answers can be read there."""
    if not doubts or not any(True for _ in reader.notes_of(run, Kind.SUBMISSION)):
        return len(doubts)
    from ..dispatch.submission_book import SubmissionBook  # few runs have submissions

    book = SubmissionBook.of(reader, run)
    return sum(one.ended or book.key_of(one) is None for one in doubts)


def _lines(rows: list[dict[str, Any]], begins: list[float]) -> list[str]:
    """Return the table of runs. A narrow terminal gets the more important columns. ``begins`` are their beginnings."""
    from .views.clock import clock_text
    from .views.screen import Screen
    from .views.table import Column, table

    users = any("user" in row for row in rows)
    columns = (
        Column("run"),
        Column("began", rank=4),
        Column("time", rank=3, right=True),
        *([Column("user", rank=4)] if users else []),
        Column("file", rank=1, least=10),
        Column("state"),
        Column("answers", rank=2, right=True),
        Column("cost", rank=2, least=8, right=True),
        Column("in doubt", rank=5, right=True),
    )
    screen = Screen.of(sys.stdout)
    cells = [_cells(row, clock_text(began), users=users) for row, began in zip(rows, begins, strict=True)]
    head, *lines = table(columns, cells, screen.width)
    return [screen.paint(head, "dim"), *lines]


def _cells(row: dict[str, Any], began: str, *, users: bool) -> tuple[str, ...]:
    from ..vocabulary.amounts import ceiling_text, money_text, time_text

    cost, unbilled = row["cost"], row["unbilled"]
    told = money_text(cost) if cost else ""
    if unbilled and cost is not None:
        told += f"{', ' if told else ''}at most {ceiling_text(cost + unbilled)}"
    return (
        one_line(row["run"]),
        began,
        "" if row["ms"] is None else time_text(row["ms"]),
        *([one_line(row.get("user", ""))] if users else []),
        one_line(row["file"] or row["flow"]),
        f"{row['status']}, detached" if row["detached"] else row["status"],
        f"{row['answers']:,}",
        told,
        f"{row['in_doubt']:,}" if row["in_doubt"] else "",
    )


def _accounts(reader: JournalReader, runs: Sequence[Run]) -> dict[int, dict[str, Json]]:
    """Return the figures of each run. They were written at its end, or else are counted from its rows."""
    found: dict[int, dict[str, Json]] = {}
    untold = []
    for run in runs:
        if run.status is not None and isinstance(run.account, dict) and "unbilled" in run.account:
            found[run.number] = run.account
        else:
            untold.append(run.number)
    for number, past in reader.pasts(untold).items():
        found[number] = figures_of(past.account, _prices(reader, reader.index.runs[number]))
    return found


def _prices(reader: JournalReader, run: Run) -> Prices:
    """Return the prices of a run's models: the prices that its flow declares, or else the known ones."""
    from flowrun.dsl import plan as p

    from ..costs.prices import Prices
    from ..forecast.declared_prices import declared_prices

    declared = {}
    if run.given:
        # The plan of another version cannot be read: its models then have the known prices.
        plan = recorded_beginning(reader, run).plan_text
        with suppress(KeyError, TypeError, ValueError):
            # The reading of a plan loads pydantic, which takes longer than all the rest.
            declared = declared_prices(p.from_json(plan)) if "_price" in plan else {}
    return Prices(os.environ, declared)


def _row(
    run: Run, in_doubt: int, account: dict[str, Json], *, process: int | None, detached: bool | None = None
) -> dict[str, Any]:
    """Return the row of a run. ``process`` is that of a live run, 0 if it is not known, and else None.

    ``detached`` is True if its detached process lives, None if it never was detached.
    """
    running = process is not None or detached is True
    ended = time.time() if running and run.ended is None else run.ended
    return {
        "run": run.id,
        "flow": run.flow,
        "source": run.source,
        "file": PurePath(run.source).name,
        "status": run.status or ("running" if running else "killed"),
        "began": _clock(run.began),
        "ended": _clock(run.ended) if run.ended is not None else None,
        "ms": None if ended is None else max(0, round((ended - run.began) * 1000)),
        "answers": run.answers,
        "in_doubt": in_doubt,
        **({"process": process} if process else {}),
        **({"user": run.user} if run.user else {}),
        "detached": detached is True,
        **account,
    }


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
