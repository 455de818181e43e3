"""`flowrun plan FOLDER`: the bounds of several flows in one table, with limits for a gate in CI."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from flowrun.dsl import Bound, Bounds, Checked, Diagnostic, FlowError, dataclass
from flowrun.dsl import plan as p

from ..files.files import Files
from ..forecast.estimate import estimate_plan
from ..session.loading import load, plan_of
from ..vocabulary.columns import columns, padded
from ..vocabulary.errors import FlowrunError, UsageError
from ..vocabulary.quoting import inert, one_line, shown
from . import exits
from .console import complain, remark, say, show_findings
from .flags import Flags
from .params import ChosenFlow
from .paths import find_flows, refuse_pipe, told_path
from .plan_limits import Chances, Limits
from .plan_rows import Row, read_rows
from .plan_view import cost_in_words, in_words, most_in_words
from .plans import chosen_model

VERSION = 1
"""The version of the form of --json."""
_HEADS = ("file", "flow", "inputs", "calls", "attempts", "cost", "")


@dataclass(frozen=True, slots=True)
class Planned:
    """The bounds of one flow. ``given`` are its inputs, ``missing`` those that it would need for a run.

    ``over`` has a message for each limit that the bounds exceed.
    """

    file: str
    flow: str
    given: tuple[str, ...]
    missing: tuple[str, ...]
    bounds: Bounds
    limits: Limits
    over: tuple[str, ...]


def plan_folders(path: Path | None, inputs: Path | None, chances: Chances, *, as_json: bool) -> int:
    """Plan the flows of a folder, and those of a file with inputs. Print one table, and return the exit code.

    A flow without a row in the file is planned without inputs: bounds that depend on them stay open.
    """
    rows, usual = ([], chances.limits) if inputs is None else read_rows(inputs, chances.limits)
    paths, refused = ([], []) if path is None else find_flows([path])
    # The file of a project says the same for its folder and for each of its flows.
    refusals = dict.fromkeys(str(error) for _, error in refused)
    code = exits.USAGE if refused else exits.DONE
    named = {os.path.realpath(one.file) for one in rows}
    rows += [Row("", one, "", {}, usual) for one in paths if os.path.realpath(one) not in named]
    rows.sort(key=lambda one: (told_path(one.file), one.flow))
    files: dict[str, Checked | None] = {}
    found: list[Diagnostic] = []
    planned: list[Planned] = []
    for row in rows:
        try:
            checked = _checked(row, files, found)
            # A file that only declares types for others has no flow to plan.
            if checked is not None and (checked.file.flows or row.where):
                planned.append(_planned(row, checked, chances))
        except FlowrunError as error:
            told = str(error) if not row.where or str(error).startswith(row.where) else f"{row.where}: {error}"
            refusals[told] = None
            code = exits.USAGE
    for told in refusals:
        complain(told)
    if found:
        show_findings(found)
        code = max(code, exits.FINDINGS)
    _show(planned, as_json=as_json)
    for one in planned:
        for line in one.over:
            complain(f"{one.file}: `{one.flow}`: {line}")
    return code or (exits.OVER_LIMIT if any(one.over for one in planned) else exits.DONE)


def _checked(row: Row, files: dict[str, Checked | None], found: list[Diagnostic]) -> Checked | None:
    """Check the file of a row once. Return None if it has errors, which are added to ``found``."""
    name = os.path.realpath(row.file)
    if name not in files:
        files[name] = None
        if not row.file.exists():
            raise UsageError(f"there is no file {shown(str(row.file))}")
        refuse_pipe(row.file)
        try:
            files[name] = load(Path(told_path(row.file)))
        except FlowError as error:
            found += error.diagnostics
    return files[name]


def _planned(row: Row, checked: Checked, chances: Chances) -> Planned:
    """Estimate one flow. Raises UsageError, InputError."""
    plan = plan_of(checked, row.flow or None)
    chosen = ChosenFlow(checked, plan, Flags((), (one.name for one in plan.params)), row.texts(plan))
    files = Files(row.file.parent, chances.allow_read)
    values = chosen.inputs(files, remark, first=_first(row, plan, chances))
    model = chosen_model(plan, chances.model if row.model is None else row.model)
    bounds = estimate_plan(plan, values, files, model=model, right=chances.right, batch=chances.batch)
    return Planned(
        told_path(row.file),
        plan.flow,
        tuple(row.inputs),
        tuple(one.name for one in chosen.missing),
        bounds,
        row.limits,
        tuple(row.limits.over(bounds, "max_{}")),
    )


def _first(row: Row, plan: p.Plan, chances: Chances) -> int | None:
    """Return the number of elements that a row takes of its lists. The option does not concern rows without lists."""
    if row.first is not None:
        return row.first
    from flowrun.dsl import types

    lists = {one.name for one in plan.params if isinstance(types.unwrapped(one.type), types.ListOf)}
    return chances.first if lists.intersection(row.inputs) else None


def _show(planned: Sequence[Planned], *, as_json: bool) -> None:
    if as_json:
        over = any(one.over for one in planned)
        say(f"{json.dumps({'version': VERSION, 'plans': [_json(one) for one in planned], 'over': over}, indent=2)}\n")
        return
    rows = [_HEADS, *map(_cells, planned)]
    widths = [max(columns(row[place]) for row in rows) for place in range(len(_HEADS))]
    for row in rows:
        click.echo(inert("  ".join(padded(cell, wide) for cell, wide in zip(row, widths, strict=True)).rstrip()))
    if open_ := sum(bool(one.missing) for one in planned):
        flows = "1 flow lacks" if open_ == 1 else f"{open_:,} flows lack"
        click.echo(f"\n{flows} inputs: bounds that depend on them stay open")


def _cells(one: Planned) -> tuple[str, ...]:
    inputs = "some" if one.given and one.missing else "none" if one.missing else "all"
    return (
        one_line(one.file),
        one.flow,
        inputs,
        in_words(one.bounds.calls),
        most_in_words(one.bounds.attempts),
        cost_in_words(one.bounds.cost),
        "over its limit" if one.over else "",
    )


def _json(one: Planned) -> dict[str, Any]:
    limits = {name: getattr(one.limits, name) for name in ("max_calls", "max_attempts", "max_cost")}
    return {
        "file": one.file,
        "flow": one.flow,
        "inputs": list(one.given),
        "missing": list(one.missing),
        "calls": _bound(one.bounds.calls),
        "attempts": _bound(one.bounds.attempts),
        "cost": _bound(one.bounds.cost),
        "limits": {name: value for name, value in limits.items() if value is not None},
        "over": list(one.over),
    }


def _bound(bound: Bound) -> dict[str, Any]:
    found: dict[str, Any] = {"least": bound.least, "most": bound.most}
    return {**found, "why": bound.why} if bound.most is None else found
