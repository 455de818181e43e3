"""`flowrun eval`: run a flow once for each row of a table, and compare its answers with the expected ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..costs.written_budget import read_budget
from ..files.files import Files
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, shown
from ..vocabulary.remarks import unheard
from . import exits
from .console import complain, remark, show_findings, standard_input
from .eval_shares import wanted_shares
from .journals import journal_files, journal_path
from .params import ChosenFlow, FlowCommand
from .paths import OutputPath, PathThatIs, to_file
from .plans import ALLOW_READ

if TYPE_CHECKING:
    from ..eval.columns import Column
    from ..outputs.target import Target

SUFFIXES = {".html": "html", ".htm": "html", ".json": "json", ".xml": "junit"}


@click.command(
    "eval",
    cls=FlowCommand,
    short_help="Measure how often a flow gives the expected answers.",
)
@click.argument("path", required=False, type=PathThatIs())
@click.option("--rows", metavar="FILE", help="The rows: a .jsonl, .json or .csv file; - for standard input.")
@click.option("--first", type=click.IntRange(min=1), metavar="N", help="Evaluate only the first N rows, as a try.")
@click.option(
    "--answer",
    multiple=True,
    metavar="COLUMN[=STEP]",
    help="A column of expected answers, and the step that they are for. The default is the flow's result.",
)
@click.option("--against-flow", multiple=True, metavar="FLOW", help="Compare with the flow of another file.")
@click.option("--against-model", multiple=True, metavar="[NAME=]MODEL", help="Compare with another model.")
@click.option("--against-prompt", multiple=True, metavar="[STEP=]FILE", help="Compare with the prompt in a file.")
@click.option("--against-run", multiple=True, metavar="RUN", help="Compare with an earlier evaluation in the journal.")
@click.option("--model", metavar="MODEL", help="The model for asks without a model, such as openai:gpt-4o-mini.")
@click.option("--budget", metavar="BUDGET", help="The budget of the whole evaluation: '$2.50, 400 calls'.")
@click.option("--yes", "-y", is_flag=True, help="Begin without asking on the terminal.")
@click.option(
    "--min",
    "least",
    multiple=True,
    metavar="[ANSWER=]SHARE",
    help="Exit with 1 if the accuracy of an answer is below SHARE, from 0 to 1.",
)
@click.option(
    "--output", "-o", "out", type=OutputPath(), metavar="FILE", help="Also write a .html, .json or .xml file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the evaluation as JSON; the same as --format json.")
@click.option("--format", "form", type=click.Choice(["text", "json", "junit"]), help="The form of what is printed.")
@click.option("--quiet", "-q", is_flag=True, help="Print only the evaluation and errors.")
@click.option("--fresh", is_flag=True, help="Send all calls again, and use no answers from the journal.")
@click.option("--journal", metavar="FILE", help="The file for the answers.")
@click.option("--allow-read", **ALLOW_READ)
@click.option("--allow-host", multiple=True, metavar="HOST", help="Let the flow use models at this host.")
@click.option("--allow-python", is_flag=True, help="Let the flow call the Python functions that it declares.")
@click.pass_obj
def command(chosen: ChosenFlow | None, /, *, path: Path | None, **given: Any) -> int:
    """Run a flow for each row of FILE, and compare its answers with those in columns of the rows.

    The columns are the parameters of the flow, by name. A parameter without a column gets one value for all rows:
    --param-NAME VALUE. The rows run side by side, as one run of the journal: a second look sends nothing again.

    The command shows the calls and the highest cost first, and asks on a terminal. It exits with 0, with 1 if the
    accuracy is below --min, 2 for a wrong command line, 3 if no row has an answer, 4 if the budget was spent.
    """
    if path is None or chosen is None:
        raise UsageError("name a flow file: flowrun eval FILE.flow --rows rows.jsonl --answer COLUMN")
    if given["rows"] is None or not given["answer"]:
        missing = "--rows rows.jsonl" if given["rows"] is None else "--answer COLUMN"
        raise UsageError(f"an evaluation needs rows with expected answers: add {missing}")
    answers = _labels(given["answer"])
    least = wanted_shares(given["least"], answers)
    form = _form(given["as_json"], given["form"])
    file = to_file(given["out"])
    if given["out"] is not None and file is None:
        raise UsageError("-o names a file; the evaluation is printed anyway, with --format json or junit in that form")
    written = None if file is None else _form_of(file)
    if chosen.checked.warnings and not given["quiet"]:
        show_findings(chosen.checked.warnings)
    budget = read_budget(given["budget"]) if given["budget"] is not None else None

    from ..eval.table import Table
    from .eval_sides import Evaluation, contenders

    files = Files(path.parent, given["allow_read"])
    tell = unheard if given["quiet"] else remark
    table = Table.read(given["rows"], standard_input, files, tell, given["first"])
    setting = Evaluation(table, answers, files, journal_path(given["journal"]), given, budget)
    sides = contenders(chosen, setting, tell)
    from .eval_runs import run_sides

    target = (
        None if file is None else _target(file, [path, *_rows_file(given["rows"]), *journal_files(setting.journal)])
    )
    try:
        found, code = run_sides(sides, setting)
        if found is None:
            return code
        _print(found, form, least)
        if target is not None and written is not None:
            target.write(_text(found, written, least))
            click.echo(f"the evaluation is in {target.name}", err=True)
    finally:
        if target is not None:
            target.close()
    return _code(found, least)


def _labels(given: Sequence[str]) -> tuple[str, ...]:
    """Return the answers of --answer. Raises UsageError if one has no column, or is given twice."""
    labels = tuple(one.removesuffix("=") for one in given)
    for one in labels:
        if not one.partition("=")[0]:
            raise UsageError(f"--answer {shown(one)} names no column: write COLUMN, or COLUMN=STEP")
        if labels.count(one) > 1:
            raise UsageError(f"--answer {one} is given twice: give it once")
    return labels


def _form(as_json: bool, form: str | None) -> str:
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} exclude each other: give only one of them")
    return "json" if as_json else form or "text"


def _form_of(file: Path) -> str:
    found = SUFFIXES.get(file.suffix.lower())
    if found is None:
        raise UsageError(
            f"the name {shown(str(file))} does not tell the form of the evaluation; end it in .html (a page), .json or "
            ".xml (JUnit)"
        )
    return found


def _text(found: list[Column], form: str, least: Mapping[str, float]) -> str:
    if form == "html":
        from ..eval.page import eval_page

        return eval_page(found)
    if form == "junit":
        from ..eval.junit import junit

        return junit(found, least)
    from ..eval.as_json import as_json

    return as_json(found)


def _print(found: list[Column], form: str, least: Mapping[str, float]) -> None:
    if form != "text":
        from .console import say

        say(_text(found, form, least))
        return
    from .screen import terminal_width
    from .views.eval_text import lines

    for line in lines(found, terminal_width()):
        click.echo(inert(line))


def _target(file: Path, sources: list[Path]) -> Target:
    """Open the file to write, before anything is paid. Raises UsageError, DiskError."""
    from ..outputs.target import Target

    return Target(file, sources)


def _rows_file(given: str) -> list[Path]:
    return [Path(given.removeprefix("@"))] if given != "-" and "\n" not in given else []


def _code(found: list[Column], least: Mapping[str, float]) -> int:
    first = found[0].sides[0]
    if first.unanswered == first.accuracy.rows:
        complain(f"no row has an answer: {first.side.rows[0].reason}")
        return exits.FAILED
    code = exits.DONE
    for column in found:
        share, wanted = column.sides[0].accuracy, least.get(column.label)
        if wanted is not None and share.value < wanted:
            of = f" of {shown(column.label)}" if len(found) > 1 else ""
            complain(
                f"--min {wanted:g}: the accuracy{of} is {share.value:.3f} ({share.right:,} of {share.rows:,} rows)"
            )
            code = exits.FINDINGS
    return code
