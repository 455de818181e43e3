"""`flowrun FILE.flow`: run a flow."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from flowrun.dsl import plan as p
from flowrun.dsl import types

from ..api import run_async
from ..costs.written_budget import read_budget
from ..engine.streaming import only_mapped
from ..externs.externs import permit
from ..files.files import Files
from ..inputs.inputs import files_given, read_input
from ..journal.beside import FOLDER
from ..outputs.target import Source
from ..reads.places import files_read
from ..session.loading import load, plan_of
from ..vocabulary.errors import UsageError
from ..vocabulary.remarks import Tell, unheard
from .asking import host_question
from .journals import NAME, journal_files, journal_path
from .outcome import finish
from .output import Output, output_file, output_options
from .paths import PathThatIs, refuse_pipe
from .plans import allowed, take_pairs, twice
from .progress import watcher
from .show import remark, show_findings, standard_input
from .signals import run_stoppable

OWN = (
    *("model", "json", "quiet", "flow", "param", "allow-read", "allow-host", "allow-python", "help"),
    *("budget", "fresh", "journal", "no-journal", "output", "raw"),
)


def command_for(path: Path, arguments: list[str]) -> click.Command:
    """Make the command of one flow file, with an option for each parameter of its flow."""
    refuse_pipe(path)
    checked = load(path)
    plan = plan_of(checked, _flow_named(arguments))
    options: list[click.Parameter] = [_option(param) for param in plan.params]
    options += [
        click.Option(["--param", "pairs"], multiple=True, metavar="NAME=VALUE", help="A value for the parameter NAME."),
        click.Option(
            ["--model"], metavar="MODEL", help="The model for asks without a model, such as openai:gpt-4o-mini."
        ),
        click.Option(["--flow"], metavar="NAME", help="The flow to run. The default is the last flow of the file."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the answer and the account of the run as JSON."),
        *output_options(plan),
        click.Option(["--quiet", "-q"], is_flag=True, help="Print only the answer."),
        click.Option(
            ["--allow-read"],
            multiple=True,
            type=PathThatIs(),
            callback=allowed,
            metavar="DIR",
            help="Let the flow read this folder, besides its own.",
        ),
        click.Option(["--allow-host"], multiple=True, metavar="HOST", help="Let the flow use models at this host."),
        click.Option(["--allow-python"], is_flag=True, help="Let the flow call the Python functions that it declares."),
        click.Option(["--budget"], metavar="BUDGET", help="Replace the budget of the flow: '$2.50, 400 calls'."),
        click.Option(["--fresh"], is_flag=True, help="Send all calls again, and use no answers from the journal."),
        click.Option(["--journal"], metavar="FILE", help=f"The file for the answers. The default is {FOLDER}/{NAME}."),
        click.Option(["--no-journal"], is_flag=True, help="Keep no answers: an interrupted run cannot go on."),
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
        epilog="A value stands for itself, @FILE for the content of a file, and - for standard input.",
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
    # The spelling of the flow works as well, unless the command has such an option itself.
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
    budget = read_budget(given["budget"]) if given["budget"] is not None else None
    if given["no_journal"] and given["journal"] is not None:
        raise UsageError("--no-journal keeps nothing, and --journal says where to keep it: give one of them")
    journal = None if given["no_journal"] else journal_path(given["journal"])
    quiet = bool(given["quiet"])
    texts = _texts(plan, given)
    inputs = _inputs(plan, texts, unheard if quiet else remark)
    file = output_file(given["output"], raw=given["raw"])
    sources = [] if file is None else _sources(plan, texts, inputs, given["allow_read"], journal)
    with nullcontext() if file is None else Output(file, plan.type, sources, raw=given["raw"]) as output:
        with watcher(quiet) as watch:
            result = run_stoppable(
                lambda stop: run_async(
                    plan,
                    inputs,
                    model=given["model"],
                    on_event=(watch,),
                    allow_read=given["allow_read"],
                    allow_host=given["allow_host"],
                    allow_python=given["allow_python"],
                    ask_hosts=host_question(),
                    journal=journal,
                    fresh=given["fresh"],
                    budget=budget,
                    stop=stop,
                    on_result=output.row if output is not None and output.by_line else None,
                )
            )
        flags = " --allow-python" if given["allow_python"] else ""
        return finish(result, journal, as_json=given["as_json"], quiet=quiet, flags=flags, output=output)


def _sources(
    plan: p.Plan, texts: dict[str, str], inputs: dict[str, Any], allow_read: tuple[Path, ...], journal: Path | None
) -> list[Source]:
    """Return the files that an output must not overwrite."""
    given = [file for param in plan.params for file in files_given(param, texts.get(param.name, ""))]
    kept = [] if journal is None else journal_files(journal)
    return [*given, *files_read(plan, inputs, Path(plan.source).parent, allow_read), *kept]


def _texts(plan: p.Plan, given: dict[str, Any]) -> dict[str, str]:
    """Return the text that the command line gives for each parameter."""
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
    return texts


def _inputs(plan: p.Plan, texts: dict[str, str], tell: Tell) -> dict[str, Any]:
    params = {param.name: param for param in plan.params}
    beside = Files(Path(plan.source).parent)
    return {
        name: read_input(params[name], text, standard_input, beside, by_row=only_mapped(plan, name), tell=tell)
        for name, text in texts.items()
    }
