"""`flowrun test`: run the tests of flow files. Nothing is sent, and no Python of an extern runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from . import exits
from .console import colours, complain, say, show_findings
from .paths import PathThatIs, find_flows, told_path

if TYPE_CHECKING:
    from .views.tests import Results


@click.command("test", short_help="Run the tests of flow files. Nothing is sent.")
@click.argument("paths", nargs=-1, type=PathThatIs())
@click.option("-k", "word", default="", metavar="NAME", help="Run only the tests that have NAME in their title.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "junit", "github"]),
    default="text",
    show_default=True,
    help="The form of the results. They go to standard output.",
)
@click.option("--coverage", "covers", is_flag=True, help="Tell which parts of the flows no test reaches.")
@click.option(
    "--min",
    "least",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Fail if the tests reach less than this share of all parts. It needs --coverage.",
)
@click.option("-x", "stop", is_flag=True, help="Stop at the first test that does not pass.")
def command(paths: tuple[Path, ...], word: str, format_: str, covers: bool, least: float | None, stop: bool) -> int:
    """Run the tests of flow files. PATHS are files, folders and patterns, as for `flowrun validate`; without PATHS, the
    current folder.

    A test takes its answers from its own lines. The command sends nothing, asks no model and runs no Python.

    \b
    Exits with
      0   every test passed
      1   a test failed, a file has errors, or the coverage is below --min
      2   a wrong command, or a path without a readable file
    """
    from flowrun.testing.parallel import run_files

    from ..session.garbage import COLLECTOR
    from .views.tests import Results

    if least is not None and not covers:
        raise UsageError("--min is a share of the coverage: give --coverage, too")
    files, refused = find_flows(paths or (Path(),))
    names = sorted({_told(path) for path in files})
    results = Results(word=word, unread=[(told_path(path), str(error)) for path, error in refused])
    with COLLECTOR.rarely():
        for result in run_files(names, word, stop=stop, covers=covers):
            results.take(result)
    if covers:
        from .views.coverage import Counted

        results.coverage = Counted.of(results.files, least)
    if word and results.tests and not results.outcomes and not results.broken:
        raise UsageError(f"no test has {shown(word)} in its title")
    show(results, format_)
    counted = results.coverage
    failed = results.failed or (counted is not None and counted.too_low)
    return exits.USAGE if results.unread else exits.FINDINGS if failed else exits.DONE


def show(results: Results, format_: str) -> None:
    """Print the results in a format. Errors of files go to standard error in the text format."""
    if format_ == "text":
        _show_text(results)
    else:
        from ..outputs.target import encoded
        from .views.test_formats import written

        text = written(results, format_)
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded(text))
        sys.stdout.buffer.flush()
    if format_ == "junit" and results.coverage is not None:
        # The XML has no place for coverage.
        from .views.coverage import coverage_lines

        sys.stderr.write("".join(f"{line}\n" for line in coverage_lines(results.coverage)))
    for _, reason in results.unread:
        complain(reason)


def _show_text(results: Results) -> None:
    from .views.tests import failure_text, summary_line

    colour = colours(sys.stdout)
    for outcome in results.outcomes:
        for failed in outcome.failures:
            say(failure_text(outcome, failed, results.source(outcome.file), colour=colour) + "\n\n")
    sys.stdout.flush()
    if results.broken:
        show_findings([one for one in results.findings() if one.severity == "error"])
    say(f"{summary_line(results)}\n")
    if results.coverage is not None:
        from .views.coverage import coverage_lines

        say("".join(f"{line}\n" for line in ("", *coverage_lines(results.coverage))))
    sys.stdout.flush()


def _told(path: Path) -> str:
    if str(path) == "-":
        raise UsageError("tests need a flow in a file, because they may read files from its folder")
    return told_path(path)
