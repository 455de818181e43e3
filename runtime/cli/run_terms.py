"""The terms of a run that its command line sets, and the run by these terms until its end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from flowrun.dsl import dataclass, types

from ..api import Result, RunOptions
from ..costs.written_budget import read_budget
from .consent import host_question
from .outcome import finish
from .outputs import Outputs, WantedOutputs
from .people import at_terminal
from .progress import watcher
from .run_cassette import RunCassette
from .run_report import RunReport
from .signals import run_stoppable
from .tracing import tracing

if TYPE_CHECKING:
    from ..inputs.cuts import Taken
    from ..outputs.target import Source
    from .detach import Away


DETACH = "Let the run go on without this terminal; `flowrun attach` follows it, and `flowrun stop` stops it."


def detach_option() -> click.Option:
    """Return the option of a command that runs a flow. What it does is loaded when it is given."""
    return click.Option(["--detach"], is_flag=True, help=DETACH)


def options_given(given: Mapping[str, Any]) -> RunOptions:
    """Read the options that a run and its resumption have in common. Raises UsageError."""
    return RunOptions(
        allow_host=given["allow_host"],
        allow_python=given["allow_python"],
        budget=None if given["budget"] is None else read_budget(given["budget"]),
        live=given["live"],
        wait=not given["no_wait"],
        workers=given["workers"],
        engine=given["engine"],
        send_keys=given["send_keys"],
    )


class FileNames(NamedTuple):
    """The files that a command line names for a run to write."""

    outputs: WantedOutputs
    report: Path | None
    cassette: Path | None

    def __bool__(self) -> bool:
        return bool(self.outputs) or self.report is not None or self.cassette is not None


@dataclass(frozen=True, slots=True)
class RunTerms:
    """The terms of a run. ``asks`` says whether the person at the terminal is asked. Some runs have no ``journal``."""

    options: RunOptions
    journal: Path | None
    files: FileNames
    as_json: bool
    quiet: bool
    asks: bool

    @classmethod
    def given(cls, given: Mapping[str, Any], options: RunOptions, journal: Path | None) -> RunTerms:
        """Read the terms of the command that is running. Raises UsageError if an option has no output."""
        files = FileNames(
            WantedOutputs.given(given["output"], given["name_from"], given["raw"]), given["report"], given["cassette"]
        )
        return cls(options, journal, files, given["as_json"], given["quiet"], not given["no_ask"])


class RunFiles:
    """The files that a run writes, opened before anything is paid. The context closes them."""

    def __init__(self, terms: RunTerms) -> None:
        self.output: Outputs | None = None
        self._terms = terms
        self._pages: list[RunReport | RunCassette] = []
        self._stack = ExitStack()

    def open(self, type_: types.Type, sources: Sequence[Source]) -> Callable[[Any], None] | None:
        """Open the files for an answer of ``type_``. Return the function that takes its elements one by one, if any.

        ``sources`` are the files that the run reads. Raises UsageError, DiskError.
        """
        journal, (wanted, report, cassette) = self._terms.journal, self._terms.files
        if report is not None:
            self._pages.append(RunReport(report, journal, sources, wanted.files))
        if cassette is not None:
            self._pages.append(RunCassette(cassette, journal, sources, (*wanted.files, report)))
        if not wanted:
            return None
        others = [one for one in (report, cassette) if one is not None]
        self.output = self._stack.enter_context(Outputs(wanted, type_, sources, others))
        return self.output.take

    def write_pages(self, run: str, code: int) -> int:
        """Write the report and the cassette, and return the exit code, which would be ``code`` without them."""
        for page in self._pages:
            code = page.write(run, code, quiet=self._terms.quiet)
        return code

    def __enter__(self) -> RunFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def run_to_end(
    run: Callable[[RunOptions], Coroutine[Any, Any, Result]],
    terms: RunTerms,
    files: RunFiles,
    away: Away | None,
    taken: Mapping[str, Taken],
) -> int:
    """Run a flow by its terms, print its answer and account, and return the exit code.

    ``away`` takes the run from its terminal when it has begun. ``taken`` has the inputs that are not whole lists.
    """
    with tracing(terms.quiet) as traces, away or watcher(terms.quiet) as watch:
        options = replace(
            terms.options,
            ask_hosts=host_question(),
            ask_person=at_terminal(watch.held, asks=terms.asks, away=away is not None),
            on_event=(watch, *traces),
        )
        result = run_stoppable(lambda stop: run(replace(options, stop=stop)))
    code = finish(
        result,
        terms.journal,
        as_json=terms.as_json,
        quiet=terms.quiet,
        flags=" --allow-python" if terms.options.allow_python else "",
        output=files.output,
        taken=taken,
    )
    return files.write_pages(result.run, code)
