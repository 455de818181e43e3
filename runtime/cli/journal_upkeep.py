"""The commands of `flowrun journal` that measure a journal, check it, and remove runs and answers from it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..journal.choice import LAST, chosen_run
from ..journal.project import resume_command
from ..vocabulary.amounts import count_text, size_text
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line
from .console import complain, print_json
from .journal_options import as_json, existing, of_journal, seconds_of

if TYPE_CHECKING:
    from ..journal.index import Index, Run
    from ..journal.rewrite import Sizes


@click.command("stats", short_help="Show the size of the journal and of its runs.")
@of_journal
@as_json
def stats(journal: str | None, as_json: bool) -> None:
    """Show how many runs, answers and bytes the journal has, and its largest runs."""
    from ..journal.reading import JournalReader
    from ..journal.stats import stats_of
    from ..journal.survey import read_runs

    path = existing(journal)
    with JournalReader(path, read_runs) as reader:
        runs = reader.index.runs
        found = stats_of(path)
    for line in reader.notes:
        complain(line)
    largest = sorted((number for number in found.runs if number in runs), key=lambda one: -found.runs[one].bytes)
    rows: list[dict[str, Any]] = [
        {"run": runs[one].id, "flow": runs[one].flow, "rows": found.runs[one].rows, "bytes": found.runs[one].bytes}
        for one in largest
    ]
    answers = found.kinds["answer"].rows if "answer" in found.kinds else 0
    if as_json:
        kinds = {kind: {"rows": one.rows, "bytes": one.bytes} for kind, one in found.kinds.items()}
        whole = {"version": 1, "journal": str(path), "bytes": found.bytes, "answers": answers}
        print_json({**whole, "kinds": kinds, "runs": rows})
        return
    held = f"{count_text(len(runs), 'run')}, {count_text(answers, 'answer')}"
    click.echo(one_line(f"{path}: {size_text(found.bytes)}, {held}"))
    width = max((len(row["run"]) for row in rows), default=0)
    for row in rows[:10]:
        line = f"  {row['run']:<{width}}  {size_text(row['bytes']):>8}  {row['rows']:>9,} rows  {row['flow']}"
        click.echo(one_line(line))
    if len(rows) > 10:
        click.echo(f"  … and {len(rows) - 10:,} smaller runs")


@click.command("verify", short_help="Check every row of the journal.")
@of_journal
@as_json
def verify(journal: str | None, as_json: bool) -> None:
    """Read the whole journal, and check each row against its checksum and against the rows before it."""
    from ..journal.reading import JournalReader

    path = existing(journal)
    with JournalReader(path) as reader:
        notes, index = reader.notes, reader.index
    for line in notes:
        complain(line)
    answers = index.paid.count
    if as_json:
        print_json({"version": 1, "journal": str(path), "runs": len(index.runs), "answers": answers, "notes": notes})
        return
    click.echo(one_line(f"{path} is whole: {count_text(len(index.runs), 'run')}, {count_text(answers, 'answer')}"))


@click.command("prune", short_help="Remove old runs, and make the file small.")
@click.option("--older", metavar="AGE", help="Remove runs that ended longer ago than this: 30d, 12h, 2w.")
@click.option("--keep", metavar="RUN|N", multiple=True, help="Keep this run, such as `last`, or the latest N runs.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@of_journal
@as_json
def prune(older: str | None, keep: tuple[str, ...], dry_run: bool, journal: str | None, as_json: bool) -> None:
    """Remove runs with their answers, and write the journal anew without them.

    Without --older, all runs go but those of --keep. A later run that needs one of the removed answers pays for it
    again. With neither option the journal only becomes compact.
    """
    from ..journal.reading import JournalReader
    from ..journal.survey import read_runs

    path = existing(journal)
    with JournalReader(path, read_runs) as reader:
        runs = list(reader.index.runs.values())
        kept = {one.number for name in keep for one in _kept(name, reader.index, path)}
    oldest = None if older is None else time.time() - seconds_of(older)
    gone = [run for run in runs if run.number not in kept and _is_older(run, oldest)] if older or keep else []
    if dry_run:
        _tell(gone, None, as_json=as_json)
        return
    from ..journal.rewrite import rewrite

    sizes = rewrite(path, [run.number for run in gone])
    _remove_detached(path, gone)
    _tell(gone, sizes, as_json=as_json)


@click.command("erase", short_help="Remove one run for good.")
@click.argument("run", metavar="RUN")
@of_journal
@as_json
def erase(run: str, journal: str | None, as_json: bool) -> None:
    """Remove RUN with its inputs, prompts, answers and files for good, and overwrite the old journal file.

    Copies elsewhere stay: backups, exports, reports, and file systems that never write to the same place twice.
    """
    from ..journal.reading import JournalReader
    from ..journal.rewrite import rewrite
    from ..journal.survey import read_runs

    path = existing(journal)
    with JournalReader(path, read_runs) as reader:
        found = chosen_run(reader.index, run, path)
    sizes = rewrite(path, [found.number], wipe=True)
    _remove_detached(path, [found])
    _tell([found], sizes, as_json=as_json)


@click.command("forget", short_help="Forget the answers of some calls: they are asked again.")
@click.argument("run", metavar="RUN")
@click.argument("path", metavar="[PATH]", required=False)
@click.option("--failed", is_flag=True, help="Forget the answers of all losses of RUN: those that could not be used.")
@of_journal
@as_json
def forget(run: str, path: str | None, failed: bool, journal: str | None, as_json: bool) -> None:
    """Forget the answers of the calls at PATH of RUN, or below it. No run takes them from the journal any more.

    `flowrun resume RUN` then asks these calls again, and only these. The old answers stay in the file, and `flowrun
    show RUN` shows them; `erase` and `prune` remove runs from the file.
    """
    if (path is None) != failed:
        raise UsageError("name the calls to forget: a PATH, or --failed for the spoilt answers of all losses")
    from ..account.spoilt_calls import spoilt_calls
    from ..journal.forgetting import forget_calls
    from ..journal.reading import JournalReader
    from ..journal.survey import read_runs
    from ..plans.run_calls import RunCalls
    from ..replay import read_part, read_run

    file = existing(journal)
    with JournalReader(file, read_runs) as reader:
        chosen = chosen_run(reader.index, run, file, command="flowrun journal forget")
        record = (read_part(reader, chosen, path) if path else None) or read_run(reader, chosen)
        found = [record.calls[at] for at in RunCalls(record).find(path)] if path else spoilt_calls(record)
        keys = {one.key: one.place for one in found if one.key}
        rows = reader.rows_at(chosen.number, *(one.place for one in found))
        keys |= {row.key: row.place for row in rows if row.key}
        paid = reader.paid_keys(keys)
        keys = {key: place for key, place in keys.items() if key in paid}
    forget_calls(file, chosen.number, keys)
    calls = len(set(keys.values()))
    if as_json:
        print_json({"version": 1, "run": chosen.id, "calls": sorted(set(keys.values())), "answers": len(keys)})
        return
    resume = resume_command(chosen.id, file) + " --allow-python" * bool(record.plan.externs)
    asks = f": `{resume}` asks {'it' if calls == 1 else 'them'} again" if calls else ""
    click.echo(one_line(f"{count_text(calls, 'call')} of {chosen.id} forgotten{asks}"))


def _remove_detached(path: Path, gone: Collection[Run]) -> None:
    """Remove what detached runs have left beside the journal."""
    from ..detached.places import remove_runs

    remove_runs(path, [run.id for run in gone])


def _kept(name: str, index: Index, path: Path) -> Iterable[Run]:
    """Find the runs that `--keep` names: the latest N, or a run."""
    runs = list(index.runs.values())
    if name.isascii() and name.isdigit() and len(name) < 6:
        return runs[len(runs) - int(name) :] if int(name) < len(runs) else runs
    return () if name == LAST and not runs else (chosen_run(index, name, path),)


def _is_older(run: Run, oldest: float | None) -> bool:
    return oldest is None or (run.ended if run.ended is not None else run.began) < oldest


def _tell(gone: Collection[Run], sizes: Sizes | None, *, as_json: bool) -> None:
    """Print the runs that were removed. ``sizes`` is None if they only would be."""
    answers = sum(run.answers for run in gone)
    if as_json:
        told = {"version": 1, "removed": [run.id for run in gone], "answers": answers, "dry_run": sizes is None}
        print_json(told if sizes is None else {**told, "bytes_before": sizes.bytes_before, "bytes": sizes.bytes})
        return
    for run in gone:
        click.echo(one_line(f"  {run.id}  {run.flow}  {count_text(run.answers, 'answer')}"))
    verb = "would be removed" if sizes is None else "removed"
    line = f"{count_text(len(gone), 'run')} with {count_text(answers, 'answer')} {verb}"
    if sizes is not None:
        line += f"; the journal had {size_text(sizes.bytes_before)} and has {size_text(sizes.bytes)}"
    click.echo(line)
