"""The options of commands for batch APIs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from flowrun.dsl import plan as p

if TYPE_CHECKING:
    from flowrun.dsl import Bounds

HOURS = 24
"""The hours within which every batch API ends a submission."""
_LIVE = "; lines without an answer are sent live, at full price"
BATCH = "Ask all models that can through their batch APIs: half the price, within 24 hours."
NO_WAIT = "End when only batch APIs are waited for, with exit code 7; `flowrun resume` reads their answers."


def batch_options() -> list[click.Parameter]:
    return [
        click.Option(["--batch"], is_flag=True, help=BATCH),
        click.Option(["--no-wait"], is_flag=True, help=NO_WAIT),
    ]


def batch_lines(plan: p.Plan, only_batches: Callable[[], Bounds], *, everywhere: bool) -> Iterator[str]:
    """Yield a line on the time that batch APIs may take, if the flow asks one.

    ``only_batches`` works out the bounds of the plan in which only calls to batch APIs take rounds.
    """
    options = [*(model.options for model in plan.models), *(step.options for step in plan.walk())]
    said = [one.get("batch") for one in options]
    if not everywhere and all(one is None or one == p.Constant(False) for one in said):
        return
    rounds = only_batches().rounds.most
    if rounds == 0:
        yield "batch APIs: no call goes to one"
        return
    if rounds is None:
        yield f"batch APIs: up to {HOURS} h for each round of calls{_LIVE}"
        return
    many = "1 round" if rounds == 1 else f"{rounds:,.0f} rounds"
    hours = f"up to {HOURS * rounds:,.0f} h" + ("" if rounds == 1 else f" ({HOURS} h for each round)")
    yield f"batch APIs: {hours} for {many} of calls{_LIVE}"
