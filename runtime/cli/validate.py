"""`flowrun validate`: check flow files without running them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import FORMATS, Diagnostic, Report, Unread, dataclass, format_report

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, one_line, shown
from . import exits
from .checks import STDIN, Checks, projects_unread
from .lints import FORCE, ChosenLints, lint_options
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
def command(paths: tuple[Path, ...], lints: ChosenLints, force_exclude: bool, watch: bool, **given: Any) -> int:
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
    terms = _Terms(**given)
    terms.refuse(paths)
    if watch:
        from .watch import watch_flows

        terms.refuse_to_watch()
        return watch_flows(paths, lints, strict=terms.strict, forced=force_exclude)
    return _validated(paths, lints, terms, forced=force_exclude)


@dataclass(frozen=True, slots=True)
class _Terms:
    """The options of the command that say what becomes of the findings."""

    format_: str
    output: Path | None
    strict: bool
    fix: bool
    diff: bool
    quiet: bool
    audit: bool

    @property
    def printed(self) -> bool:
        """True if the findings are printed for a person."""
        return self.format_ == "text" and self.output is None

    def refuse(self, paths: Sequence[Path]) -> None:
        """Raise UsageError if options exclude each other."""
        if self.diff and self.format_ != "text":
            raise UsageError(
                f"--diff and --format {self.format_} would both write to standard output; use only one of them"
            )
        if self.audit and not self.printed and self.format_ != "json":
            raise UsageError(
                "--audit adds the reach to the printed text and to JSON; `flowrun audit --output` writes a file"
            )
        if self.fix and not self.diff and Path("-") in paths:
            raise UsageError("--fix cannot change standard input; `--diff` shows the changes")

    def refuse_to_watch(self) -> None:
        """Raise UsageError if an option has no sense with --watch."""
        flags = {"--fix": self.fix, "--diff": self.diff, "--output": self.output, "--audit": self.audit}
        for flag, given in flags.items():
            if given:
                raise UsageError(f"--watch only shows findings: leave out {flag}")
        if self.format_ != "text":
            raise UsageError(f"--watch shows findings as text: leave out --format {self.format_}")


def _validated(paths: Sequence[Path], lints: ChosenLints, terms: _Terms, *, forced: bool) -> int:
    """Check the files, and return the exit code."""
    files, refused = find_flows(paths, forced=forced)
    file = to_file(terms.output)
    target = None if file is None else _target(file, files)
    checks = Checks(lints)
    names = sorted({STDIN if str(path) == "-" else told_path(path) for path in files})
    found = checks.all(names)
    code = exits.DONE
    if terms.fix or terms.diff:
        code = _fix(checks, names, found, diff=terms.diff)
        if not terms.diff:
            checks = Checks(lints)
            found = checks.all(names)
    unread = {*(Unread(told_path(path), str(error)) for path, error in refused), *checks.unread}
    report = _report(terms, names, found, {*unread, *projects_unread(names)})
    for one in report.unread:
        from .console import complain

        complain(one.reason)
    _show(report, checks, terms, target)
    return max(code, exits.USAGE if report.unread else exits.FINDINGS if report.failed else exits.DONE)


def _report(terms: _Terms, names: Sequence[str], found: Sequence[Diagnostic], unread: Iterable[Unread]) -> Report:
    told = sorted(unread, key=lambda one: one.name)
    checked = [name for name in names if name not in {one.name for one in told}]
    return report_of(terms.format_, checked, found, told, strict=terms.strict)


def _show(report: Report, checks: Checks, terms: _Terms, target: Target | None) -> None:
    """Print or write the findings, then the number of the files, then the reach if it is wanted."""
    reaches = None
    if terms.audit:
        from .audits import print_reach, reaches_of

        reaches = reaches_of(checks.examined)
    if not terms.printed:
        write(_told(terms.format_, report, reaches), target)
    elif report.findings:
        from .console import show_findings

        show_findings(report.findings, fixes=not terms.fix and not terms.diff)
    if not terms.quiet and report.files and not (report.failed and terms.printed):
        listed = () if terms.printed else report.findings
        print(_counted(len(report.files), listed, len(report.unread)), file=sys.stderr)
    if reaches is not None and terms.format_ == "text":
        print_reach(reaches)


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
