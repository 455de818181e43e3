"""The option `--detach` of the commands that run flows. What it does is loaded when it is given."""

from __future__ import annotations

import click

HELP = "Let the run go on without this terminal; `flowrun attach` follows it, and `flowrun stop` stops it."


def detach_option() -> click.Option:
    """Return the option of a command that runs a flow."""
    return click.Option(["--detach"], is_flag=True, help=HELP)
