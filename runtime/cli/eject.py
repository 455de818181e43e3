"""`flowrun eject`: a flow as a program of plain Python."""

from __future__ import annotations

import os
from pathlib import Path

import click

from flowrun.dsl import Checked, Diagnostic, EjectError, FlowError, Span, ejected
from flowrun.dsl import plan as p

from ..outputs.target import Target
from ..session.loading import load, plan_of
from . import exits
from .console import say, show_findings
from .paths import OutputPath, PathThatIs, refuse_pipe, to_file
from .plans import chosen_model


@click.command("eject", short_help="Write a flow as a program of plain Python, without flowrun.")
@click.argument("path", metavar="FILE", type=PathThatIs())
@click.option("--flow", metavar="NAME", help="The flow to write. The default is the last flow of the file.")
@click.option("--model", metavar="MODEL", help="The model for asks without a model, such as openai:gpt-4o-mini.")
@click.option(
    "--output", "-o", "out", metavar="OUT", type=OutputPath(), help="Write to a file instead of standard output."
)
def command(path: Path, flow: str | None, model: str | None, out: Path | None) -> int:
    """Write a flow as one file of asyncio that needs the standard library alone.

    The program sends the same prompts in the same order, counts votes by the same rules, and corrects answers as a run
    does. It has no journal, no budget and no limits. A flow that cannot be written so is refused, and no file is
    written.
    """
    refuse_pipe(path)
    file = to_file(out)
    target = None if file is None else Target(file, (path,))
    checked = load(path)
    show_findings(checked.warnings) if checked.warnings else None
    plan = plan_of(checked, flow)
    text = program_of(plan, checked, chosen_model(plan, model), Path.cwd() if file is None else file.parent)
    say(text) if target is None else target.write(text)
    return exits.DONE


def program_of(plan: p.Plan, checked: Checked, model: str, folder: Path) -> str:
    """Return the program for a plan. ``folder`` is where it will lie. Raises FlowError for what has no plain form."""
    from ..eject.sources import library
    from ..eject.wire import ChatWire
    from ..providers.declared_endpoints import endpoints_of

    try:
        return ejected(
            plan, library(), ChatWire(endpoints_of(plan, os.environ)), model=model, folder=_from(folder, plan)
        )
    except EjectError as error:
        raise FlowError([_diagnostic(error, checked)]) from None


def _from(folder: Path, plan: p.Plan) -> str:
    home = Path(plan.source).parent
    try:
        return Path(os.path.relpath(home, folder)).as_posix()
    except ValueError:  # another drive
        return home.absolute().as_posix()


def _diagnostic(error: EjectError, checked: Checked) -> Diagnostic:
    """Return the finding at the line of the part that cannot be written."""
    home, _, _ = error.flow.rpartition(":")
    found = checked.imports.get(home, checked)
    source = found.file.span.source
    lines = source.text.split("\n")
    line = min(max(error.line, 1), len(lines))
    start = sum(len(one) + 1 for one in lines[: line - 1])
    text = lines[line - 1]
    indent = len(text) - len(text.lstrip())
    span = Span(source, start + indent, max(start + indent, start + len(text.rstrip())))
    return Diagnostic("F0778", f"this flow cannot be ejected: {error.what}", span, help=error.help)
