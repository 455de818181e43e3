"""`flowrun endpoints`: what the endpoints of models can."""

from __future__ import annotations

import click

from .endpoints_check import check


@click.group("endpoints", short_help="Find out what the endpoint of a model can.")
def command() -> None:
    """Look after the endpoints of models: the addresses that serve them, each with its key."""


command.add_command(check)
