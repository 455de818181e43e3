"""`flowrun validate`: check flow files without running them."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowrun.dsl import Diagnostic, FlowError

from ..api import load
from . import exits
from .paths import flow_files
from .show import show_findings


@click.command("validate", short_help="Check flow files without running them.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing when all is well.")
def command(paths: tuple[Path, ...], strict: bool, quiet: bool) -> int:
    """Check flow files. PATHS are files, or folders whose .flow files are checked.

    Nothing is sent and nothing is run. Exits with 0 when all is well, 1 with findings, 2 when a file cannot be read.
    """
    files = list(flow_files(paths))
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
