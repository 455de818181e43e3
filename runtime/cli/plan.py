"""`flowrun plan`: what a flow would do, and how many calls that takes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from flowrun.dsl import Bounds, bounds_of
from flowrun.dsl import plan as p

from ..api import checked_inputs, load
from ..catalog import catalog
from ..errors import UsageError
from ..estimate import sizes_of
from ..files import Files
from ..inputs import read_input
from . import exits
from .plans import plan_of
from .show import show_findings, standard_input


@click.command(
    "plan",
    short_help="Show what a flow would do, and how many calls that takes.",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--flow", metavar="NAME", help="The flow to plan, if not the last one.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan itself, as JSON.")
@click.option("--max-calls", type=int, metavar="N", help="Fail when the flow could make more calls than this.")
@click.pass_context
def command(ctx: click.Context, path: Path, flow: str | None, as_json: bool, max_calls: int | None) -> int:
    """Show a flow's steps with the least and the most calls of each. Nothing is sent.

    Parameters are given as when running: `flowrun plan FILE --document report.md` reads the document and counts its
    sections.
    """
    checked = load(path)
    show_findings(checked.warnings) if checked.warnings else None
    plan = plan_of(checked, flow)
    if as_json:
        click.echo(p.to_json(plan, indent=2))
        return exits.DONE
    files = Files(path.parent)
    inputs = _inputs(plan, ctx.args, files)
    sizes = sizes_of(plan, inputs, files) if inputs or not plan.params else {}
    bounds = bounds_of(plan, catalog().reducers, sizes)
    for line in tree(bounds):
        click.echo(line)
    if max_calls is not None and (bounds.most is None or bounds.most > max_calls):
        most = "without a bound" if bounds.most is None else f"up to {bounds.most}"
        print(f"flowrun: the flow makes calls {most}, and {max_calls} are allowed", file=sys.stderr)
        return exits.OVER_LIMIT
    return exits.DONE


def _inputs(plan: p.Plan, arguments: list[str], files: Files) -> dict[str, Any]:
    params = {param.name: param for param in plan.params}
    given: dict[str, Any] = {}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        name = name.replace("-", "_")
        if not word.startswith("--") or name not in params:
            known = " ".join(f"--{known}" for known in params) or "none"
            raise UsageError(f"`{word}` is no parameter of the flow `{plan.flow}`; it has: {known}")
        if not equals:
            value = next(words, "")
        given[name] = read_input(params[name], value, standard_input, files)
    return checked_inputs(plan, given, complete=False)


def tree(bounds: Bounds) -> Iterator[str]:
    rows = list(_rows(bounds, "", ""))
    left = max(len(name) for name, _, _ in rows)
    middle = max(len(what) for _, what, _ in rows)
    for name, what, calls in rows:
        yield f"{name:<{left}}  {what:<{middle}}  {calls}".rstrip()


def _rows(bounds: Bounds, head: str, indent: str) -> Iterator[tuple[str, str, str]]:
    yield head + bounds.title, bounds.what, calls_text(bounds.least, bounds.most)
    for number, inner in enumerate(bounds.inside):
        last = number == len(bounds.inside) - 1
        yield from _rows(inner, indent + ("└─ " if last else "├─ "), indent + ("   " if last else "│  "))


def calls_text(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} calls or more" if least else "calls: as many as the input needs"
    if least == most:
        return "" if most == 0 else f"{most} call{'s' if most != 1 else ''}"
    return f"{least} to {most} calls"
