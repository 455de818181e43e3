"""`flowrun resume RUN`: go on with a run that was interrupted, killed, or out of money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from flowrun.dsl import plan as p

from ..api import RunOptions, resume_run
from ..costs.written_budget import read_budget
from ..reads.places import files_read
from ..session.resume import RunSettings
from .asking import host_question
from .journals import journal_files, journal_path
from .outcome import finish
from .output import HELP, RAW, AnswerFile, output_file
from .paths import OutputPath
from .progress import watcher
from .run_cassette import HELP as CASSETTE
from .run_cassette import RunCassette
from .run_report import HELP as REPORT
from .run_report import LIVE, RunReport
from .signals import run_stoppable
from .tracing import tracing


@click.command("resume", short_help="Resume an interrupted run.")
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
@click.option("--output", "-o", type=OutputPath(), metavar="FILE", help=HELP)
@click.option("--raw", is_flag=True, help=RAW)
@click.option("--report", type=OutputPath(), metavar="FILE", help=REPORT)
@click.option("--cassette", type=OutputPath(), metavar="FILE", help=CASSETTE)
@click.option("--quiet", "-q", is_flag=True, help="Print only the answer, losses and errors.")
@click.option("--live", is_flag=True, help=LIVE)
@click.option("--allow-host", multiple=True, metavar="HOST", help="Let the flow use models at this host.")
@click.option("--allow-python", is_flag=True, help="Let the flow call the Python functions that it declares.")
def command(
    run: str,
    in_doubt: str,
    budget: str | None,
    journal: str | None,
    as_json: bool,
    output: Path | None,
    raw: bool,
    report: Path | None,
    cassette: Path | None,
    quiet: bool,
    live: bool,
    allow_host: tuple[str, ...],
    allow_python: bool,
) -> int:
    """Go on with RUN: its id from `flowrun runs`, the first characters of the id, or `last`.

    The run keeps its flow, inputs, model and permissions. It takes answers from the journal and never asks for them
    again. A run that is done prints its answer once more.
    """
    path = journal_path(journal)
    limit = read_budget(budget) if budget is not None else None
    file = output_file(output, raw=raw)
    with ExitStack() as stack:
        opened: list[AnswerFile] = []
        pages: list[RunReport | RunCassette] = []

        def results(plan: p.Plan, values: Mapping[str, Any], settings: RunSettings) -> Callable[[Any], None] | None:
            """Open the outputs once the plan is known, before anything is sent; return a taker of its lines, if any."""
            if file is None and report is None and cassette is None:
                return None
            folder = settings.folder or Path()
            sources = (*files_read(plan, values, folder, settings.allow_read), *settings.reads, *journal_files(path))
            if report is not None:
                pages.append(RunReport(report, path, sources, file))
            if cassette is not None:
                pages.append(RunCassette(cassette, path, sources, (file, report)))
            if file is None:
                return None
            to = stack.enter_context(AnswerFile(file, plan.type, sources, raw=raw))
            opened.append(to)
            return to.row if to.by_line else None

        with tracing(quiet) as traces, watcher(quiet) as watch:
            result = run_stoppable(
                lambda stop: resume_run(
                    run,
                    path,
                    RunOptions(
                        allow_host=allow_host,
                        allow_python=allow_python,
                        ask_hosts=host_question(),
                        ask_doubtful=in_doubt == "retry",
                        budget=limit,
                        stop=stop,
                        on_event=(watch, *traces),
                        live=live,
                    ),
                    results,
                )
            )
        flags = " --allow-python" if allow_python else ""
        output_to = opened[0] if opened else None
        code = finish(result, path, as_json=as_json, quiet=quiet, flags=flags, output=output_to)
    for page in pages:
        code = page.write(result.run, code, quiet=quiet)
    return code
