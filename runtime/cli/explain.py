"""`flowrun explain`: the page of a code."""

from __future__ import annotations

import click

from flowrun.dsl import CODES, did_you_mean, page

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from . import exits


@click.command("explain", short_help="Explain the code of a diagnostic.")
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """Explain a code such as F0203, with a bad and a good example. Without CODE, list all codes."""
    if code is None:
        for name, entry in CODES.items():
            click.echo(f"{name}  {entry.severity:<8} {entry.title}")
        return exits.DONE
    name = code.strip().strip("[]").upper()
    if name not in CODES:
        raise UsageError(
            f"no code is called {shown(code)}; {did_you_mean(name, CODES) or '`flowrun explain` lists them'}"
        )
    click.echo(page(name).rstrip())
    return exits.DONE
