"""`flowrun audit`: what one element of each untrusted source can change, without a run."""

from __future__ import annotations

from pathlib import Path

import click

from flowrun.dsl import Unread

from ..outputs.target import Target
from . import exits
from .audits import about_labels, print_audit, reaches_of, show_audit, told_audit
from .checks import STDIN, Checks, projects_unread
from .console import complain
from .journals import journal_files
from .paths import OutputPath, PathThatIs, find_flows, to_file, told_path
from .validate import report_of, write

FORMATS = ("json", "sarif", "github")


@click.command("audit", short_help="Show what one element of each untrusted source can change.")
@click.argument("paths", nargs=-1, required=True, type=PathThatIs())
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", *FORMATS]),
    default="text",
    show_default=True,
    help="The form of the audit. SARIF and github have the findings alone.",
)
@click.option("--output", "-o", type=OutputPath(), metavar="FILE", help="Write the audit to FILE.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
def command(paths: tuple[Path, ...], format_: str, output: Path | None, strict: bool) -> int:
    """Show the reach of each source that a flow labels `untrusted`: what one element of it can change and how widely,
    the calls that it can cause, and what it cannot reach. Then come the errors and warnings about labels, and the lines
    that would narrow the reach.

    PATHS are files, folders and patterns, as for `flowrun validate`. The command sends nothing and runs nothing. A file
    with other errors has no reach; its errors are shown.

    \b
    Exits with
      0   no untrusted text in a trusted place (with --strict: no warnings either)
      1   such text, or other errors
      2   a wrong command, a path without a readable file, or a flowrun.toml that is not valid
      74  a file that could not be written
    """
    files, refused = find_flows(paths)
    file = to_file(output)
    target = None if file is None else Target(file, (*files, *journal_files()))
    checks = Checks()
    names = sorted({STDIN if str(path) == "-" else told_path(path) for path in files})
    found = about_labels(checks.all(names))
    refusals = [Unread(told_path(path), str(error)) for path, error in refused]
    unread = sorted({*refusals, *checks.unread, *projects_unread(names)}, key=lambda one: one.name)
    for one in unread:
        complain(one.reason)
    read = [name for name in names if name not in {one.name for one in unread}]
    report = report_of(format_, read, found, unread, strict=strict)
    reaches = reaches_of(checks.examined)
    if format_ != "text":
        write(told_audit(format_, report, reaches), target)
    elif target is not None:
        write(show_audit(report, reaches), target)
    else:
        print_audit(report, reaches)
    return exits.USAGE if unread else exits.FINDINGS if report.failed else exits.DONE
