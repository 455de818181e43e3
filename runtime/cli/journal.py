"""`flowrun journal`: look after the journal: its size, old runs, copies, and answers to forget."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line, shown
from .console import complain, print_json
from .journals import journal_path

if TYPE_CHECKING:
    from ..journal.index import Run
    from ..journal.rewrite import Sizes

_F = TypeVar("_F", bound=Callable[..., Any])
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_AGE = re.compile(r"([0-9]{1,6})([mhdw])")


def of_journal(function: _F) -> _F:
    return click.option("--journal", metavar="FILE", help="The journal. The default is the project's.")(function)


def as_json(function: _F) -> _F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


@click.group("journal", short_help="Look after the journal: sizes, old runs, copies.")
def command() -> None:
    """Look after the journal of the project.

    A journal keeps all answers of all runs until somebody removes them. No command here sends a request.
    """


@command.command("stats", short_help="Show the size of the journal and of its runs.")
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
    click.echo(one_line(f"{path}: {size(found.bytes)}, {count(len(runs), 'run')}, {count(answers, 'answer')}"))
    width = max((len(row["run"]) for row in rows), default=0)
    for row in rows[:10]:
        line = f"  {row['run']:<{width}}  {size(row['bytes']):>8}  {row['rows']:>9,} rows  {row['flow']}"
        click.echo(one_line(line))
    if len(rows) > 10:
        click.echo(f"  … and {len(rows) - 10:,} smaller runs")


@command.command("verify", short_help="Check every row of the journal.")
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
    click.echo(one_line(f"{path} is whole: {count(len(index.runs), 'run')}, {count(answers, 'answer')}"))


@command.command("prune", short_help="Remove old runs, and make the file small.")
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
        kept = {one.number for name in keep for one in _kept(name, runs, reader.index.named, path)}
    oldest = None if older is None else time.time() - seconds_of(older)
    gone = [run for run in runs if run.number not in kept and _is_older(run, oldest)] if older or keep else []
    if dry_run:
        _tell(gone, None, as_json=as_json)
        return
    from ..journal.rewrite import rewrite

    _tell(gone, rewrite(path, [run.number for run in gone]), as_json=as_json)


@command.command("erase", short_help="Remove one run for good.")
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
    from ..session.resume import found_run

    path = existing(journal)
    with JournalReader(path, read_runs) as reader:
        found = found_run(reader.index.named(run), run, path)
    _tell([found], rewrite(path, [found.number], wipe=True), as_json=as_json)


def _kept(name: str, runs: list[Run], named: Callable[[str], list[Run]], path: Path) -> Iterable[Run]:
    """Find the runs that `--keep` names: the latest N, or a run."""
    from ..session.resume import found_run

    if name.isascii() and name.isdigit() and len(name) < 6:
        return runs[len(runs) - int(name) :] if int(name) < len(runs) else runs
    if name == "last" and not runs:
        return ()
    return (found_run(named(name), name, path),)


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
        click.echo(one_line(f"  {run.id}  {run.flow}  {count(run.answers, 'answer')}"))
    verb = "would be removed" if sizes is None else "removed"
    line = f"{count(len(gone), 'run')} with {count(answers, 'answer')} {verb}"
    click.echo(
        line if sizes is None else f"{line}; the journal had {size(sizes.bytes_before)} and has {size(sizes.bytes)}"
    )


def existing(journal: str | None) -> Path:
    """Return the path of a journal that exists. Raises UsageError."""
    path = journal_path(journal)
    if not os.path.lexists(path):
        raise UsageError(
            f"there is no journal at {shown(str(path))}: run a flow first, or name one with --journal FILE"
        )
    return path


def seconds_of(age: str) -> float:
    """Read an age such as 30d. Raises UsageError."""
    found = _AGE.fullmatch(age.strip())
    if found is None:
        raise UsageError(
            f"--older takes an age such as 30d, 12h or 2w (m, h, d or w after a number); found {shown(age)}"
        )
    return int(found[1]) * _SECONDS[found[2]]


def size(count: int) -> str:
    """Write a number of bytes for people, in three figures."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{amount:.3g} {units[0]}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
