"""`flowrun tune`: choose the values that a flow leaves open, by rows with known answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import Source, format_file, parse_flow

from ..costs.written_budget import read_budget
from ..files.files import Files
from ..vocabulary.amounts import count_text
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import inert, shown
from ..vocabulary.remarks import unheard
from . import exits
from .console import complain, remark, say, show_findings, standard_input
from .journals import journal_path
from .params import ChosenFlow, FlowCommand
from .paths import OutputPath, PathThatIs, must_be_writable, rewrite
from .plans import ALLOW_READ

if TYPE_CHECKING:
    from ..eval.tuned import Tuned
    from ..outputs.target import Target
    from .eval_sides import Evaluation
    from .tune_sides import Setting

SAME = "the dearest"
"""The column of the answers that the dearest setting gives."""
_MOST_SURE = 0.999999


class TuneCommand(FlowCommand):
    """A command that takes a file with holes."""

    holes = True


@click.command("tune", cls=TuneCommand, short_help="Choose the values that a flow leaves open.")
@click.argument("path", required=False, type=PathThatIs())
@click.option("--rows", metavar="FILE", help="The rows: a .jsonl, .json or .csv file; - for standard input.")
@click.option("--first", type=click.IntRange(min=1), metavar="N", help="Take only the first N rows, as a try.")
@click.option(
    "--answer",
    metavar="COLUMN[=STEP]",
    help="The column of expected answers, and the step that they are for. The default is the flow's result.",
)
@click.option("--same-as", type=click.Choice(["all"]), help="Expect the answers of the dearest setting: no labels.")
@click.option("--lose", default="2%", metavar="SHARE", help="The share of answers that may be lost; 2% by default.")
@click.option("--sure", default="90%", metavar="SHARE", help="How sure the promise is; 90% by default.")
@click.option("--write", is_flag=True, help="Write the values into the file.")
@click.option("--model", metavar="MODEL", help="The model for asks without a model, such as openai:gpt-4o-mini.")
@click.option("--budget", metavar="BUDGET", help="The budget of all settings together: '$2.50, 400 calls'.")
@click.option("--yes", "-y", is_flag=True, help="Begin without asking on the terminal.")
@click.option("--output", "-o", "out", type=OutputPath(), metavar="FILE", help="Also write a .html or .json file.")
@click.option("--json", "as_json", is_flag=True, help="Print the settings and the pick as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="Print only the result and errors.")
@click.option("--journal", metavar="FILE", help="The file for the answers.")
@click.option("--allow-read", **ALLOW_READ)
@click.option("--allow-host", multiple=True, metavar="HOST", help="Let the flow use models at this host.")
@click.option("--allow-python", is_flag=True, help="Let the flow call the Python functions that it declares.")
@click.pass_obj
def command(chosen: ChosenFlow | None, /, *, path: Path | None, **given: Any) -> int:
    """Choose the values that a flow leaves open as `?`: the cheapest ones that lose few answers.

    Each setting of the values runs for all rows, and equal calls are sent once. The dearest setting is the measure: the
    pick loses at most --lose of its answers on rows like these, with the certainty --sure.

    The command shows the calls and the highest cost first, and asks on a terminal. It exits with 0, with 1 if no
    cheaper setting can be promised, 2 for a wrong command line, 3 if an endpoint serves nobody, 4 if the budget was
    spent.
    """
    if path is None or chosen is None:
        raise UsageError("name a flow file: flowrun tune FILE.flow --rows rows.jsonl --answer COLUMN")
    if chosen.checked.tuning is None:
        raise UsageError(
            f"{shown(str(path))} leaves no value open: write a `?` in the place of a value to tune, as in `ahead(?)`, "
            "`repeat 3..?` or `when agreement(x) < ?`"
        )
    labelled = given["same_as"] is None
    if given["rows"] is None or (labelled and not given["answer"]):
        missing = "--rows rows.jsonl" if given["rows"] is None else "--answer COLUMN, or --same-as all"
        raise UsageError(f"tuning needs rows with expected answers: add {missing}")
    lose, sure = _share("--lose", given["lose"]), _share("--sure", given["sure"])
    if not 0 < lose < 1:
        raise UsageError(f"--lose {shown(given['lose'])}: no number of rows can show this; write a share such as 2%")
    if not 0.5 <= sure <= _MOST_SURE:
        raise UsageError(
            f"--sure {shown(given['sure'])}: no number of rows gives this certainty; write one such as 90%"
        )
    if chosen.checked.warnings and not given["quiet"]:
        show_findings(chosen.checked.warnings)
    if given["write"]:
        must_be_writable(path)
    evaluation = _evaluation(path, given, labelled=labelled)
    from .tune_output import tune_target

    target = tune_target(path, given, evaluation)
    try:
        found, settings, code = _tuned(chosen, evaluation, lose, sure, labelled=labelled)
        return code if found is None else _ended(path, chosen, found, settings, code, target, given)
    finally:
        if target is not None:
            target.close()


def _ended(
    path: Path,
    chosen: ChosenFlow,
    found: Tuned,
    settings: list[Setting],
    code: int,
    target: Target | None,
    given: Mapping[str, Any],
) -> int:
    """Write the pick into the file if that is wanted, print the result, and return the exit code."""
    text = next(one.text for one in settings if one.values == found.chosen.values)
    source = chosen.checked.file.span.source
    if format_file(parse_flow(source)) == source.text:
        text = format_file(parse_flow(Source(text, source.name)))
    written = given["write"] and found.found and not found.left and _write(path, source.text, text)
    lines = _lines(chosen, found)
    _print(found, lines, given, written=written)
    if target is not None:
        from .tune_output import tune_text

        target.write(tune_text(target, chosen.plan.flow, found, lines, written=written))
        click.echo(f"the result is in {target.name}", err=True)
    if given["write"] and not written:
        complain(f"{shown(str(path))} is not changed")
        return code or (exits.DISK if found.found and not found.left else exits.FINDINGS)
    return code or (exits.DONE if found.found else exits.FINDINGS)


def _evaluation(path: Path, given: Mapping[str, Any], *, labelled: bool) -> Evaluation:
    from ..eval.table import Table
    from .eval_sides import Evaluation

    files = Files(path.parent, given["allow_read"])
    tell = unheard if given["quiet"] else remark
    table = Table.read(given["rows"], standard_input, files, tell, given["first"])
    answer = (given["answer"] or SAME).removesuffix("=")
    column = answer.partition("=")[0]
    if not column:
        raise UsageError(f"--answer {shown(answer)} names no column: write COLUMN, or COLUMN=STEP")
    if not labelled and column not in table.columns:
        table = replace(table, columns=(*table.columns, column))
    budget = read_budget(given["budget"]) if given["budget"] is not None else None
    return Evaluation(table, (answer,), files, journal_path(given["journal"]), {**given, "fresh": False}, budget)


def _tuned(
    chosen: ChosenFlow, evaluation: Evaluation, lose: float, sure: float, *, labelled: bool
) -> tuple[Tuned | None, list[Setting], int]:
    """Run the settings and judge them. Without any that ran there is no result, and the exit code says why."""
    from ..eval.promise import rows_needed
    from ..eval.tuned import Tuned
    from .tune_runs import run_settings
    from .tune_sides import settings_of

    tuning = chosen.checked.tuning
    assert tuning is not None
    settings = settings_of(chosen, evaluation, unheard if evaluation.given["quiet"] else remark, labelled=labelled)
    rows, needed = len(settings[0].side.rows), rows_needed(lose, sure) or 0
    if rows < needed:
        things = count_text(rows, "label" if labelled else "row")
        raise UsageError(
            f"nothing can be promised with {things}: at least {needed:,} are needed to lose at most "
            f"{evaluation.given['lose']} ({evaluation.given['sure']} sure), even if none is lost. Give more rows, or "
            "promise less by --lose and --sure"
        )
    tries, code = run_settings(settings, evaluation, labelled=labelled)
    if not tries:
        return None, settings, code
    titles = tuple(one.title for one in tuning.places)
    return Tuned(titles, tries, lose, sure, labelled, len(settings) - len(tries)), settings, code


def _lines(chosen: ChosenFlow, found: Tuned) -> list[tuple[int, str]]:
    """Return the lines of the file that the pick changes, with its values in them."""
    tuning, source = chosen.checked.tuning, chosen.checked.file.span.source
    assert tuning is not None
    lines: dict[int, str] = {}
    for place, value in reversed(list(zip(tuning.places, found.chosen.values, strict=True))):
        span = place.hole.span
        first, start = source.position(span.start)
        last, end = source.position(span.end)
        line = lines.get(last, source.line(last))
        head = source.line(first) if first != last else line
        lines[first] = head[: start - 1] + value + line[end - 1 :]
    return sorted(lines.items())


def _write(path: Path, before: str, after: str) -> bool:
    """Write the values into the file, unless it has changed meanwhile."""
    try:
        rewrite(path, before, after)
    except UsageError as error:
        complain(str(error))
        return False
    except OSError as error:
        complain(f"{shown(str(path))} cannot be written: {error.strerror or error}")
        return False
    return True


def _print(found: Tuned, written_lines: list[tuple[int, str]], given: Mapping[str, Any], *, written: bool) -> None:
    if given["as_json"]:
        from ..eval.tuned_json import tuned_json

        say(tuned_json(found, written_lines, written=written))
        return
    from .screen import terminal_width
    from .views.tune_text import lines

    for line in lines(found, written_lines, terminal_width()):
        click.echo(inert(line))
    if written:
        remark("these values are in the file")


def _share(option: str, text: str) -> float:
    """Read a share: a number from 0 to 1, or a percentage. Raises UsageError."""
    plain = text.strip()
    number = plain.removesuffix("%").rstrip()
    try:
        share = float(number) / (100 if plain.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        hint = f"write {number}%" if number.isdecimal() and 0 < int(number) <= 100 else "write a share such as 2%"
        raise UsageError(f"{option} {shown(text)} is not a share from 0 to 1: {hint}")
    return share
