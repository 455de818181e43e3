"""The runs of an evaluation. Its plan is shown, the sides run one after another, the journal tells their answers."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.dsl import Foreseen

from ..api import Result, RunOptions, run_typed
from ..costs.written_budget import Budget
from ..eval.row_plan import rows_run
from ..eval.side import Side, side_of
from ..eval.table import refuse_other_rows
from ..externs.externs import permit
from ..forecast.estimate import estimate_plan
from ..inputs.python_inputs import check_texts
from ..session.cache_hits import foresee
from ..session.endpoints import default_model_name
from ..vocabulary.errors import StoppedError, UsageError
from ..vocabulary.quoting import inert
from . import exits
from .asking import host_question, person
from .console import complain
from .eval_sides import Contender, Evaluation
from .plan_view import cost_in_words, in_words
from .progress import watcher
from .signals import run_stoppable
from .summary import failures_lines
from .tracing import tracing

if TYPE_CHECKING:
    from ..eval.measures import Measures


def run_sides(sides: list[Contender], setting: Evaluation) -> tuple[list[Measures] | None, int]:
    """Run the sides and measure them. The measures are None if a run did not come to its end, or was not wanted.

    The other part is the exit code. Raises UsageError, DiskError.
    """
    earlier = {one.name: _earlier(one, setting.journal) for one in sides if one.run}
    for one in sides:
        permit(one.plan, setting.given["allow_python"])
    if not _agreed([one for one in sides if not one.run], setting):
        complain("nothing was sent")
        return None, exits.DONE
    found: list[Side] = []
    left = setting.budget
    for one in sides:
        if one.run:
            found.append(earlier[one.name])
            continue
        result = _run(one, setting, left)
        if not result.outcome.complete:
            return None, _ended(result)
        if left is not None:
            left = _left(left, result)
        found.append(_side(one, result))
    from ..eval.measures import measured

    return measured(found), exits.DONE


def _agreed(sides: list[Contender], setting: Evaluation) -> bool:
    """Show what each side takes, and ask the person at the terminal unless nothing is sent."""
    sends = False
    for one in sides:
        bounds = estimate_plan(one.plan, one.inputs, setting.files, model=one.model)
        kept = None if setting.given["fresh"] else _foreseen(one, setting)
        free = kept is not None and not kept.calls
        sends = sends or not free
        parts = [f"{len(one.rows):,} rows", f"{in_words(bounds.calls)} calls", f"cost {cost_in_words(bounds.cost)}"]
        if bounds.billed.most:
            parts.append(f"at most {cost_in_words(bounds.billed).rpartition(' to ')[2]} if servers fail")
        if kept is not None and kept.answers:
            parts.append("all answers are in the journal" if free else f"{kept.answers:,} answers are in the journal")
        if not setting.given["quiet"]:
            print(inert(f"{one.name}: {' · '.join(parts)}"), file=sys.stderr)
    if setting.given["yes"] or not sends:
        return True
    ask = person()
    return ask is None or ask("Run this? [y/N] ")


def _foreseen(one: Contender, setting: Evaluation) -> Foreseen | None:
    if not setting.journal.exists():
        return None
    with suppress(UsageError):
        model = one.model or default_model_name(os.environ)
        return foresee(one.plan, one.inputs, model, setting.files, os.environ, setting.journal)
    return None


def _run(one: Contender, setting: Evaluation, budget: Budget | None) -> Result:
    given = setting.given
    remarks: list[str] = []
    check_texts(one.plan.params, one.inputs, Path(one.plan.source).parent, remarks.append)
    with tracing(given["quiet"]) as traces, watcher(given["quiet"]) as watch:
        return run_stoppable(
            lambda stop: run_typed(
                one.plan,
                one.inputs,
                RunOptions(
                    model=one.model,
                    allow_read=given["allow_read"],
                    allow_host=given["allow_host"],
                    allow_python=given["allow_python"],
                    ask_hosts=host_question(),
                    journal=setting.journal,
                    fresh=given["fresh"],
                    budget=budget,
                    stop=stop,
                    on_event=(watch, *traces),
                ),
                remarks,
            )
        )


def _side(one: Contender, result: Result) -> Side:
    made = rows_run(one.plan)
    assert made is not None and result.source is not None
    record = result.source.record(result.run, result.outcome, result.summary)
    return side_of(one.name, record, made, one.rows)


def _left(budget: Budget, result: Result) -> Budget:
    """Return what a side leaves of the budget to the next one. Raises UsageError if it leaves nothing."""
    calls = None if budget.calls is None else budget.calls - result.summary.whole.sent
    money = None if budget.money is None else budget.money - result.spent
    return Budget(None if calls is None else max(0, calls), None if money is None else max(0.0, money))


def _ended(result: Result) -> int:
    """Say why a run came to no end, and return the exit code. The paid answers are in the journal."""
    stopped = result.outcome.stopped
    for line in failures_lines(result):
        complain(line)
    if stopped is not None and not isinstance(stopped, StoppedError):
        complain(str(stopped))
    paid = result.summary.whole.answered
    answers = "1 answer is" if paid == 1 else f"{paid:,} answers are"
    more = ", with a larger --budget" if result.status == "budget" else ""
    complain(f"{answers} in the journal and cost nothing again: give the same command again{more}")
    if isinstance(stopped, StoppedError):
        return 128 + stopped.signal if stopped.signal else exits.INTERRUPTED
    return exits.STATUS[result.status]


def _earlier(one: Contender, journal: Path) -> Side:
    """Read a side from an earlier run. Raises UsageError if that run is no evaluation of this flow with these rows."""
    from ..journal.choice import chosen_run
    from ..replay import read_run
    from ..replay.given import read_given
    from .run_records import opened

    with opened(journal) as reader:
        run = chosen_run(reader.index, one.run, journal)
        record, inputs = read_run(reader, run), read_given(reader, run).inputs
    made = rows_run(record.plan)
    if made is None:
        raise UsageError(
            f"--against-run {one.run}: the run {run.id} ran the flow `{record.plan.flow}` once, and an evaluation runs "
            "it for each row: name a run that `flowrun eval` made"
        )
    if record.plan.flow != one.plan.flow:
        raise UsageError(
            f"--against-run {one.run}: the run {run.id} evaluated the flow `{record.plan.flow}`, and this is "
            f"`{one.plan.flow}`: to compare two flows write --against-flow FILE.flow, which pays for no answer again"
        )
    if not record.end.complete:
        raise UsageError(
            f"--against-run {one.run}: the run {run.id} came to no end ({record.status}): write "
            f"`flowrun resume {run.id}` first"
        )
    refuse_other_rows(run.id, made, one.rows, inputs.get(made.rows))
    mine = rows_run(one.plan)
    assert mine is not None
    wants, theirs = mine.row.fields[-1].name, made.row.fields[-1].name
    rows = [{**row, theirs: row[wants]} for row in one.rows]
    return side_of(one.name, record, made, rows)
