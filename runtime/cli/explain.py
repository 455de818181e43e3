"""`flowrun explain`: the page of a code."""

from __future__ import annotations

import click

from flowrun.dsl import CODES, did_you_mean, page

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from . import exits


@click.command("explain", short_help="Show the page of a diagnostic's code.")
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """Show what a code such as F0203 means, with a bad and a good example. Without a code: the list of them."""
    if code is None:
        for name, entry in CODES.items():
            click.echo(f"{name}  {entry.severity:<8} {entry.title}")
        return exits.DONE
    name = code.strip().strip("[]").upper()
    if name not in CODES:
        raise UsageError(
            f"there is no code {shown(code)}; {did_you_mean(name, CODES) or '`flowrun explain` lists all codes'}"
        )
    click.echo(page(name).rstrip())
    return exits.DONE
