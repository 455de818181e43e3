"""`flowrun fmt`: one canonical layout."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowrun.dsl import Diagnostic, FlowError, Source, format_file, parse_flow

from ..files.files import read_plain
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line, shown
from . import exits
from .console import complain, say, show_difference, show_findings, standard_flow
from .lints import FORCE
from .paths import PathThatIs, find_flows, refuse_pipe, rewrite


@click.command("fmt", short_help="Put flow files into the canonical layout.")
@click.argument("paths", nargs=-1, required=True, type=PathThatIs())
@click.option("--check", is_flag=True, help="Change nothing, but exit with 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing, but show the changes.")
@click.option("--force-exclude", is_flag=True, help=FORCE)
def command(paths: tuple[Path, ...], check: bool, diff: bool, force_exclude: bool) -> int:
    """Put flow files into the canonical layout. Their meaning and their comments stay. `-` stands for standard input.

    A broken file does not stop the others.
    """
    files, refused = find_flows(paths, forced=force_exclude)
    for _, error in refused:
        complain(str(error))
    code = exits.USAGE if refused else exits.DONE
    found: list[Diagnostic] = []
    for path in files:
        try:
            code = max(code, _format(path, check, diff))
        except FlowError as error:
            found += error.diagnostics
        except UsageError as error:
            complain(str(error))
            code = max(code, exits.USAGE)
    if found:
        show_findings(found)
    return max(code, exits.FINDINGS if found else exits.DONE)


def _format(path: Path, check: bool, diff: bool) -> int:
    """Format one file, or show the changes. Return the exit code for this file alone."""
    piped = str(path) == "-"
    name = "<stdin>" if piped else str(path)
    before = standard_flow() if piped else _read(path)
    after = format_file(parse_flow(Source(before, name)))
    if diff:
        show_difference(name, before, after, "formatted")
    elif piped and not check:
        say(after)
    elif not check and after != before:
        try:
            rewrite(path, before, after)
        except OSError as error:
            complain(f"{shown(name)} cannot be written: {error.strerror or error}")
            return exits.DISK
    if after != before and not piped:
        print(f"{'would change' if check or diff else 'changed'} {one_line(name)}", file=sys.stderr)
    return exits.FINDINGS if after != before and (check or diff) else exits.DONE


def _read(path: Path) -> str:
    refuse_pipe(path)
    return read_plain(path)
