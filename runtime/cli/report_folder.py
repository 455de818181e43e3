"""`flowrun report --all`: a page for each run of a journal, and an index of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..journal.reading import JournalReader
from ..outputs.target import Source, Target
from ..vocabulary.errors import DiskError, FlowrunError, UsageError
from ..vocabulary.quoting import shown
from . import exits
from .console import complain
from .journals import journal_files
from .paths import to_file
from .sources import sources_of

if TYPE_CHECKING:
    from ..journal.index import Run
    from ..pages.run_index import IndexRow


def write_all(reader: JournalReader, out: Path | None, *, texts: bool) -> int:
    """Write a page for each run into a folder, and an index, and return the exit code.

    All places are checked before the first page is written. Runs that cannot be read are in the index, too. Raises
    UsageError, DiskError.
    """
    from ..pages.run_index import INDEX, index_page, page_names

    folder = to_file(out)
    if folder is None:
        raise UsageError("--all writes many pages: name a folder for them with -o reports/")
    runs = [*reader.index.runs.values()]
    _make_folder(folder)
    sources = tuple(_sources(reader, runs))
    names = (INDEX, *page_names(run.id for run in runs))
    targets: list[Target] = []
    try:
        targets.extend(Target(folder / name, sources) for name in names)
        index, *pages = targets
        rows = [_written(reader, run, page, texts=texts) for run, page in zip(runs, pages, strict=True)]
        index.write(index_page(rows))
    finally:
        for target in targets:
            target.close()
    made = sum(bool(row.page) for row in rows)
    click.echo(f"{made:,} page{'' if made == 1 else 's'} and {INDEX} are in {shown(str(folder))}", err=True)
    return exits.DONE if made == len(rows) else exits.PARTIAL


def _written(reader: JournalReader, run: Run, target: Target, *, texts: bool) -> IndexRow:
    """Write the page of a run, and return its row in the index. Raises DiskError, UsageError."""
    from .. import replay
    from ..pages import report_page
    from ..pages.run_index import IndexRow, index_row

    try:
        record = replay.read_run(reader, run)
    except FlowrunError as error:
        complain(f"the run {run.id} has no page: {error}")
        return IndexRow(run.id, run.flow, run.began, run.status or "killed", trouble=str(error))
    target.write(report_page(record, texts=texts, journal=reader.path))
    return index_row(record, target.path.name)


def _make_folder(folder: Path) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except FileExistsError:
        raise DiskError(f"{shown(str(folder))} is a file, not a folder; --all needs a folder") from None
    except OSError as error:
        raise DiskError(f"the folder {shown(str(folder))} cannot be made: {error.strerror or error}") from None


def _sources(reader: JournalReader, runs: Iterable[Run]) -> list[Source]:
    """Return the files that no page may overwrite: the journal, and all that is known of what its runs have read."""
    found: dict[Source, None] = dict.fromkeys(journal_files(reader.path))
    for run in runs:
        try:
            found.update(dict.fromkeys(sources_of(reader, run)))
        except FlowrunError:
            # The record of this run cannot be read either, and then the index tells the reason.
            continue
    return [*found]
