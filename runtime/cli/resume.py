"""`flowrun resume RUN`: go on with a run that was interrupted, killed, or out of money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrun.dsl import plan as p

from ..api import resume_run
from ..reads.places import files_read
from ..session.run_rows import RunSettings
from .batch_options import NO_WAIT
from .journals import journal_files, journal_path
from .outputs import FIELDS, HELP, NAME_FROM, RAW, AnswerPath, WithOutputs
from .paths import OutputPath
from .people import NO_ASK
from .run_cassette import HELP as CASSETTE
from .run_report import HELP as REPORT
from .run_report import LIVE
from .run_terms import DETACH, RunFiles, RunTerms, options_given, run_to_end
from .workers import ENGINE, KIND, SEND_KEYS
from .workers import HELP as WORKERS

if TYPE_CHECKING:
    from ..inputs.cuts import Taken
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
    path = journal_path(given["journal"])
    options = replace(options_given(given), ask_doubtful=given["in_doubt"] == "retry")
    terms = RunTerms.given(given, options, path)
    if not detach:
        return _gone_on(given["run"], path, terms, None)
    from .detach import detached

    return detached(partial(_gone_on, given["run"], path, terms), path, as_json=terms.as_json, quiet=terms.quiet)


def _gone_on(run: str, journal: Path, terms: RunTerms, away: Away | None) -> int:
    """Resume the run, and return the exit code. ``away`` takes the run from its terminal when it has begun."""
    taken: dict[str, Taken] = {}
    with RunFiles(terms) as files:

        def results(plan: p.Plan, values: Mapping[str, Any], settings: RunSettings) -> Callable[[Any], None] | None:
            """Open the files once the plan is known, before anything is sent; return a taker of elements, if any."""
            taken.update(settings.taken)
            if not terms.files:
                return None
            read = files_read(plan, values, settings.folder or Path(), settings.allow_read)
            return files.open(plan.type, (*read, *settings.reads, *journal_files(journal)))

        if away is not None and journal.exists():
            away.prepare(quiet=terms.quiet)
        return run_to_end(lambda options: resume_run(run, journal, options, results), terms, files, away, taken)
