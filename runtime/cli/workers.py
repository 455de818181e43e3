"""The options `--workers`, `--engine` and `--send-keys` of the commands that run flows."""

from __future__ import annotations

from typing import Any

import click

from ..session.option_readers import MOST_WORKERS

HELP = "Run the elements of maps and the samples of repeats in N processes of this machine."
KIND = click.IntRange(0, MOST_WORKERS)


ENGINE: dict[str, Any] = {
    "default": "",
    "metavar": "ENGINE",
    "help": "Place these processes with Ray: `ray` on this machine, `ray=HOST:6379` in the cluster there.",
}
SEND_KEYS = "Send the keys of the models to the nodes of the cluster, which otherwise have their own."


def workers_options() -> list[click.Parameter]:
    return [
        click.Option(["--workers"], type=KIND, default=0, metavar="N", help=HELP),
        click.Option(["--engine"], **ENGINE),
        click.Option(["--send-keys"], is_flag=True, help=SEND_KEYS),
    ]
