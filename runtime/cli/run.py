"""`flowrun FILE.flow`: run a flow."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import plan as p

from ..api import RunOptions, run_typed
from ..costs.written_budget import read_budget
from ..externs.externs import permit
from ..files.files import Files
from ..inputs.inputs import files_given
from ..inputs.python_inputs import check_texts
from ..journal.beside import FOLDER
from ..journal.project import NAME
from ..plans.streaming import only_mapped
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line
from ..vocabulary.remarks import unheard
from .batch_options import batch_options
from .consent import at_keyboard, host_question
from .console import remark, show_findings
from .detach_option import detach_option
from .journals import journal_files, journal_path
from .outcome import finish
from .outputs import Outputs, Wanted, WithOutputs, output_options
from .params import Chosen, FlowCommand, first_option
from .people import NO_ASK, at_terminal
from .plans import ALLOW_READ
from .progress import watcher
from .run_cassette import RunCassette, cassette_option
from .run_report import RunReport, live_option, report_option
from .signals import run_stoppable
from .tracing import tracing
from .workers import workers_options

if TYPE_CHECKING:
    from ..outputs.target import Source
    from .detach import Away


def command_for(path: Path) -> click.Command:
    """Make the command of one flow file, with an option for each parameter of its flow."""
    options: list[click.Parameter] = [
        click.Option(
            ["--model"], metavar="MODEL", help="The model for asks without a model, such as openai:gpt-4o-mini."
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the answer and the account of the run as JSON."),
        first_option(),
        *output_options(),
        report_option(),
        live_option(),
        cassette_option(),
        click.Option(["--quiet", "-q"], is_flag=True, help="Print only the answer, losses and errors."),
        click.Option(["--allow-read"], **ALLOW_READ),
        click.Option(["--allow-host"], multiple=True, metavar="HOST", help="Let the flow use models at this host."),
        click.Option(["--allow-python"], is_flag=True, help="Let the flow call the Python functions that it declares."),
        click.Option(["--budget"], metavar="BUDGET", help="Replace the budget of the flow: '$2.50, 400 calls'."),
        click.Option(["--fresh"], is_flag=True, help="Send all calls again, and use no answers from the journal."),
        click.Option(["--journal"], metavar="FILE", help=f"The file for the answers. The default is {FOLDER}/{NAME}."),
        *batch_options(),
        *workers_options(),
        click.Option(["--no-ask"], is_flag=True, help=NO_ASK),
        click.Option(["--no-journal"], is_flag=True, help="Keep no answers: an interrupted run cannot go on."),
        detach_option(),
    ]
    return _Run(
        path.name,
        path=path,
        params=options,
        callback=_run,
        epilog="A value stands for itself, @FILE for the content of a file, and - for standard input.",
    )


class _Run(WithOutputs, FlowCommand):
    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.help = one_line(f"Run the flow `{ctx.obj.plan.flow}` of {self.path}.")
        super().format_help_text(ctx, formatter)


@click.pass_obj
def _run(chosen: Chosen, /, **given: Any) -> int:
    if not given["detach"]:
        return _ran(chosen, given, None)
    from .detach import detached

    journal = None if given["no_journal"] else journal_path(given["journal"])
    return detached(partial(_ran, chosen, given), journal, as_json=given["as_json"], quiet=given["quiet"])


def _ran(chosen: Chosen, given: dict[str, Any], away: Away | None) -> int:
    """Run the flow, and return the exit code. ``away`` takes the run from its terminal when it has begun."""
    plan, texts = chosen.plan, chosen.texts
    quiet = bool(given["quiet"])
    if chosen.checked.warnings and not quiet:
        show_findings(chosen.checked.warnings)
    permit(plan, given["allow_python"])
    budget = read_budget(given["budget"]) if given["budget"] is not None else None
    if given["no_journal"] and given["journal"] is not None:
        raise UsageError("--no-journal and --journal exclude each other: give only one of them")
    journal = None if given["no_journal"] else journal_path(given["journal"])
    beside = Files(Path(plan.source).parent)
    if away is None and not given["no_ask"] and chosen.missing and at_keyboard():
        from .questions import ask_inputs  # most command lines give all inputs

        ask_inputs(chosen, beside, given["model"])
    chosen.require_all()
    inputs = chosen.inputs(beside, unheard if quiet else remark, partial(only_mapped, plan), given["first"])
    remarks: list[str] = []
    check_texts(plan.params, inputs, beside.folder, remarks.append)
    wanted = Wanted.given(given["output"], given["name_from"], given["raw"])
    to = given["report"]
    reads = [one for param in plan.params for one in files_given(param, texts.get(param.name, ""))]
    tape = given["cassette"]
    sources = (
        []
        if not wanted and to is None and tape is None
        else _sources(plan, reads, inputs, given["allow_read"], journal)
    )
    report = None if to is None else RunReport(to, journal, sources, wanted.files)
    cassette = None if tape is None else RunCassette(tape, journal, sources, (*wanted.files, to))
    others = [one for one in (to, tape) if one is not None]
    with nullcontext() if not wanted else Outputs(wanted, plan.type, sources, others) as output:
        if away is not None:
            away.prepare(quiet=quiet)
        with tracing(quiet) as traces, away or watcher(quiet) as watch:
            result = run_stoppable(
                lambda stop: run_typed(
                    plan,
                    inputs,
                    RunOptions(
                        model=given["model"],
                        allow_read=given["allow_read"],
                        allow_host=given["allow_host"],
                        allow_python=given["allow_python"],
                        ask_hosts=host_question(),
                        ask_person=at_terminal(watch.held, asks=not given["no_ask"], away=away is not None),
                        journal=journal,
                        fresh=given["fresh"],
                        budget=budget,
                        stop=stop,
                        on_event=(watch, *traces),
                        live=given["live"],
                        batch=given["batch"],
                        wait=not given["no_wait"],
                        workers=given["workers"],
                        engine=given["engine"],
                        send_keys=given["send_keys"],
                        on_result=None if output is None else output.take,
                    ),
                    remarks,
                    [one for one in reads if isinstance(one, Path)],
                    chosen.taken,
                )
            )
        flags = " --allow-python" if given["allow_python"] else ""
        code = finish(
            result, journal, as_json=given["as_json"], quiet=quiet, flags=flags, output=output, taken=chosen.taken
        )
    for one in (report, cassette):
        code = code if one is None else one.write(result.run, code, quiet=quiet)
    return code


def _sources(
    plan: p.Plan, given: list[Source], inputs: dict[str, Any], allow_read: tuple[Path, ...], journal: Path | None
) -> list[Source]:
    """Return the files that no output may overwrite. ``given`` are those of the inputs."""
    kept = [] if journal is None else journal_files(journal)
    from ..reads.places import files_read

    return [*given, *files_read(plan, inputs, Path(plan.source).parent, allow_read), *kept]
