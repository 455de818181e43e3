"""`flowrun endpoints`: the endpoints of models, with their addresses and the variables that have their keys."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import click

from ..files.project import project_file
from ..providers.addresses import printable
from ..providers.declared_endpoints import DeclaredEndpoints
from ..providers.homes import sent_by
from ..session.approvals import approvals_file, approve, is_approved
from ..session.listing import KeptCheck, ListedEndpoint, listed_endpoints
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, one_line, shown
from . import exits
from .consent import person
from .console import print_json
from .endpoints_check import check

_FOUND = {
    "served": "takes",
    "taken": "takes",
    "refused": "refuses",
    "ignored": "leaves out",
    "unknown": "may take",
}
"""The words for what a check found of a part of a request."""


@click.group(
    "endpoints",
    invoke_without_command=True,
    short_help="List the endpoints of models, their addresses and what is set.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> int:
    """List the endpoints: those that flowrun knows, and those of your settings and of the project of this folder.

    A model is written `endpoint:name`. Keys come only from the environment, and their values are never shown. This
    command sends nothing.
    """
    if ctx.invoked_subcommand is not None:
        return exits.DONE
    rows = list(listed_endpoints(DeclaredEndpoints(os.getcwd(), os.environ), os.environ))
    if as_json:
        print_json({"version": 1, "endpoints": [row.as_row() for row in rows]})
        return exits.DONE
    wide = max(len(row.name) for row in rows)
    for row in rows:
        for number, line in enumerate(_lines(row)):
            click.echo(inert(f"{'' if number else row.name:<{wide}}  {line}"))
    click.echo("\n`flowrun models` names a model of each. Declare your own: docs/models.md.")
    return exits.DONE


def _lines(row: ListedEndpoint) -> Iterator[str]:
    parts = [row.title, {"built-in": "", "package": ""}.get(row.origin, f"of the {row.origin}'s settings")]
    parts += [f"speaks {row.kind}" if row.kind and row.kind != row.name else ""]
    yield ", ".join(part for part in parts if part)
    if row.address:
        yield f"at {row.address}"
    for name, is_set in {**(row.keys or {}), **(row.variables or {})}.items():
        yield f"{name}: {'set' if is_set else 'not set'}"
    if row.lacks:
        yield f"does not take {', '.join(row.lacks)}"
    yield from map(_check_line, row.checks)
    if not row.approved:
        yield "not approved: `flowrun endpoints approve`"


def _check_line(check: KeptCheck) -> str:
    parts: dict[str, list[str]] = {}
    for part, what in check.found.items():
        parts.setdefault(_FOUND.get(what, what), []).append(part)
    told = "; ".join(f"{word} {', '.join(names)}" for word, names in parts.items())
    return f"{one_line(check.model)} {told} (checked on {time.strftime('%Y-%m-%d', time.gmtime(check.date))})"


@command.command("approve", short_help="Approve the endpoints that a project declares.")
@click.argument("folder", required=False, default=".", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Approve without a question, as is needed where no terminal is.")
def approve_command(folder: Path, *, yes: bool) -> int:
    """Approve the endpoints in the flowrun.toml of the project of FOLDER, or of this folder.

    They are shown first. The approval holds until the file declares other endpoints.
    """
    if not folder.exists():
        raise UsageError(f"there is no {shown(str(folder))}")
    declared = DeclaredEndpoints(str(folder), os.environ)
    if not declared.project:
        where = project_file(str(folder))
        raise UsageError(
            f"{shown(str(where))} declares no endpoints" if where else f"{shown(str(folder))} has no flowrun.toml"
        )
    click.echo(inert(f"{declared.file} declares:"))
    for one in declared.project.values():
        variables = sent_by(one)
        sent = f", with the value of {' and '.join(variables)}" if variables else ""
        click.echo(inert(f"  {one.name}: prompts go to {printable(one.base_url)}{sent}"))
    if is_approved(declared, os.environ):
        click.echo("These endpoints are approved.")
        return exits.DONE
    if not yes:
        ask = person()
        if ask is None:
            raise UsageError("there is no terminal to ask at: look at the endpoints above, and add --yes")
        if not ask("Approve this? [y/N] "):
            return exits.FINDINGS
    approve(declared, os.environ)
    click.echo(inert(f"approved, in {approvals_file(os.environ)}"))
    return exits.DONE


command.add_command(check)
