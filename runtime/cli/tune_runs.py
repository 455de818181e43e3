"""The runs of tuning. The dearest setting runs first, so that the journal has the samples of most others."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from ..eval.fresh_bills import FreshBill, Sharing, fresh_bill
from ..eval.side import Side
from ..eval.tuned import Tried, tried
from ..externs.externs import permit
from ..forecast.estimate import estimate_plan
from ..replay.fresh import fresh_requests
from ..vocabulary.amounts import count_text
from ..vocabulary.quoting import inert
from . import exits
from .consent import person
from .console import complain
from .eval_runs import FoundRun, broken, buys, ended, foreseen, read_side, run_side, what_is_left
from .eval_sides import Evaluation
from .plan_view import cost_in_words, in_words
from .tune_sides import Setting


def run_settings(settings: Sequence[Setting], evaluation: Evaluation, *, labelled: bool) -> tuple[list[Tried], int]:
    """Run the settings, and measure those that came to their end. The other part is the exit code.

    Raises UsageError, DiskError.
    """
    for one in settings:
        permit(one.side.plan, evaluation.given["allow_python"])
    if not _agreed(settings, evaluation):
        complain("nothing was sent")
        return [], exits.DONE
    made: list[Tried] = []
    try:
        return made, _measure(settings, evaluation, made, labelled=labelled)
    except KeyboardInterrupt:
        # A run that is interrupted says so itself. This one came between two runs.
        complain("interrupted: give the same command again, which pays for no answer again")
        return made, exits.INTERRUPTED


def _measure(settings: Sequence[Setting], evaluation: Evaluation, made: list[Tried], *, labelled: bool) -> int:
    """Add each setting that came to its end to ``made``, and return the exit code."""
    model: Side | None = None
    left = evaluation.budget
    sharing = Sharing()
    for one in settings:
        if left is not None and 0 in (left.calls, left.money) and buys(one.side, evaluation):
            complain(
                "the budget was spent: give the same command with a larger --budget, which pays for no answer again"
            )
            return exits.OVER_LIMIT
        result = run_side(one.side, evaluation, left)
        measurable = ("done", "partial", "budget") if left is None else ("done", "partial")
        if result.status not in measurable or not result.outcome.complete or broken(result):
            return ended(result)
        if left is not None:
            left = what_is_left(left, result)
        side, bill = _read(one, result.run, evaluation, sharing)
        model = model or side
        made.append(tried(one.values, side, bill, None if labelled else model))
    return exits.DONE


def _read(one: Setting, run: str, evaluation: Evaluation, sharing: Sharing) -> tuple[Side, FreshBill]:
    """Read the run of a setting: its answers, and what it costs by itself, with an empty journal."""
    bills: list[FreshBill] = []

    def reckon(found: FoundRun) -> None:
        calls, prices = found.record.calls, found.prices
        sharing.see(calls, found.origins)
        together = fresh_requests(found.reader, found.run, calls, prices, lambda model: len(calls))
        sharing.see_apart(together, found.origins)
        fits = all(len(one.calls) <= sharing.most(one.model) for one in together)
        requests = together if fits else fresh_requests(found.reader, found.run, calls, prices, sharing.most)
        bills.append(fresh_bill(requests, prices.cost_of))

    [side] = read_side(one.side, run, evaluation.journal, also=reckon)
    return side, bills[0]


def _agreed(settings: Sequence[Setting], evaluation: Evaluation) -> bool:
    """Show what the settings take, and ask the person at the terminal unless nothing is sent."""
    dearest = settings[0].side
    bounds = estimate_plan(dearest.plan, dearest.inputs, evaluation.files, model=dearest.model)
    sends = any(buys(one.side, evaluation) for one in settings)
    if not evaluation.given["quiet"]:
        rows = count_text(len(dearest.rows), "row")
        said = [
            f"{count_text(len(settings), 'setting')} of {rows} · the dearest, {dearest.name}: {in_words(bounds.calls)} "
            f"calls, cost {cost_in_words(bounds.cost)}"
        ]
        kept = foreseen(dearest, evaluation)
        if not sends:
            said.append("all answers are in the journal")
        elif kept is not None and kept.answers:
            said.append(f"{count_text(kept.answers, 'answer')} of the dearest in the journal")
        if sends and len(settings) > 1:
            said.append(_shared(settings))
        print(inert(" · ".join(said)), file=sys.stderr)
    if evaluation.given["yes"] or not sends:
        return True
    ask = person()
    return ask is None or ask("Run this? [y/N] ")


def _shared(settings: Sequence[Setting]) -> str:
    """Say what all settings take together: equal calls are sent once, and no more calls than all of them make."""
    groups: dict[tuple[str, ...], float] = {}
    for one in settings:
        groups[one.asks] = max(groups.get(one.asks, 0.0), one.most[1])
    usual, most = sum(groups.values()), _total(one.most[1] for one in settings)
    return f"equal calls are sent once: about {usual:,.0f} calls in all, and never more than {most:,.0f}"


def _total(parts: Iterable[float]) -> float:
    return sum(parts)
