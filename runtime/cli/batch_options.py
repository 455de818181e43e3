"""The options of commands for batch APIs."""

from __future__ import annotations

import click

BATCH = "Ask all models that can through their batch APIs: half the price, within 24 hours."
NO_WAIT = "End when only batch APIs are waited for, with exit code 7; `flowrun resume` reads their answers."


def batch_options() -> list[click.Parameter]:
    return [
        click.Option(["--batch"], is_flag=True, help=BATCH),
        click.Option(["--no-wait"], is_flag=True, help=NO_WAIT),
    ]
