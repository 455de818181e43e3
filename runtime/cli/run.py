"""`flowrun FILE.flow`: run a flow."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click

from flowrun.dsl import plan as p
from flowrun.dsl import types

from ..api import Result, run_async
from ..errors import UsageError
from ..externs import permit
from ..files import Files
from ..inputs import read_input
from ..loading import load, plan_of
from . import exits
from .paths import PathThatIs, refuse_pipe
from .plans import allowed, take_pairs, twice
from .progress import watcher
from .show import complain, inert, print_answer, show_findings, standard_input
from .summary import closing_line, votes_lines

OWN = ("model", "json", "quiet", "flow", "param", "allow-read", "allow-python", "help")


def command_for(path: Path, arguments: list[str]) -> click.Command:
    """The command of one flow file, with an option for each parameter of its flow."""
    refuse_pipe(path)
    checked = load(path)
    plan = plan_of(checked, _flow_named(arguments))
    options: list[click.Parameter] = [_option(param) for param in plan.params]
    options += [
        click.Option(["--param", "pairs"], multiple=True, metavar="NAME=VALUE", help="A parameter, by its name."),
        click.Option(
            ["--model"], metavar="MODEL", help="The model of asks that name none, such as openai:gpt-4o-mini."
        ),
        click.Option(["--flow"], metavar="NAME", help="The flow to run, if not the last one."),
        click.Option(
            ["--json", "as_json"], is_flag=True, help="Print the answer with the account of the run, as JSON."
        ),
        click.Option(["--quiet", "-q"], is_flag=True, help="Print the answer alone."),
        click.Option(
            ["--allow-read"],
            multiple=True,
            type=PathThatIs(),
            callback=allowed,
            metavar="DIR",
            help="A folder that the flow may read besides its own.",
        ),
        click.Option(["--allow-python"], is_flag=True, help="Let the flow run the Python functions that it declares."),
    ]

    def run(**given: Any) -> int:
        if checked.warnings and not given["quiet"]:
            show_findings(checked.warnings)
        return _run(plan, given)

    return click.Command(
        path.name,
        params=options,
        callback=run,
        help=f"Run the flow `{plan.flow}` of {path}.",
        epilog="A value is taken as it is; @FILE is the content of a file, and - is standard input.",
    )


def _flow_named(arguments: list[str]) -> str | None:
    for at, argument in enumerate(arguments):
        if argument == "--flow" and at + 1 < len(arguments):
            return arguments[at + 1]
        if argument.startswith("--flow="):
            return argument.removeprefix("--flow=")
    return None


def _flag(param: p.Param) -> str:
    name = param.name.replace("_", "-")
    return f"--{name}" if name not in OWN else f"--param-{name}"


def _option(param: p.Param) -> click.Option:
    flag = _flag(param)
    # Written as in the flow it is understood as well, where the command has no such option itself.
    also = [f"--{param.name}"] if "_" in param.name and not param.name.startswith("_") else []
    needed = "" if param.required else " (optional)"
    return click.Option(
        [flag, *also, f"given_{param.name}"],
        multiple=True,
        metavar=_metavar(param.type),
        help=f"{types.show(param.type)}{needed}",
    )


def _metavar(type_: types.Type) -> str:
    match types.unwrapped(type_):
        case types.Simple("document"):
            return "PATH"
        case types.ListOf(types.Record()):
            return "ROWS"
        case types.Choice(options):
            return "|".join(options)
        case types.Simple(kind):
            return kind.upper()
    return "VALUE"


def _run(plan: p.Plan, given: dict[str, Any]) -> int:
    permit(plan, given["allow_python"])
    inputs = _inputs(plan, given)
    quiet = bool(given["quiet"])
    watch = watcher(quiet)
    try:
        with watch:
            result = asyncio.run(
                run_async(
                    plan,
                    inputs,
                    model=given["model"],
                    on_event=(watch,),
                    allow_read=given["allow_read"],
                    allow_python=given["allow_python"],
                )
            )
    except KeyboardInterrupt:
        complain("interrupted; nothing is running any more")
        return exits.INTERRUPTED
    if given["as_json"]:
        print(json.dumps(report(result), ensure_ascii=False, indent=2))
    elif result.ok:
        print_answer(result.value)
    if not quiet:
        for line in votes_lines(result):
            print(inert(line), file=sys.stderr)
    for failure in result.failures:
        complain(f"{failure.path}: {failure.reason}")
    if not quiet:
        print(inert(closing_line(result)), file=sys.stderr)
    return exits.DONE if result.ok else exits.FAILED


def _inputs(plan: p.Plan, given: dict[str, Any]) -> dict[str, Any]:
    params = {param.name: param for param in plan.params}
    texts: dict[str, str] = {}
    for name in params:
        values = given[f"given_{name}"]
        if len(values) > 1:
            raise twice(name)
        if values:
            texts[name] = values[0]
    take_pairs(texts, plan, given["pairs"])
    missing = [param for param in plan.params if param.required and param.name not in texts]
    if missing:
        flags = " ".join(f"{_flag(param)} {_metavar(param.type)}" for param in missing)
        raise UsageError(f"the flow `{plan.flow}` needs a value: add {flags}")
    if list(texts.values()).count("-") > 1:
        raise UsageError("standard input can be only one parameter's value")
    beside = Files(Path(plan.source).parent)
    return {name: read_input(params[name], text, standard_input, beside) for name, text in texts.items()}


def report(result: Result) -> dict[str, Any]:
    """A run as `--json` prints it."""
    summary = result.summary
    return {
        "status": "done" if result.ok else "failed",
        "value": result.value,
        "failures": [{"path": one.path, "reason": one.reason} for one in result.failures],
        "losses": [{"path": one.path, "reason": one.reason} for one in result.outcome.losses],
        "votes": {
            path: {
                "winner": tally.winner,
                "ballots": [{"answer": answer, "count": count} for answer, count in tally.ballots],
                "planned": tally.planned,
                "discarded": tally.discarded,
                "agreement": round(tally.agreement, 4),
            }
            for path, tally in result.outcome.tallies.items()
        },
        "calls": summary.calls,
        "requests": summary.requests,
        "spared": summary.spared,
        "cancelled": summary.cancelled,
        "retries": summary.retries,
        "tokens": {
            "input": summary.input_tokens,
            "output": summary.output_tokens,
            "uncounted_requests": summary.uncounted,
        },
        "models": {model: use.calls for model, use in summary.models.items()},
        "cost": summary.cost,
        "seconds": round(summary.seconds, 3),
        "seconds_loading": round(summary.loading, 3),
        "seconds_one_after_another": round(summary.busy, 3),
    }
