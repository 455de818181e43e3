"""`flowrun FILE.flow`: run a flow."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api import run_typed
from ..externs.externs import permit
from ..files.files import Files
from ..inputs.inputs import files_given
from ..inputs.python_inputs import check_texts
from ..journal.files import FOLDER
from ..journal.project import NAME
from ..plans.streaming import only_mapped
from ..session.option_readers import folders
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import one_line
from ..vocabulary.remarks import unheard
from .batch_options import batch_options
from .consent import at_keyboard
from .console import remark, show_findings
from .journals import journal_files, journal_path
from .outputs import WithOutputs, output_options
from .params import ChosenFlow, FlowCommand, first_option
from .people import NO_ASK
from .plans import ALLOW_READ
from .run_cassette import cassette_option
from .run_report import live_option, report_option
from .run_terms import RunFiles, RunTerms, detach_option, options_given, run_to_end
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
def _run(chosen: ChosenFlow, /, **given: Any) -> int:
    terms = _terms(given)
    if not given["detach"]:
        return _ran(chosen, terms, given["first"], None)
    from .detach import detached

    work = partial(_ran, chosen, terms, given["first"])
    return detached(work, terms.journal, as_json=terms.as_json, quiet=terms.quiet)


def _terms(given: dict[str, Any]) -> RunTerms:
    if given["no_journal"] and given["journal"] is not None:
        raise UsageError("--no-journal and --journal exclude each other: give only one of them")
    journal = None if given["no_journal"] else journal_path(given["journal"])
    options = replace(
        options_given(given),
        model=given["model"],
        allow_read=given["allow_read"],
        journal=journal,
        fresh=given["fresh"],
        batch=given["batch"],
    )
    return RunTerms.given(given, options, journal)


def _ran(chosen: ChosenFlow, terms: RunTerms, first: int | None, away: Away | None) -> int:
    """Run the flow, and return the exit code. ``away`` takes the run from its terminal when it has begun."""
    plan, options = chosen.plan, terms.options
    if chosen.checked.warnings and not terms.quiet:
        show_findings(chosen.checked.warnings)
    permit(plan, options.allow_python)
    beside = Files(Path(plan.source).parent)
    if away is None and terms.asks and chosen.missing and at_keyboard():
        from .questions import ask_inputs  # most command lines give all inputs

        ask_inputs(chosen, beside, options.model)
    chosen.require_all()
    inputs = chosen.inputs(beside, unheard if terms.quiet else remark, partial(only_mapped, plan), first)
    remarks: list[str] = []
    check_texts(plan.params, inputs, beside.folder, remarks.append)
    reads = [one for param in plan.params for one in files_given(param, chosen.texts.get(param.name, ""))]
    with RunFiles(terms) as files:
        take = files.open(plan.type, _sources(chosen, reads, inputs, terms) if terms.files else ())
        if away is not None:
            away.prepare(quiet=terms.quiet)
        return run_to_end(
            lambda options: run_typed(
                plan,
                inputs,
                replace(options, on_result=take),
                remarks,
                [one for one in reads if isinstance(one, Path)],
                chosen.taken,
            ),
            terms,
            files,
            away,
            chosen.taken,
        )


def _sources(chosen: ChosenFlow, given: list[Source], inputs: dict[str, Any], terms: RunTerms) -> list[Source]:
    """Return the files that no output may overwrite. ``given`` are those of the inputs."""
    kept = [] if terms.journal is None else journal_files(terms.journal)
    from ..reads.places import files_read

    places = folders(terms.options.allow_read, "allow_read")
    return [*given, *files_read(chosen.plan, inputs, Path(chosen.plan.source).parent, places), *kept]
