"""`flowrun report`: the page of a run, or its calls as a trace or a table."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..journal.choice import LAST, chosen_run
from ..journal.reading import JournalReader
from ..journal.survey import read_runs
from ..outputs.target import Target, encoded
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, shown
from . import exits
from .console import complain
from .journals import journal_path
from .paths import PathThatIs, to_file
from .sources import sources_of

if TYPE_CHECKING:
    from ..journal.index import Run

SUFFIXES = {".html": "html", ".htm": "html", ".json": "chrome-trace", ".csv": "csv"}
FORMATS = ("html", "chrome-trace", "csv")
Make = Callable[[JournalReader, "Run"], Iterable[str]]


@click.command("report", short_help="Write the page of a run into a file.")
@click.argument("run", metavar="[RUN]", required=False)
@click.option(
    "--output", "-o", "out", type=PathThatIs(), metavar="FILE", help="The file to write; - for standard output."
)
@click.option("--all", "every", is_flag=True, help="Write a page for each run into the folder FILE, and an index.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="The form of the report. The default follows the ending of FILE: .html, .json (a Chrome trace) or .csv.",
)
@click.option("--without-texts", is_flag=True, help="Leave out prompts, answers, labels, reasons and values.")
@click.option("--journal", metavar="FILE", help="The journal to read.")
def command(
    run: str | None, out: Path | None, every: bool, form: str | None, without_texts: bool, journal: str | None
) -> int:
    """Write what RUN did into one file: `last` (the default), an id from `flowrun runs`, or the beginning of an id.

    The page is one HTML file that loads nothing. It shows every call with its prompt and answer, the votes, the losses
    and the costs. A .json file is a trace for Perfetto or Chrome, and a .csv file is a table of the calls. Nothing is
    sent, and no key is needed.
    """
    path = journal_path(journal)
    if every:
        if run is not None:
            raise UsageError("--all writes the pages of all runs: leave out RUN, or leave out --all")
        if form not in (None, "html"):
            raise UsageError(f"--all writes pages, not {form}: leave out --format, or name one run")
        from .report_folder import write_all

        with _reader(path) as reader:
            return write_all(reader, out, texts=not without_texts)
    make, file = maker(form or form_of(out), texts=not without_texts), to_file(out)
    with _reader(path) as reader:
        chosen = chosen_run(reader.index, LAST if run is None else run, path)
        if file is None:
            _print(make(reader, chosen))
            return exits.DONE
        target = Target(file, sources_of(reader, chosen))
        target.write(make(reader, chosen))
    click.echo(f"the report of {chosen.id} is in {target.name}", err=True)
    return exits.DONE


def _reader(path: Path) -> JournalReader:
    """Open the journal. Raises UsageError if there is none, DiskError."""
    if not path.exists():
        raise UsageError(f"there is no journal {shown(str(path))}: a run makes it, or name one with --journal FILE")
    reader = JournalReader(path, read_runs)
    for note in reader.notes:
        complain(note)
    return reader


def form_of(out: Path | None) -> str:
    """Return the form that the ending of a file names. Raises UsageError."""
    if to_file(out) is None:
        if out is None and sys.stdout is not None and sys.stdout.isatty():
            raise UsageError("the report needs a file: give it one with -o report.html; with -o - it is printed")
        return "html"
    assert out is not None
    found = SUFFIXES.get(out.suffix.lower())
    if found is None:
        raise UsageError(
            f"the name {shown(str(out))} does not tell the form of the report; end it in .html, .json (a Chrome "
            "trace) or .csv, or add --format"
        )
    return found


def maker(form: str, *, texts: bool) -> Make:
    """Return the function that writes a run in a form, piece by piece. The table keeps one call at a time in memory."""
    # The replay loads the state machine.
    from .. import replay

    if form == "csv":
        from ..pages.calls_csv import calls_csv
        from ..replay.run_beginning import read_beginning

        return lambda reader, run: calls_csv(
            read_beginning(reader, run).plan, replay.calls_of(reader, run), texts=texts
        )
    if form == "chrome-trace":
        from ..pages.chrome_trace import chrome_trace

        return lambda reader, run: chrome_trace(replay.read_run(reader, run), texts=texts)
    from ..pages import report_page

    return lambda reader, run: (report_page(replay.read_run(reader, run), texts=texts, journal=reader.path),)


def _print(pieces: Iterable[str]) -> None:
    """Print a report. Letters that UTF-8 cannot encode become escapes, as they do in a file."""
    terminal = sys.stdout.isatty()
    sys.stdout.flush()
    for piece in pieces:
        sys.stdout.buffer.write(encoded(inert(piece) if terminal else piece))
    sys.stdout.flush()
