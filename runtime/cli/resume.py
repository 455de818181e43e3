"""`flowrun resume RUN`: go on with a run that was interrupted, killed, or out of money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import plan as p

from ..api import RunOptions, resume_run
from ..costs.written_budget import read_budget
from ..inputs.cuts import Taken
from ..reads.places import files_read
from ..session.run_rows import RunSettings
from .batch_options import NO_WAIT
from .consent import host_question
from .detach_option import HELP as DETACH
from .journals import journal_files, journal_path
from .outcome import finish
from .outputs import FIELDS, HELP, NAME_FROM, RAW, AnswerPath, Outputs, Place, Wanted, WithOutputs
from .paths import OutputPath
from .people import NO_ASK, at_terminal
from .progress import watcher
from .run_cassette import HELP as CASSETTE
from .run_cassette import RunCassette
from .run_report import HELP as REPORT
from .run_report import LIVE, RunReport
from .signals import run_stoppable
from .tracing import tracing
from .workers import ENGINE, KIND, SEND_KEYS
from .workers import HELP as WORKERS

if TYPE_CHECKING:
    from .detach import Away


@click.command("resume", cls=WithOutputs, short_help="Resume an interrupted run.")
@click.argument("run", metavar="RUN")
@click.option(
    "--in-doubt",
    type=click.Choice(["retry", "fail"]),
    default="retry",
    show_default=True,
    help="Send the calls again that were under way when the run ended, or let them fail. They may have been paid.",
)
@click.option(
    "--budget", metavar="BUDGET", help="Replace the budget of the run: '$2.50, 400 calls'. The spending so far counts."
)
@click.option("--journal", metavar="FILE", help="The journal of the run.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer and the account of the run as JSON.")
@click.option("--output", "-o", type=AnswerPath(), metavar="FILE|FOLDER/", help=HELP)
@click.option("--output.NAME", "of_field", metavar="FILE|FOLDER/", expose_value=False, help=FIELDS)
@click.option("--name-from", metavar="FIELD", help=NAME_FROM)
@click.option("--raw", is_flag=True, help=RAW)
@click.option("--report", type=OutputPath(), metavar="FILE", help=REPORT)
@click.option("--cassette", type=OutputPath(), metavar="FILE", help=CASSETTE)
@click.option("--quiet", "-q", is_flag=True, help="Print only the answer, losses and errors.")
@click.option("--live", is_flag=True, help=LIVE)
@click.option("--no-wait", is_flag=True, help=NO_WAIT)
@click.option("--workers", type=KIND, default=0, metavar="N", help=WORKERS)
@click.option("--engine", **ENGINE)
@click.option("--send-keys", is_flag=True, help=SEND_KEYS)
@click.option("--no-ask", is_flag=True, help=NO_ASK)
@click.option("--allow-host", multiple=True, metavar="HOST", help="Let the flow use models at this host.")
@click.option("--allow-python", is_flag=True, help="Let the flow call the Python functions that it declares.")
@click.option("--detach", is_flag=True, help=DETACH)
def command(detach: bool, **given: Any) -> int:
    """Go on with RUN: its id from `flowrun runs`, the first characters of the id, or `last`.

    The run keeps its flow, inputs, model and permissions. It takes answers from the journal and never asks for them
    again. A run that is done prints its answer once more.
    """
    if not detach:
        return _gone_on(None, **given)
    from .detach import detached

    return detached(
        partial(_gone_on, **given), journal_path(given["journal"]), as_json=given["as_json"], quiet=given["quiet"]
    )


def _gone_on(
    away: Away | None,
    *,
    run: str,
    in_doubt: str,
    budget: str | None,
    journal: str | None,
    as_json: bool,
    output: Place | None,
    name_from: str | None,
    raw: bool,
    report: Path | None,
    cassette: Path | None,
    quiet: bool,
    live: bool,
    no_wait: bool,
    workers: int,
    engine: str,
    send_keys: bool,
    no_ask: bool,
    allow_host: tuple[str, ...],
    allow_python: bool,
) -> int:
    """Resume the run, and return the exit code. ``away`` takes the run from its terminal when it has begun."""
    path = journal_path(journal)
    limit = read_budget(budget) if budget is not None else None
    wanted = Wanted.given(output, name_from, raw)
    with ExitStack() as stack:
        opened: list[Outputs] = []
        pages: list[RunReport | RunCassette] = []
        taken: dict[str, Taken] = {}

        def results(plan: p.Plan, values: Mapping[str, Any], settings: RunSettings) -> Callable[[Any], None] | None:
            """Open the outputs once the plan is known, before anything is sent; return a taker of its lines, if any."""
            taken.update(settings.taken)
            if not wanted and report is None and cassette is None:
                return None
            folder = settings.folder or Path()
            sources = (*files_read(plan, values, folder, settings.allow_read), *settings.reads, *journal_files(path))
            if report is not None:
                pages.append(RunReport(report, path, sources, wanted.files))
            if cassette is not None:
                pages.append(RunCassette(cassette, path, sources, (*wanted.files, report)))
            if not wanted:
                return None
            others = [one for one in (report, cassette) if one is not None]
            opened.append(stack.enter_context(Outputs(wanted, plan.type, sources, others)))
            return opened[0].take

        if away is not None and path.exists():
            away.prepare(quiet=quiet)
        with tracing(quiet) as traces, away or watcher(quiet) as watch:
            result = run_stoppable(
                lambda stop: resume_run(
                    run,
                    path,
                    RunOptions(
                        allow_host=allow_host,
                        allow_python=allow_python,
                        ask_hosts=host_question(),
                        ask_person=at_terminal(watch.held, asks=not no_ask, away=away is not None),
                        ask_doubtful=in_doubt == "retry",
                        budget=limit,
                        stop=stop,
                        on_event=(watch, *traces),
                        live=live,
                        wait=not no_wait,
                        workers=workers,
                        engine=engine,
                        send_keys=send_keys,
                    ),
                    results,
                )
            )
        flags = " --allow-python" if allow_python else ""
        output_to = opened[0] if opened else None
        code = finish(result, path, as_json=as_json, quiet=quiet, flags=flags, output=output_to, taken=taken)
    for page in pages:
        code = page.write(result.run, code, quiet=quiet)
    return code
