"""`flowrun models`: a model of each endpoint, as a flow names it."""

from __future__ import annotations

import os

import click

from ..providers import provider_table
from ..providers.declared_endpoints import DeclaredEndpoints
from ..vocabulary.quoting import inert
from . import exits


@click.command("models", short_help="Name a model of each endpoint, as a flow writes it.")
def command() -> int:
    """Name a model of each endpoint. `flowrun endpoints` tells addresses, and which keys are set."""
    rows = [(info.example, info.title) for info in provider_table()]
    declared = DeclaredEndpoints(os.getcwd(), os.environ).values()
    rows += [(f"{one.name}:NAME", f"of the {one.origin}'s settings") for one in declared]
    wide = max(len(example) for example, _ in rows)
    for example, title in rows:
        click.echo(inert(f"{example:<{wide}}  {title}"))
    click.echo("\n`flowrun endpoints` tells addresses, and which keys are set.")
    click.echo("A flow that names no model uses --model, then FLOWRUN_MODEL, then the project's, then `embedded`.")
    return exits.DONE
