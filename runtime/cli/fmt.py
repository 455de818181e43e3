"""`flowrun fmt`: one canonical layout."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

import click

from flowrun.dsl import Source, format_file, parse_flow

from ..files import read_plain
from . import exits
from .paths import flow_files, rewrite


@click.command("fmt", short_help="Put flow files into the one canonical layout.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 when a file would change.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
def command(paths: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Put flow files into the one canonical layout; meaning and comments stay. `-` formats standard input."""
    changed = 0
    for path in flow_files(paths):
        name = "<stdin>" if str(path) == "-" else str(path)
        before = sys.stdin.read() if str(path) == "-" else read_plain(path)
        after = format_file(parse_flow(Source(before, name)))
        changed += after != before
        if diff:
            lines = before.splitlines(True), after.splitlines(True)
            sys.stdout.writelines(difflib.unified_diff(*lines, name, name, "as it is", "formatted"))
        elif not check and str(path) == "-":
            sys.stdout.write(after)
        elif not check and after != before:
            rewrite(path, before, after)
        if after != before and str(path) != "-":
            print(f"{'would change' if check or diff else 'changed'} {name}", file=sys.stderr)
    return exits.FINDINGS if changed and (check or diff) else exits.DONE
