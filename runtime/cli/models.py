"""`flowrun models`: the providers, and what each needs."""

from __future__ import annotations

import click

from ..providers import provider_table
from . import exits


@click.command("models", short_help="List the providers of models, and the keys that they need.")
def command() -> int:
    """List the providers of models. Keys come from the environment alone; their values are never shown."""
    for info in provider_table():
        click.echo(f"{info.name:<10} {info.title}")
        click.echo(f"{'':<10} e.g. {info.example}")
        if info.base_url:
            click.echo(f"{'':<10} at {info.base_url}")
        for variable, is_set in info.variables:
            click.echo(f"{'':<10} {variable}: {'set' if is_set else 'not set'}")
    click.echo("\nA flow that names no model uses --model, then FLOWRUN_MODEL, then `embedded`.")
    return exits.DONE
