"""`flowrun runs`: the runs of a journal."""

from __future__ import annotations

import time
from typing import Any

import click

from ..journal.index import Run
from ..journal.lock import holder_of
from ..journal.reading import JournalReader
from ..quoting import one_line
from .journals import journal_path
from .show import complain, print_json


@click.command("runs", short_help="List the runs that the journal has.")
@click.option("--journal", metavar="FILE", help="The journal to read.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def command(journal: str | None, as_json: bool) -> None:
    """List the runs of the project's journal, the latest last.

    A run is done, partial (its answer lacks something), failed, out of its budget, stopped (by a signal), ended by its
    disk, killed (nobody saw its end), or runs still. All but the last can be gone on with: `flowrun resume RUN`.
    """
    path = journal_path(journal)
    holder = holder_of(path)
    with JournalReader(path) as reader:
        index, notes = reader.index, reader.notes
    for line in notes:
        complain(line)
    rows = [
        _row(
            run,
            len(index.in_doubt(run.number)),
            # Whatever began since a process took the journal, and did not end, is that one's.
            running=holder is not None and run.stretch > holder.rows,
        )
        for run in index.runs.values()
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo(f"no runs in {one_line(str(path))}", err=True)
        return
    width = max(len(row["flow"]) for row in rows)
    for row in rows:
        doubt = f"  {row['in_doubt']:,} in doubt" if row["in_doubt"] else ""
        cost = f"  ${row['cost']:.4f}" if row["cost"] else ""
        line = f"{row['run']}  {row['flow']:<{width}}  {row['status']:<8}  {row['answers']:>6,} answers{cost}{doubt}"
        click.echo(one_line(line))


def _row(run: Run, in_doubt: int, *, running: bool) -> dict[str, Any]:
    account = run.account if isinstance(run.account, dict) else {}
    return {
        "run": run.id,
        "flow": run.flow,
        "source": run.source,
        "status": run.status or ("running" if running else "killed"),
        "began": _clock(run.began),
        "ended": _clock(run.ended) if run.ended is not None else None,
        "answers": run.answers,
        "in_doubt": in_doubt,
        "cost": account.get("cost"),
    }


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
