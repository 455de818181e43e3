"""`flowrun explain`: the page of a code."""

from __future__ import annotations

import click

from flowrun.dsl import CODES, did_you_mean, page, usage

from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from . import exits


@click.command("explain", short_help="Explain the code of a diagnostic.")
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """Explain a code such as F0203, with a bad and a good example. Without CODE, list all codes.

    The name of a reducer or a splitter, such as majority, shows its form and its rule.
    """
    if code is None:
        for name, entry in CODES.items():
            click.echo(f"{name}  {entry.severity:<8} {entry.title}")
        return exits.DONE
    name = code.strip().strip("[]").upper()
    if name not in CODES and (found := _thing(code.strip())):
        click.echo(found)
        return exits.DONE
    if name not in CODES:
        raise UsageError(
            f"there is no code {shown(code)}; {did_you_mean(name, CODES) or '`flowrun explain` lists all codes'}"
        )
    click.echo(page(name).rstrip())
    return exits.DONE


def _thing(name: str) -> str:
    """Return the page of a reducer or a splitter. "" if there is none with this name."""
    from ..reducers import REDUCERS
    from ..splitters import SPLITTERS

    if name in REDUCERS:
        return f"reduce {usage(name, REDUCERS[name].spec.params)}\n\n{REDUCERS.page(name)}"
    if name in SPLITTERS:
        return f"split(…, by: {usage(name, SPLITTERS[name].params)})\n\n{SPLITTERS.page(name)}"
    if fault := REDUCERS.fault(name) or SPLITTERS.fault(name):
        raise UsageError(fault)
    return ""
