"""The sides of an evaluation: the flow, and the flows, models, prompts and runs that it is compared with."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowrun.dsl import Checked, dataclass, types
from flowrun.dsl import plan as p

from ..costs.written_budget import Budget
from ..eval.one_row import one_row
from ..eval.other_model import with_model
from ..eval.row_plan import row_plan
from ..eval.table import Rows, Table
from ..eval.target import ExpectedAnswer, Target, target_of
from ..files.files import Files
from ..session.loading import load, plan_of
from ..vocabulary.errors import UsageError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell
from .params import ChosenFlow
from .plans import known_model


@dataclass(frozen=True)
class Evaluation:
    """The setting of all sides: rows, the columns of expected answers with their steps, and the command's options."""

    table: Table
    answers: Sequence[str]
    files: Files
    journal: Path
    given: Mapping[str, Any]
    budget: Budget | None


@dataclass(frozen=True)
class Contender:
    """A side before it runs. ``run`` names an earlier evaluation in the journal; then nothing is sent.

    ``model`` is for asks that name none. ``plan`` runs the flow for each row, and ``inputs`` are those of the plan.
    ``answers`` are compared.
    """

    name: str
    plan: p.Plan
    model: str | None
    inputs: Mapping[str, Json]
    rows: Rows
    answers: Sequence[ExpectedAnswer]
    run: str = ""


def contenders(chosen: ChosenFlow, setting: Evaluation, tell: Tell) -> list[Contender]:
    """Make the sides, the flow itself first. Raises UsageError, InputError, FlowError."""
    given, plan = setting.given, chosen.plan
    constants = chosen.inputs(setting.files, tell)
    model = known_model(plan, given["model"])

    def side(name: str, plan: p.Plan, model: str | None) -> Contender:
        return contender(name, plan, model, setting, constants)

    first = side(plan.flow, plan, model)
    found = [first]
    for name in given["against_flow"]:
        other = _flow(chosen.checked, plan, name)
        found.append(side(Path(name).name, other, model))
    for text in given["against_model"]:
        other, asked = with_model(plan, text)
        found.append(side(text, other, model if asked is None else known_model(other, asked)))
    for text in given["against_prompt"]:
        from .eval_prompts import with_prompt

        file, changed = with_prompt(chosen.checked, plan.flow, text)
        found.append(side(Path(file).name, plan_of(changed, plan.flow), model))
    found += [replace(first, name=name, run=name) for name in given["against_run"]]
    return _named(found)


def contender(
    name: str,
    plan: p.Plan,
    model: str | None,
    setting: Evaluation,
    constants: Mapping[str, Json],
    *,
    labelled: bool = True,
) -> Contender:
    """Make a side that runs a plan for each row. ``constants`` are the values of parameters for all rows.

    Without ``labelled`` rows the expected answers are not known, and the rows need no column of them.
    """
    known = {param.name for param in plan.params}
    mine = {name: value for name, value in constants.items() if name in known}
    plan, element, answers = _answers(plan, setting, mine)
    if not labelled:
        answers = [
            ExpectedAnswer(one.label, Target(one.target.expr, types.optional(one.target.type))) for one in answers
        ]
    row, rows = setting.table.typed(plan, mine, answers, element)
    made = row_plan(plan, row, answers, mine, element)
    return Contender(name, made, model, {made.params[0].name: rows, **mine}, rows, answers)


def _answers(plan: p.Plan, setting: Evaluation, mine: Collection[str]) -> tuple[p.Plan, str, list[ExpectedAnswer]]:
    """Return the plan that answers one row, its parameter with the whole row or "", and the answers to compare."""
    given = [(label, *label.partition("=")[::2]) for label in setting.answers]
    wholes = [one_row(plan, setting.table.columns, mine, step) for _, _, step in given]
    first = wholes[0]
    if any((one and one.plan) != (first and first.plan) for one in wholes):
        raise UsageError(
            f"--answer {setting.answers[0]} and the others are for different maps of the flow `{plan.flow}`, and an "
            "evaluation runs the body of one map for each row: give them in separate commands"
        )
    part, element = (plan, "") if first is None else (first.plan, first.element)
    found = []
    for (label, column, step), whole in zip(given, wholes, strict=True):
        target = target_of(part, column, step if whole is None else whole.path, by_name=whole is None)
        if element and target.source == element:
            raise UsageError(
                f"--answer {label}: this is a field of the row itself, and no answer of the flow `{plan.flow}`; name a "
                "step of the map that answers the rows"
            )
        found.append(ExpectedAnswer(label, target))
    return part, element, found


def _flow(checked: Checked, plan: p.Plan, name: str) -> p.Plan:
    """Return the flow that --against-flow names: another flow of the file, or the last flow of another file."""
    if any(flow.name.text == name for flow in checked.file.flows) and not os.path.exists(name):
        return plan_of(checked, name)
    path, _, flow = name.rpartition(":") if not os.path.exists(name) and ":" in name else (name, "", "")
    if not os.path.exists(path) and not path.endswith(".flow"):
        known = ", ".join(f"`{one.name.text}`" for one in checked.file.flows if one.name.text != plan.flow)
        more = f"; other flows of the file are {known}" if known else ""
        raise UsageError(f"--against-flow {shown(name)} is no file{more}: write FILE.flow, or FILE.flow:NAME")
    return plan_of(load(path), flow or None)


def _named(found: list[Contender]) -> list[Contender]:
    """Give sides with one name different names, by a number."""
    seen: dict[str, int] = {}
    named = []
    for one in found:
        seen[one.name] = seen.get(one.name, 0) + 1
        named.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name} ({seen[one.name]})"))
    return named
