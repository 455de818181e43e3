"""`flowrun stubs`: typed functions for callers of flows."""

from __future__ import annotations

import os
from pathlib import Path

import click

from flowrun.dsl import StubFlow, python_stub, stub_flows, typescript_stub

from ..files.files import read_plain
from ..outputs.target import Target
from ..session.loading import load
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from . import exits
from .console import complain, say, show_findings
from .paths import OutputPath, PathThatIs, refuse_pipe, to_file

LANGUAGES = {"python": python_stub, "typescript": typescript_stub}
SUFFIXES = {".py": "python", ".ts": "typescript", ".mts": "typescript"}


@click.command("stubs", short_help="Write typed functions that run flows, for Python or TypeScript.")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=PathThatIs())
@click.option(
    "--lang",
    type=click.Choice(list(LANGUAGES)),
    help="The language of the callers. The default follows the ending of OUT, and is Python without it.",
)
@click.option(
    "--output", "-o", "out", metavar="OUT", type=OutputPath(), help="Write to a file instead of standard output."
)
@click.option("--check", is_flag=True, help="Write nothing, but exit with 1 if OUT differs.")
def command(paths: tuple[Path, ...], lang: str | None, out: Path | None, check: bool) -> int:
    """Write a module with a typed function for each flow of the files.

    In Python a function runs the flow in this process, and has a form for coroutines. In TypeScript it posts its inputs
    to `flowrun serve`. The module finds the flow files by their paths from its own folder.
    """
    file = to_file(out)
    if check and file is None:
        raise UsageError("--check compares with a file: name it with -o OUT")
    chosen = lang or (SUFFIXES.get(file.suffix.lower(), "") if file else "python")
    if not chosen:
        assert file is not None
        raise UsageError(f"the name {shown(str(file))} does not tell the language; end it in .py or .ts, or add --lang")
    target = None if file is None or check else Target(file, paths)
    folder = Path.cwd() if file is None else file.parent
    flows: list[StubFlow] = []
    for path in paths:
        refuse_pipe(path)
        checked = load(path)
        show_findings(checked.warnings) if checked.warnings else None
        if not checked.file.flows:
            raise UsageError(f"{shown(str(path))} has no flow, only declarations for other files")
        flows += stub_flows(checked, _from(folder, path))
    text = LANGUAGES[chosen](flows)
    if check:
        assert file is not None
        return _compare(file, text)
    say(text) if target is None else target.write(text)
    return exits.DONE


def _from(folder: Path, path: Path) -> str:
    """Return the path of a flow file from a folder, with forward slashes."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.absolute().as_posix()


def _compare(file: Path, text: str) -> int:
    if not file.exists():
        complain(f"{shown(str(file))} does not exist: write it without --check")
        return exits.FINDINGS
    if read_plain(file) == text:
        return exits.DONE
    complain(f"{shown(str(file))} is not what the flows say: write it again without --check")
    return exits.FINDINGS
