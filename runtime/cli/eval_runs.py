"""The runs of an evaluation. Its plan is shown, the sides run one after another, the journal tells their answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from flowrun.dsl import Foreseen, dataclass

from ..api import Result, RunOptions, run_typed
from ..costs.prices import Prices
from ..costs.written_budget import Budget
from ..eval.row_plan import RowsRun, rows_run
from ..eval.side import Side, sides_of
from ..eval.table import refuse_other_rows
from ..eval.target import ExpectedAnswer
from ..externs.externs import permit
from ..forecast.declared_prices import declared_prices
from ..forecast.estimate import estimate_plan
from ..inputs.python_inputs import check_texts
from ..providers.default_model import model_without_option
from ..session.cache_hits import foresee
from ..vocabulary.amounts import count_text
from ..vocabulary.errors import EndpointError, ModelError, StoppedError, UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import inert, shown
from ..vocabulary.run_record import RunRecord
from . import exits
from .consent import host_question, person
from .console import complain
from .eval_sides import Contender, Evaluation
from .people import at_terminal
from .plan_view import answers_of_people, cost_in_words, in_words
from .progress import watcher
from .signals import run_stoppable
from .summary import failures_lines
from .tracing import tracing

if TYPE_CHECKING:
    from ..eval.columns import Column
    from ..eval.origins import Origins
    from ..journal.index import Run
    from ..journal.reading import JournalReader


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run in an open journal, with its record and the origins of its calls."""

    reader: JournalReader
    run: Run
    record: RunRecord
    origins: Origins
    prices: Prices


ReadRun = Callable[[FoundRun], None]


def run_sides(sides: list[Contender], setting: Evaluation) -> tuple[list[Column] | None, int]:
    """Run the sides and measure them. There are no columns if a run did not come to its end, or was not wanted.

    The other part is the exit code. Raises UsageError, DiskError.
    """
    earlier = {one.name: read_side(one, one.run, setting.journal, given=True) for one in sides if one.run}
    for one in sides:
        permit(one.plan, setting.given["allow_python"])
    if not _agreed([one for one in sides if not one.run], setting):
        complain("nothing was sent")
        return None, exits.DONE
    found: list[list[Side]] = []
    left = setting.budget
    for one in sides:
        if one.run:
            found.append(earlier[one.name])
            continue
        if left is not None and 0 in (left.calls, left.money) and buys(one, setting):
            complain(f"the budget was spent before {one.name} began: give the same command with a larger --budget")
            return None, exits.OVER_LIMIT
        result = run_side(one, setting, left)
        # Without a budget of the whole, a row that spent the flow's own budget is a row without an answer.
        measurable = ("done", "partial", "budget") if left is None else ("done", "partial")
        if result.status not in measurable or not result.outcome.complete or broken(result):
            return None, ended(result)
        if left is not None:
            left = what_is_left(left, result)
        found.append(read_side(one, result.run, setting.journal))
    from ..eval.columns import columns_of

    return columns_of(found), exits.DONE


def _agreed(sides: list[Contender], setting: Evaluation) -> bool:
    """Show what each side takes, and ask the person at the terminal unless nothing is sent."""
    sends = False
    for one in sides:
        bounds = estimate_plan(one.plan, one.inputs, setting.files, model=one.model)
        kept = None if setting.given["fresh"] else foreseen(one, setting)
        free = kept is not None and not kept.calls
        sends = sends or not free
        parts = [
            count_text(len(one.rows), "row"),
            f"{in_words(bounds.calls)} calls",
            f"cost {cost_in_words(bounds.cost)}",
        ]
        if bounds.people.most:
            parts.append(answers_of_people(bounds.people))
        if bounds.billed.most:
            parts.append(f"at most {cost_in_words(bounds.billed).rpartition(' to ')[2]} if servers fail")
        if kept is not None and kept.answers:
            some = f"{count_text(kept.answers, 'answer')} {'is' if kept.answers == 1 else 'are'} in the journal"
            parts.append("all answers are in the journal" if free and not kept.questions else some)
        if not setting.given["quiet"]:
            print(inert(f"{one.name}: {' · '.join(parts)}"), file=sys.stderr)
    if setting.given["yes"] or not sends:
        return True
    ask = person()
    return ask is None or ask("Run this? [y/N] ")


def foreseen(one: Contender, setting: Evaluation) -> Foreseen | None:
    if not setting.journal.exists():
        return None
    with suppress(UsageError):
        model = one.model or model_without_option(os.environ, one.plan.source).name
        return foresee(one.plan, one.inputs, model, setting.files, os.environ, setting.journal)
    return None


def run_side(one: Contender, setting: Evaluation, budget: Budget | None) -> Result:
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
                    ask_person=at_terminal(watch.held),
                    journal=setting.journal,
                    fresh=given["fresh"],
                    budget=budget,
                    stop=stop,
                    on_event=(watch, *traces),
                ),
                remarks,
            )
        )


def read_side(
    one: Contender, name: str, journal: Path, given: bool = False, also: ReadRun = lambda found: None
) -> list[Side]:
    """Read a side from its run in the journal. ``given`` says that the user named the run. Raises UsageError.

    ``also`` reads more of the run.
    """
    from ..eval.origins import origins_of
    from ..journal.choice import chosen_run
    from ..journal.reading import JournalReader
    from ..replay import read_run
    from ..replay.run_beginning import read_beginning

    if not journal.exists():
        raise UsageError(f"--against-run {name}: there is no journal {shown(str(journal))}; an evaluation makes it")
    with JournalReader(journal) as reader:
        run = chosen_run(reader.index, name, journal)
        record = read_run(reader, run, text=False)
        if given:
            refuse_other_run(record, one, read_beginning(reader, run).inputs)
        made = rows_run(record.plan)
        assert made is not None
        prices = Prices(os.environ, declared_prices(record.plan))
        # A run that was made with other expected answers is measured by the present ones.
        answers = [(answer, _its_answer(made, answer, one, record.id)) for answer in one.answers]
        origins = origins_of(reader, run.number, record.calls)
        also(FoundRun(reader, run, record, origins, prices))
        return sides_of(one.name, record, made, one.rows, answers, origins, prices.cost_of)


def _its_answer(made: RowsRun, answer: ExpectedAnswer, one: Contender, run: str) -> ExpectedAnswer:
    """Return the answer of an earlier run for one of this evaluation. Raises UsageError if the run has none."""
    found = made.answer_to(answer, only=len(one.answers) == 1)
    if found is None:
        theirs = ", ".join(shown(one.label) for one in made.wanted)
        raise UsageError(
            f"the run {run} was evaluated for --answer {theirs}, and has no answers for {shown(answer.label)}: "
            "evaluate its flow by --against-flow, which pays for no answer again"
        )
    return found


def what_is_left(budget: Budget, result: Result) -> Budget:
    """Return what a side leaves of the budget to the next one."""
    calls = None if budget.calls is None else budget.calls - result.summary.whole.sent
    money = None if budget.money is None else budget.money - result.spent
    return Budget(None if calls is None else max(0, calls), None if money is None else max(0.0, money), rest=True)


def buys(one: Contender, setting: Evaluation) -> bool:
    """Tell whether a side is sure to send a call. A side whose answers are all in the journal needs no budget."""
    kept = None if setting.given["fresh"] else foreseen(one, setting)
    return kept is None or kept.calls > 0


def broken(result: Result) -> bool:
    """Tell whether rows have no answer because an endpoint served nothing more. They say nothing about the flow."""
    lost = isinstance(result.value, list) and None in result.value
    return lost and any(isinstance(loss.error, EndpointError | ModelError) for loss in result.outcome.losses)


def ended(result: Result) -> int:
    """Say why a run came to no end, and return the exit code. The paid answers are in the journal."""
    stopped = result.outcome.stopped
    losses = [loss for loss in result.outcome.losses if isinstance(loss.error, EndpointError | ModelError)]
    for line in (*failures_lines(result), *(f"{loss.path}: {loss.reason}" for loss in losses[:1])):
        complain(line)
    if stopped is not None and not isinstance(stopped, StoppedError):
        complain(str(stopped))
    paid = result.summary.whole.answered
    answers, cost = ("1 answer is", "costs") if paid == 1 else (f"{paid:,} answers are", "cost")
    more = ", with a larger --budget" if result.status == "budget" else ""
    why = "the budget was spent before all rows had an answer: " if result.status == "budget" else ""
    complain(f"{why}{answers} in the journal and {cost} nothing again: give the same command again{more}")
    if isinstance(stopped, StoppedError):
        return 128 + stopped.signal if stopped.signal else exits.INTERRUPTED
    return exits.FAILED if losses else exits.STATUS[result.status]


def refuse_other_run(record: RunRecord, one: Contender, inputs: Mapping[str, Json]) -> None:
    """Raise UsageError if a run is no evaluation of this flow with these rows, or came to no end."""
    made, said = rows_run(record.plan), f"--against-run {one.run}: the run {record.id}"
    if made is None:
        raise UsageError(
            f"{said} ran the flow `{record.plan.flow}` once, and an evaluation runs it for each row: name a run that "
            "`flowrun eval` made"
        )
    if record.plan.flow != one.plan.flow:
        raise UsageError(
            f"{said} evaluated the flow `{record.plan.flow}`, and this is `{one.plan.flow}`: to compare two "
            "flows write --against-flow FILE.flow, which pays for no answer again"
        )
    if not record.end.complete:
        raise UsageError(f"{said} came to no end ({record.status}): write `flowrun resume {record.id}` first")
    refuse_other_rows(record.id, made, one.rows, inputs.get(made.rows))
