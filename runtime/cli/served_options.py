"""The options that `flowrun mcp` and `flowrun serve` share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from .paths import PathThatIs
from .plans import ALLOW_READ

MOST_RUNS = 50


class ServedCommand(click.Command):
    """A command that serves flows. Its own options follow the shared ones."""

    def __init__(self, name: str, *, params: list[click.Parameter] | None = None, **settings: Any) -> None:
        super().__init__(name, params=[*served_options(), *(params or [])], **settings)


def served_options() -> Iterator[click.Parameter]:
    """Yield the options of both commands, which are those of a run as far as they hold for all calls."""
    yield click.Argument(["paths"], nargs=-1, required=True, type=PathThatIs())
    yield click.Option(["--flow", "flows"], multiple=True, metavar="NAME", help="Serve only this flow of the files.")
    yield click.Option(
        ["--model"], metavar="MODEL", help="The model for asks without a model, such as openai:gpt-4o-mini."
    )
    yield click.Option(["--budget"], metavar="BUDGET", help="The budget of each call: '$0.50, 40 calls'.")
    yield click.Option(
        ["--total-budget"], metavar="BUDGET", help="The budget of all calls until the server ends: '$20'."
    )
    yield click.Option(
        ["--max-runs"],
        type=click.IntRange(min=1),
        default=MOST_RUNS,
        show_default=True,
        metavar="N",
        help="The most calls that go on at the same time.",
    )
    yield click.Option(
        ["--allow-read"],
        **{**ALLOW_READ, "help": "Let the flows read this folder, and clients name files in it."},
    )
    yield click.Option(["--allow-host"], multiple=True, metavar="HOST", help="Let the flows use models at this host.")
    yield click.Option(
        ["--allow-python"], is_flag=True, help="Let the flows call the Python functions that they declare."
    )
    yield click.Option(["--journal"], metavar="FILE", help="The file for the answers of all calls.")
    yield click.Option(["--no-journal"], is_flag=True, help="Keep no answers.")
