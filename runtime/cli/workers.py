"""The option `--workers N` of the commands that run flows."""

from __future__ import annotations

import click

from ..session.given import MOST_WORKERS

HELP = "Run the elements of maps and the samples of repeats in N processes of this machine."
KIND = click.IntRange(0, MOST_WORKERS)


def workers_option() -> click.Option:
    return click.Option(["--workers"], type=KIND, default=0, metavar="N", help=HELP)
