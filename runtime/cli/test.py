"""`flowrun test`: run the tests of flow files. Without --record nothing is sent. No Python of an extern runs."""

from __future__ import annotations

import sys
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from . import exits
from .console import colours, complain, say, show_findings
from .finite import FiniteRange
from .lints import FORCE
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
    type=FiniteRange(0, 100),
    metavar="PERCENT",
    help="Fail if the tests reach less than this share of all parts. It needs --coverage.",
)
@click.option("-x", "stop", is_flag=True, help="Stop at the first test that does not pass.")
@click.option(
    "--record",
    is_flag=False,
    flag_value="all",
    metavar="[missing]",
    help="First ask the models for the answers of the tests' cassettes; `missing`: only for those that they lack.",
)
@click.option("--budget", metavar="BUDGET", help="With --record: the budget of all calls: '$2.50, 400 calls'.")
@click.option("--yes", "-y", is_flag=True, help="With --record: begin without asking on the terminal.")
@click.option("--model", metavar="MODEL", help="With --record: the model for asks without a model.")
@click.option("--allow-host", multiple=True, metavar="HOST", help="With --record: use models at this host.")
@click.option("--journal", metavar="FILE", help="With --record: the file for the answers.")
@click.option("--force-exclude", is_flag=True, help=FORCE)
@click.option("--update", is_flag=True, help="Remove the answers that no test takes from the cassettes.")
def command(
    paths: tuple[Path, ...], word: str, format_: str, covers: bool, least: float | None, stop: bool, **given: Any
) -> int:
    """Run the tests of flow files. PATHS are files, folders and patterns, as for `flowrun validate`; without PATHS, the
    current folder.

    A test takes its answers from its own lines, and then from its cassette. Without --record the command sends nothing
    and asks no model. It never runs the Python of a flow.

    --record shows its calls and their cost first, and asks on a terminal. Then the tests run with these answers.

    \b
    Exits with
      0   every test passed
      1   a test failed, a file has errors, or the coverage is below --min
      2   a wrong command, or a path without a readable file
      3   with --record: a call has no answer; 4: the budget was spent
    """
    from flowrun.testing.parallel import run_files

    from ..session.garbage import COLLECTOR
    from .views.tests import Results

    mode, paths = _mode(given, paths)
    if given["update"] and (word or stop):
        raise UsageError("--update needs the calls of all tests: leave out -k and -x")
    if least is not None and isnan(least):
        raise UsageError("--min nan is not a share of the coverage: write a number from 0 to 100")
    if least is not None and not covers:
        raise UsageError("--min is a share of the coverage: give --coverage, too")
    files, refused = find_flows(paths or (Path(),), forced=given["force_exclude"])
    names = sorted({_told(path) for path in files})
    if mode:
        from .test_record import Recording

        code = Recording(names, {**given, "record": mode, "word": word}).record()
        if code != exits.DONE:
            return code
    results = Results(word=word, unread=[(told_path(path), str(error)) for path, error in refused])
    with COLLECTOR.rarely():
        for result in run_files(names, word, stop=stop, covers=covers, costs=format_ == "json"):
            results.take(result)
    if covers:
        from .views.coverage import Counted

        results.coverage = Counted.of(results.files, least)
    if word and results.tests and not results.outcomes and not results.broken:
        raise UsageError(f"no test has {shown(word)} in its title")
    show(results, format_)
    if given["update"]:
        from .test_update import update

        update(results.files)
    counted = results.coverage
    failed = results.failed or (counted is not None and counted.too_low)
    return exits.USAGE if results.unread else exits.FINDINGS if failed else exits.DONE


def _mode(given: dict[str, Any], paths: tuple[Path, ...]) -> tuple[str, tuple[Path, ...]]:
    """Return the mode of --record, "" without it, and the paths. A word behind --record may be the first path."""
    mode = given["record"] or ""
    if mode not in ("", "all", "missing"):
        mode, paths = "all", (Path(mode), *paths)
    if not mode:
        for name in ("budget", "yes", "model", "allow_host", "journal"):
            if given[name]:
                raise UsageError(f"--{name.replace('_', '-')} belongs to --record: without it, tests send nothing")
    return mode, paths


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
    # The file of a project says the same for each of its flows.
    for reason in dict.fromkeys(reason for _, reason in results.unread):
        complain(reason)


def _show_text(results: Results) -> None:
    from flowrun.testing.failure_text import failure_text

    from .views.tests import summary_line

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
