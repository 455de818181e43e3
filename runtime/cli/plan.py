"""`flowrun plan`: the steps of a flow, and the calls, tokens and dollars that they take."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib.resources import files as package_files
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import RIGHT, Foreseen, planned_json, unforeseen
from flowrun.dsl import plan as p

from ..catalog import catalog
from ..files.files import Files
from ..forecast.asked_models import asked_models
from ..forecast.asked_models import in_words as in_words_of
from ..forecast.estimate import estimate_plan
from ..plans.samples import votes_in
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, shown
from . import exits
from .batch_options import BATCH, batch_lines
from .console import complain, remark, say, show_findings
from .finite import FiniteRange
from .flags import first_and_flow
from .journals import journal_path
from .params import FIRST, ChosenFlow, FlowCommand
from .paths import PathThatIs, is_several
from .plan_limits import Chances
from .plan_view import journal_line, unforeseen_line, view
from .plans import ALLOW_READ, chosen_model
from .screen import terminal_width

if TYPE_CHECKING:
    from flowrun.dsl import AskedModel, Bounds


class _Dollars(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "dollars"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            amount = float(str(value).strip().removeprefix("$").replace(",", ""))
        except ValueError:
            amount = -1.0
        if not isfinite(amount) or amount < 0:
            self.fail(f"{shown(str(value))} is not an amount in dollars; write a number such as 2.50", param, ctx)
        return amount


class _PlanCommand(FlowCommand):
    """The command. A folder or a pattern has no parameters of one flow."""

    def _chosen(self, args: list[str]) -> ChosenFlow | None:
        first, flow = first_and_flow(self.params, args)
        if first is None or not is_several(first):
            return super()._chosen(args)
        if flow is not None or any(one.partition("=")[0] == "--param" for one in args):
            raise UsageError("--flow and --param belong to the plan of one file: --inputs has them for several")
        return None


@click.command(
    "plan",
    cls=_PlanCommand,
    short_help="Show the steps of a flow, and the calls, tokens and dollars that it takes.",
)
@click.argument("path", required=False, type=PathThatIs())
@click.option(
    "--model",
    metavar="MODEL",
    help="The model for asks without a model, such as openai:gpt-4o-mini.",
)
@click.option("--first", type=click.IntRange(min=1), metavar="N", help=FIRST)
@click.option("--batch", is_flag=True, help=BATCH)
@click.option("--journal", metavar="FILE", help="The journal that the run would use.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan and its bounds as JSON.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the output of --json.")
@click.option(
    "--max-calls",
    type=click.IntRange(min=0),
    metavar="N",
    help="Fail if the flow could make more than N calls without server failures.",
)
@click.option(
    "--max-attempts",
    type=click.IntRange(min=0),
    metavar="N",
    help="Fail if servers could bill more than N attempts, whatever they do.",
)
@click.option(
    "--right",
    type=FiniteRange(0, 1),
    default=RIGHT,
    metavar="P",
    show_default=True,
    help="The probability that a sample of a vote is right, or a stage of a cascade enough, for the expected calls.",
)
@click.option(
    "--max-cost",
    type=_Dollars(),
    metavar="X",
    help="Fail if the flow could cost more than X dollars without server failures.",
)
@click.option(
    "--inputs",
    "given",
    type=PathThatIs(),
    metavar="FILE",
    help="A .toml or .json file with the inputs and the limits of flows. All of them are planned.",
)
@click.option("--allow-read", **ALLOW_READ)
@click.pass_obj
def command(
    chosen: ChosenFlow | None,
    /,
    *,
    path: Path | None,
    journal: str | None,
    as_json: bool,
    schema: bool,
    given: Path | None,
    **options: Any,
) -> int:
    """Show the steps of a flow. Each step has its least and its most calls, rounds, tokens and dollars.

    The command sends nothing. Rounds are calls that wait for each other. Tokens are estimates.

    The bounds of calls, rounds, tokens and dollars hold without server failures. They include the calls that repeat a
    malformed answer. A server that fails or does not answer in time may bill attempts that bring no answer. The bounds
    of attempts and of their dollars always hold.

    Give parameters as for a run: `flowrun plan FILE --document report.md` reads the document and counts its sections.
    You may leave parameters out. Then the bounds that depend on them stay open. With all parameters the command also
    shows how many answers the journal has. These cost nothing again.

    If PATH is a folder or a pattern, the command shows a line for each flow file. `--inputs plans.toml` has the inputs
    of the flows, and limits of their own: docs/ci.md.
    """
    if schema:
        click.echo(package_files("flowrun.grammars").joinpath("plan.schema.json").read_text(encoding="utf-8"), nl=False)
        return exits.DONE
    chances = Chances.given(options)
    if given is not None or (chosen is None and path is not None):
        from .plan_folders import plan_folders  # most plans are of one flow

        if journal is not None:
            raise UsageError("--journal belongs to the plan of one flow")
        if chosen is not None and chosen.texts:
            raise UsageError("--inputs has the inputs of flows: put them all into its file")
        return plan_folders(path, given, chances, as_json=as_json)
    if path is None or chosen is None:
        raise UsageError("name a flow file: flowrun plan FILE.flow")
    return _planned(chosen, Files(path.parent, chances.allow_read), chances, journal, as_json=as_json)


def _planned(chosen: ChosenFlow, files: Files, chances: Chances, journal: str | None, *, as_json: bool) -> int:
    """Print the plan of one flow and its bounds, and return the exit code."""
    if chosen.checked.warnings:
        show_findings(chosen.checked.warnings)
    plan = chosen.plan
    model = chosen_model(plan, chances.model)
    inputs = chosen.inputs(files, remark, first=chances.first)
    estimate = partial(estimate_plan, plan, inputs, files, model=model, right=chances.right, batch=chances.batch)
    bounds = estimate()
    kept = _foreseen(plan, inputs, model, files, journal)
    asked = asked_models(plan, inputs, model, os.environ)
    if as_json:
        say(f"{planned_json(plan, bounds, kept, asked)}\n")
    else:
        in_batches = batch_lines(plan, partial(estimate, only_batches=True), everywhere=chances.batch)
        for line in (*_lines(plan, bounds, asked), *in_batches, *([] if kept is None else [journal_line(kept)])):
            click.echo(inert(line))
    over = chances.limits.over(bounds)
    for complaint in over:
        complain(complaint)
    return exits.OVER_LIMIT if over else exits.DONE


def _lines(plan: p.Plan, bounds: Bounds, asked: Sequence[AskedModel]) -> Iterator[str]:
    votes = votes_in(plan, catalog().reducers)
    yield from view(bounds, plan.calls_limit, plan.money_limit, terminal_width(), votes=votes)
    if beyond := unforeseen(plan):
        yield unforeseen_line(beyond)
    if asked:
        yield "asks:"
    yield from (f"  {in_words_of(one)}" for one in asked)


def _foreseen(plan: p.Plan, inputs: dict[str, Any], model: str, files: Files, journal: str | None) -> Foreseen | None:
    """Return the number of answers that the journal has for such a run.

    None if there is no journal, if an input is missing, or if a model cannot be opened.
    """
    path = journal_path(journal)
    if not path.exists() or any(one.required and one.name not in inputs for one in plan.params):
        return None
    from ..session.cache_hits import foresee

    with suppress(UsageError):
        return foresee(plan, inputs, model, files, os.environ, path)
    return None
