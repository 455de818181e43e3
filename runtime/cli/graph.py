"""`flowrun graph`: a picture of the steps of a flow and their order."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowrun.dsl import picture_of, to_dot, to_mermaid, to_svg

from ..catalog import catalog
from ..outputs.target import Target
from ..session.loading import load, plan_of
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from . import exits
from .console import say, show_findings
from .journals import journal_files
from .paths import PathThatIs, refuse_pipe

FORMATS = {"mermaid": to_mermaid, "dot": to_dot, "svg": to_svg}
SUFFIXES = {".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".svg": "svg"}
# The most that Mermaid draws unless its configuration allows more: `maxEdges` and `maxTextSize`.
MERMAID_EDGES = 500
MERMAID_TEXT = 50_000


@click.command("graph", short_help="Draw a flow as Mermaid, DOT or SVG.")
@click.argument("path", type=PathThatIs())
@click.option("--flow", metavar="NAME", help="The flow to draw. The default is the last flow of the file.")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="The form of the drawing. The default follows the ending of OUT.",
)
@click.option(
    "--output", "-o", "out", metavar="OUT", help="Write to a file (.mmd, .dot or .svg) instead of standard output."
)
def command(path: Path, flow: str | None, form: str | None, out: str | None) -> int:
    """Draw a flow: its steps, the blocks around them, and the edges between them.

    Mermaid is for Markdown, DOT for Graphviz, and SVG for everything else. SVG needs no other tool. Without OUT the
    command prints Mermaid on standard output. It sends nothing, and reads only the flow and its imports.
    """
    to_file = Path(out) if out is not None and out != "-" else None
    chosen = form or _format_of(to_file)
    target = None if to_file is None else Target(to_file, (path, *journal_files()))
    refuse_pipe(path)
    checked = load(path)
    show_findings(checked.warnings) if checked.warnings else None
    picture = picture_of(plan_of(checked, flow), catalog().functions)
    text = FORMATS[chosen](picture)
    say(text) if target is None else target.write(text)
    if chosen == "mermaid" and (len(picture.edges) > MERMAID_EDGES or len(text) > MERMAID_TEXT):
        print(
            f"flowrun: this picture has {len(picture.edges):,} edges in {len(text):,} characters, and Mermaid draws "
            f"at most {MERMAID_EDGES} in {MERMAID_TEXT:,} by default; configure a higher limit, or write --format svg",
            file=sys.stderr,
        )
    return exits.DONE


def _format_of(out: Path | None) -> str:
    if out is None:
        return "mermaid"
    found = SUFFIXES.get(out.suffix.lower())
    if found is None:
        known = ", ".join(SUFFIXES)
        raise UsageError(
            f"the name {shown(str(out))} does not tell the format; end it in one of {known}, or add --format"
        )
    return found
