"""The functions that run flows from Python.

from flowrun import run

result = run("is_spam.flow", email="You have won!")
print(result.value)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Never

from flowrun.dsl import plan as p

from .documents.value_words import described
from .externs.externs import permit
from .files.urls import url_place
from .inputs.cuts import Taken
from .journal.address import place_of
from .journal.opening import open_journal
from .journal.store import Journal
from .session.arguments import Flow, as_option, given_inputs, options_of, planned, read_inputs, urls_in
from .session.cell_display import cell_display
from .session.garbage import COLLECTOR
from .session.loading import checked_inputs
from .session.options import AnyPath, RunOptions
from .session.result import Result
from .session.resume import taken_up
from .session.run import Stop, execute
from .session.run_rows import RunSettings
from .vocabulary.errors import FlowrunError, UsageError
from .vocabulary.json_value import Json
from .vocabulary.quoting import shown

__all__ = [
    "Result",
    "RunError",
    "RunOptions",
    "Stop",
    "resume",
    "resume_async",
    "resume_run",
    "run",
    "run_async",
    "run_typed",
]

Results = Callable[[p.Plan, Mapping[str, Json], RunSettings], Callable[[Json], None] | None]
_OF_THE_BEGINNING = ("model", "allow_read", "fresh")


class RunError(FlowrunError):
    """The flow ended without a value. ``result`` holds its failures and its account."""

    def __init__(self, result: Result) -> None:
        self.result = result
        failures = result.failures
        first = f"{failures[0].path}: {failures[0].reason}" if failures else str(result.outcome.stopped)
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{first}{more}")


def run(
    flow: Flow, /, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None, **values: Any
) -> Result:
    """Run a flow and wait for its end. ``run_async`` is its form for coroutines.

    If an event loop runs in this thread, as in a notebook, the run has a thread and an event loop of its own, and
    listeners are called in that thread.

    Raises: RunError, if the flow has no value; and all errors of ``run_async``.
    """
    return _waited(lambda given: run_async(flow, inputs, options=given, **values), options)


async def run_async(
    flow: Flow, /, inputs: Mapping[str, Any] | None = None, *, options: RunOptions | None = None, **values: Any
) -> Result:
    """Run a flow: the last one of a file, the last one of a checked file that ``load`` returned, or a plan.

    The inputs are keywords, or entries of the mapping ``inputs``. In the mapping, a parameter may also be called
    ``inputs`` or ``options``. docs/python.md lists the Python objects that an input may be. For a document, a ``Path``
    names a file to read, and a ``str`` is the text itself. A ``str`` that is the path of a file is refused: write
    ``Path(…)`` for the file, or end the text with a line break.

    Raises: FlowError (the file has errors), UsageError, PlanError, DiskError. A flow that fails returns a Result that
    is not ok.
    """
    options = options_of(options)
    with COLLECTOR.rarely():
        plan = planned(flow, options)
        given = given_inputs(plan, inputs, values)
        if isinstance(flow, p.Plan):
            # The plan may have been edited. The checker has just looked at a file.
            from .plans.verify import verify

            verify(plan)
        remarks: list[str] = []
        permit(plan, options.allow_python)
        reads = [value for value in given.values() if isinstance(value, Path)]
        reads += map(url_place, urls_in(plan, given).values())
        return await _run(plan, await read_inputs(plan, given, remarks), options, remarks, reads, keep=True)


async def run_typed(
    plan: p.Plan,
    values: Mapping[str, Json],
    options: RunOptions,
    remarks: Sequence[str] = (),
    reads: Iterable[Path] = (),
    taken: Mapping[str, Taken] | None = None,
) -> Result:
    """Run a plan that was just made of a checked file, so that it need not be verified.

    ``values`` have the types of the parameters. ``remarks`` come from the readers of the inputs, which have
    read the files ``reads``. ``taken`` has the lists that are not whole, by parameter.
    """
    with COLLECTOR.rarely():
        permit(plan, options.allow_python)
        return await _run(plan, values, options, remarks, reads, keep=False, taken=taken or {})


async def _run(
    plan: p.Plan,
    values: Mapping[str, Json],
    options: RunOptions,
    remarks: Sequence[str],
    reads: Iterable[Path],
    *,
    keep: bool,
    taken: Mapping[str, Taken] | None = None,
) -> Result:
    path = options.journal
    settings = replace(options.settings(plan.source), reads=tuple(reads), taken=taken or {})
    with nullcontext() if path is None else closing(open_journal(place_of(path))) as journal:
        return await _executed(plan, values, settings, options, journal, remarks=remarks, keep=keep)


def resume(run: str, journal: AnyPath | None = None, *, options: RunOptions | None = None, **others: Never) -> Result:
    """Resume a run and wait for its end, as ``run`` does. ``resume_async`` is its form for coroutines.

    Raises: RunError, if the flow has no value; and all errors of ``resume_async``.
    """
    return _waited(lambda given: resume_async(run, journal, options=given, **others), options)


async def resume_async(
    run: str, journal: AnyPath | None = None, *, options: RunOptions | None = None, **others: Never
) -> Result:
    """Resume a run from a journal, with the flow, inputs and settings that it began with.

    ``run`` is its id, the beginning of its id, or ``last``. ``options`` may name the journal instead. The options
    ``model``, ``allow_read`` and ``fresh`` are refused, because they belong to the beginning of a run. ``budget``
    replaces the budget of the run, and ``allow_host`` adds to its hosts.

    Raises: the errors of ``run_async``; UsageError, if the journal has no such run.
    """
    for name in others:
        raise UsageError(f"a resumed run takes only options: {as_option(name)}")
    return await resume_run(run, journal, options)


async def resume_run(
    run: str, journal: AnyPath | None, options: RunOptions | None, results: Results | None = None
) -> Result:
    """Resume a run as ``resume_async`` does.

    ``results`` is called with the plan, inputs and settings before anything is sent. It returns the function that
    replaces ``on_result``, or raises to refuse the run.
    """
    options = options_of(options)
    if not isinstance(run, str):
        raise UsageError(f"name the run by its id, or write `last`; found {described(run)}")
    if journal is not None:
        if options.journal is not None:
            raise UsageError("the journal is given twice, as an argument and in the options: give it only once")
        options = replace(options, journal=journal)
    if options.journal is None:
        raise UsageError("a resumed run needs its journal: name the file, as in resume('last', 'journal.db')")
    for name in _OF_THE_BEGINNING:
        if getattr(options, name):
            raise UsageError(f"a resumed run keeps the `{name}` of its start: leave that option out")
    with COLLECTOR.rarely(), closing(_opened(place_of(options.journal))) as opened:
        from .plans.verify import verify

        plan, values, kept, number = taken_up(opened, run)
        verify(plan)
        permit(plan, options.allow_python)
        if results is not None:
            options = replace(options, on_result=results(plan, values, kept))
        own = options.settings()
        settings = replace(
            kept,
            budget=own.budget or kept.budget,
            ask_doubtful=options.ask_doubtful,
            allow_host=(*kept.allow_host, *own.allow_host),
        )
        return await _executed(plan, checked_inputs(plan, values), settings, options, opened, number)


async def _executed(
    plan: p.Plan,
    values: Mapping[str, Json],
    settings: RunSettings,
    options: RunOptions,
    journal: Journal | None,
    number: int | None = None,
    remarks: Sequence[str] = (),
    *,
    keep: bool = False,
) -> Result:
    listeners = options.listeners()
    from .session.call_source import CallSource

    source = CallSource(plan, None if journal is None else journal.path, environ=options.environ)
    parts = options.parts(listeners, remarks)
    if display := cell_display(options.progress):
        parts = replace(parts, on_event=(*parts.on_event, display))
    if keep and journal is None and not options.live and not parts.several:
        # Prompts of worker processes stay there.
        from .session.call_keeper import CallKeeper

        keeper = source.keeper = CallKeeper()
        parts = replace(parts, on_event=(*parts.on_event, keeper), watcher=keeper)
    try:
        if not options.live:
            return replace(await execute(plan, values, settings, parts, journal, number), source=source)
        begin = partial(execute, plan, values, settings, journal=journal, number=number)
        from .session.shown_live import shown_live

        return await shown_live(source, begin, parts, resumed=number is not None)
    finally:
        listeners.warn()


def _waited(begin: Callable[[RunOptions], Coroutine[Any, Any, Result]], given: object) -> Result:
    options = options_of(given)
    from .session.run_thread import loop_runs, run_apart

    if loop_runs():
        stop = options.stop or Stop()
        apart = replace(options, stop=stop)
        result = run_apart(lambda: begin(apart), stop)
    else:
        result = asyncio.run(begin(options))
    if not result.ok:
        raise RunError(result)
    return result


def _opened(path: Path) -> Journal:
    """Open the journal of a run that is resumed. Raises UsageError if there is no such file."""
    if not path.exists():
        raise UsageError(f"there is no run to resume: there is no journal at {shown(str(path))}")
    return open_journal(path, past=True)
