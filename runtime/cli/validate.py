"""`flowrun validate`: check flow files without running them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowrun.dsl import Diagnostic, FlowError, nearest

from ..api import load
from ..errors import UsageError
from . import exits
from .show import show_findings


@click.command("validate", short_help="Check flow files without running them.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing when all is well.")
def command(paths: tuple[Path, ...], strict: bool, quiet: bool) -> int:
    """Check flow files. PATHS are files, or folders whose .flow files are checked.

    Nothing is sent and nothing is run. Exits with 0 when all is well, 1 with findings, 2 when a file cannot be read.
    """
    files = [file for path in paths for file in _files(path)]
    found: list[Diagnostic] = []
    for file in files:
        try:
            found.extend(load(file).warnings)
        except FlowError as error:
            found.extend(error.diagnostics)
    if found:
        show_findings(found)
    failed = any(one.severity == "error" for one in found) or (strict and found)
    if not failed and not quiet:
        print(f"{len(files)} file{'s' if len(files) != 1 else ''} checked: no errors", file=sys.stderr)
    return exits.FINDINGS if failed else exits.DONE


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.rglob("*.flow"))
        if not found:
            raise UsageError(f"there is no .flow file in {path}")
        return found
    if not path.exists():
        folder = path.parent
        near = nearest(path.name, [one.name for one in folder.glob("*.flow")]) if folder.is_dir() else None
        raise UsageError(f"there is no file {path}" + (f"; did you mean {folder / near}?" if near else ""))
    return [path]
