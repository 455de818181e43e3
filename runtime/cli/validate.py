"""`flowrun validate`: check flow files without running them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrun.dsl import FORMATS, Diagnostic, Report, Unread, format_report

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, one_line, shown
from . import exits
from .checks import STDIN, Checks, projects_unread
from .lints import FORCE, Chosen, lint_options
from .paths import OutputPath, PathThatIs, find_flows, rewrite, to_file, told_path

if TYPE_CHECKING:
    from ..outputs.target import Target
    from .audits import Reaches

MOST_FIXES = 100


@click.command("validate", short_help="Check flow files without running them.")
@click.argument("paths", nargs=-1, required=True, type=PathThatIs())
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", *FORMATS]),
    default="text",
    show_default=True,
    help="The form of the findings. Every form except text goes to standard output and is complete.",
)
@click.option("--output", "-o", type=OutputPath(), metavar="FILE", help="Write the findings to FILE.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--fix", is_flag=True, help="Make the safe fixes in the files, then show the remaining findings.")
@click.option("--diff", is_flag=True, help="Show the changes of --fix, but change nothing.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing if there are no findings.")
@lint_options
@click.option("--force-exclude", is_flag=True, help=FORCE)
@click.option("--watch", is_flag=True, help="Check again whenever a file changes, until ^C.")
@click.option("--audit", is_flag=True, help="Then show the reach of untrusted sources, as `flowrun audit` does.")
def command(
    paths: tuple[Path, ...],
    format_: str,
    output: Path | None,
    strict: bool,
    fix: bool,
    diff: bool,
    quiet: bool,
    lints: Chosen,
    force_exclude: bool,
    watch: bool,
    audit: bool,
) -> int:
    """Check flow files. PATHS are files, folders, and patterns such as 'flows/**/*.flow'. A folder stands for all .flow
    files in it and below. `-` stands for standard input.

    The command sends nothing and runs nothing. A broken file does not stop the check of the others.

    \b
    Exits with
      0   no errors (with --strict: no warnings either)
      1   findings, or changes to show with --diff
      2   a wrong command, a path without a readable file, or a flowrun.toml that is not valid
      74  a file that could not be written
      130 ^C with --watch
    """
    if diff and format_ != "text":
        raise UsageError(f"--diff and --format {format_} would both write to standard output; use only one of them")
    if audit and (format_ not in ("text", "json") or (output is not None and format_ == "text")):
        raise UsageError(
            "--audit adds the reach to the printed text and to JSON; `flowrun audit --output` writes a file"
        )
    if fix and not diff and Path("-") in paths:
        raise UsageError("--fix cannot change standard input; `--diff` shows the changes")
    if watch:
        from .watch import watch_flows

        for flag, given in (("--fix", fix), ("--diff", diff), ("--output", output), ("--audit", audit)):
            if given:
                raise UsageError(f"--watch only shows findings: leave out {flag}")
        if format_ != "text":
            raise UsageError(f"--watch shows findings as text: leave out --format {format_}")
        return watch_flows(paths, lints, strict=strict, forced=force_exclude)
    files, refused = find_flows(paths, forced=force_exclude)
    file = to_file(output)
    target = None if file is None else _target(file, files)
    checks = Checks(lints)
    names = sorted({STDIN if str(path) == "-" else told_path(path) for path in files})
    unread = [Unread(told_path(path), str(error)) for path, error in refused]
    found = checks.all(names)
    code = exits.DONE
    if fix or diff:
        code = _fix(checks, names, found, diff=diff)
        if fix and not diff:
            checks = Checks(lints)
            found = checks.all(names)
    unread = sorted({*unread, *checks.unread, *projects_unread(names)}, key=lambda one: one.name)
    checked = [name for name in names if name not in {one.name for one in unread}]
    for one in unread:
        from .console import complain

        complain(one.reason)
    report = report_of(format_, checked, found, unread, strict=strict)
    failed = report.failed
    reaches = None
    if audit:
        from .audits import print_reach, reaches_of

        reaches = reaches_of(checks.examined)
    if format_ == "text" and output is None:
        if found:
            from .console import show_findings

            show_findings(found, fixes=not fix and not diff)
    else:
        write(_told(format_, report, reaches), target)
    if not quiet and checked and (not failed or format_ != "text" or output):
        listed = found if failed or format_ != "text" or output else ()
        print(_counted(len(checked), listed, len(unread)), file=sys.stderr)
    if reaches is not None and format_ == "text":
        print_reach(reaches)
    return max(code, exits.USAGE if unread else exits.FINDINGS if failed else exits.DONE)


def _counted(checked: int, listed: Sequence[Diagnostic], unread: int) -> str:
    """Return the closing line: the number of checked files, their findings, and the number of files without a check."""
    counts = "no errors"
    if listed:
        from .console import count_text

        counts = count_text(listed)
    if unread:
        counts = f"{counts}; {unread:,} other file{'s' if unread != 1 else ''} cannot be used"
    return f"{checked:,} file{'s' if checked != 1 else ''} checked: {counts}"


def _target(file: Path, files: Sequence[Path]) -> Target:
    """Return the file for the findings. It may not be one of the flows, nor a journal."""
    from ..outputs.target import Target
    from .journals import journal_files

    return Target(file, (*files, *journal_files()))


def _fix(checks: Checks, names: Sequence[str], found: Sequence[Diagnostic], *, diff: bool) -> int:
    """Apply the safe fixes to the files, or show them as a diff. Return the exit code for this alone."""
    from flowrun.dsl import apply_fixes

    mendable = {one.span.source.name for one in found if one.fix and one.fix.safe}
    made: list[Diagnostic] = []
    files = 0
    code = exits.DONE
    for name in names:
        if name not in mendable:
            continue
        before = checks.source(name)
        fixed = apply_fixes(before, checks.findings)
        if fixed.source.text == before.text:
            continue
        from .console import complain, show_difference

        if diff:
            show_difference(name, before.text, fixed.source.text, "fixed")
            code = exits.FINDINGS
        else:
            try:
                rewrite(Path(name), before.text, fixed.source.text)
            except (UsageError, OSError) as error:
                cannot = f"{shown(name)} cannot be written"
                complain(f"{cannot}: {error.strerror or error}" if isinstance(error, OSError) else str(error))
                code = exits.DISK
                continue
        made += fixed.made
        files += 1
    if found:
        _tell_fixes(made, files, "would fix" if diff else "fixed")
    return code


def _tell_fixes(made: Sequence[Diagnostic], files: int, what: str) -> None:
    for one in made[:MOST_FIXES]:
        title = one.fix.title if one.fix else ""
        print(f"{what} {one_line(str(one.span))}: {inert(title)} ({one.code})", file=sys.stderr)
    if made:
        more = f"… and {len(made) - MOST_FIXES:,} more; " if len(made) > MOST_FIXES else ""
        fixes = f"{len(made):,} fix{'es' if len(made) != 1 else ''}"
        print(f"{more}{fixes} in {files:,} file{'s' if files != 1 else ''}", file=sys.stderr)
    else:
        print("there are no safe fixes: a person must look at each finding", file=sys.stderr)


def _told(format_: str, report: Report, reaches: Reaches | None) -> str:
    if format_ == "text":
        from flowrun.dsl import render_diagnostics

        return render_diagnostics(report.findings) + "\n" if report.findings else ""
    if reaches is None:
        return format_report(report, format_)
    from .audits import told_audit

    return told_audit(format_, report, reaches)


def report_of(
    format_: str, names: Sequence[str], found: Sequence[Diagnostic], unread: Sequence[Unread], *, strict: bool
) -> Report:
    """Return the report of a check. The version of the tool is not looked up for a text."""
    version = ""
    if format_ != "text":
        from importlib import metadata

        version = metadata.version("flowrun-dsl")
    return Report(tuple(names), tuple(found), tuple(unread), strict, version)


def write(text: str, target: Target | None) -> None:
    """Write to a file or to standard output, in UTF-8 whatever encoding the terminal has."""
    if target is not None:
        target.write(text)
        return
    sys.stdout.flush()
    from ..outputs.target import encoded

    sys.stdout.buffer.write(encoded(text))
    sys.stdout.buffer.flush()
