"""The functions that run flows from Python.

from flowrun.runtime import run

result = run("is_spam.flow", email="You have won!")
print(result.value)
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from flowrun.dsl import Catalog
from flowrun.dsl import plan as p

from .catalog import open_catalog
from .costs.written_budget import Budget
from .externs.externs import permit
from .inputs.python_inputs import check_texts, names_a_file
from .limits.retry import RetryPolicy
from .plans.verify import verify
from .providers import open_provider
from .session.endpoints import OpenProvider, default_model_name
from .session.hosts import Ask
from .session.loading import checked_inputs, load, plan_of
from .session.resume import Keeping, Settings
from .session.run import Listener, Parts, Result, Stop, execute
from .vocabulary.errors import FlowrunError

__all__ = ["Result", "RunError", "Stop", "checked_inputs", "load", "resume_async", "run", "run_async"]

Json = Any


class RunError(FlowrunError):
    """The flow ended without its value; ``result`` holds its failures and its account."""

    def __init__(self, result: Result) -> None:
        self.result = result
        failures = result.failures
        first = f"{failures[0].path}: {failures[0].reason}" if failures else str(result.outcome.stopped)
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{first}{more}")


def run(
    flow: str | Path | p.Plan, /, *, allow_python: bool = False, journal: str | Path | None = None, **inputs: Json
) -> Result:
    """Run a flow and wait for its end: ``run_async`` for callers without an event loop.

    Raises: RunError, if the flow has no value; and all errors of ``run_async``.
    """
    result = asyncio.run(run_async(flow, inputs, allow_python=allow_python, journal=journal))
    if not result.ok:
        raise RunError(result)
    return result


async def run_async(
    flow: str | Path | p.Plan,
    inputs: Mapping[str, Json] | None = None,
    *,
    model: str | None = None,
    on_event: Sequence[Listener] = (),
    allow_read: Sequence[Path] = (),
    allow_host: Sequence[str] = (),
    allow_python: bool = False,
    environ: Mapping[str, str] | None = None,
    opener: OpenProvider = open_provider,
    ask_hosts: Ask | None = None,
    journal: str | Path | None = None,
    fresh: bool = False,
    budget: Budget | None = None,
    policy: RetryPolicy | None = None,
    stop: Stop | None = None,
    on_result: Callable[[Json], None] | None = None,
    catalog: Catalog | None = None,
) -> Result:
    """Run the last flow of a file, or a plan.

    For a document, a ``Path`` names a file, which is read. A ``str`` is the text itself. It is refused if it is the
    path of a file: write ``Path(…)`` for the file, or end the text with a line break.

    ``model`` is the model of asks that name none; without it, the variable FLOWRUN_MODEL or the embedded model is.
    ``allow_python`` lets flowrun import and call the flow's externs. ``allow_host`` lists hosts that models named by
    the flow may be at; ``ask_hosts`` may allow others. ``opener`` makes the provider of an address; a caller who gives
    it vouches for the hosts, and the file may name any provider. ``catalog`` is what the file is checked against; None
    for what is installed. ``journal`` is a file that keeps answers; a call with an answer in it is not sent again,
    unless ``fresh``. ``budget`` replaces the flow's own. ``on_result`` takes the results of a list one by one, in
    order, if the flow returns the list of a map unchanged; the Result does not keep them then.

    Raises: FlowError (the file has errors), UsageError, PlanError, DiskError. A flow that fails returns a Result that
    is not ok.
    """
    plan = flow if isinstance(flow, p.Plan) else plan_of(load(flow, catalog or _known_to(opener)))
    environ = os.environ if environ is None else environ
    settings = Settings(
        model=model or default_model_name(environ),
        allow_read=tuple(allow_read),
        allow_host=tuple(allow_host),
        budget=budget,
        fresh=fresh,
    )
    verify(plan)
    permit(plan, allow_python)
    remarks: list[str] = []
    values = await _read(plan, inputs or {}, remarks)
    parts = Parts(on_event, environ, opener, policy or RetryPolicy(), stop or Stop(), ask_hosts, on_result, remarks)
    with Keeping.open(journal) as keeping:
        return await execute(plan, values, settings, parts, keeping, None)


def _known_to(opener: OpenProvider) -> Catalog | None:
    return None if opener is open_provider else open_catalog()


async def _read(plan: p.Plan, given: Mapping[str, Json], remarks: list[str]) -> dict[str, Json]:
    """Read the caller's inputs and check them against their types; ``remarks`` takes the readers' assumptions."""
    check_texts(plan.params, given, Path(plan.source).parent, remarks.append)
    read = partial(checked_inputs, plan, given, tell=remarks.append)
    # Files are read in a thread, because the event loop may serve others.
    return await asyncio.to_thread(read) if any(map(names_a_file, given.values())) else read()


async def resume_async(
    run: str,
    journal: str | Path,
    *,
    on_event: Sequence[Listener] = (),
    allow_host: Sequence[str] = (),
    allow_python: bool = False,
    environ: Mapping[str, str] | None = None,
    opener: OpenProvider = open_provider,
    ask_hosts: Ask | None = None,
    budget: Budget | None = None,
    ask_doubtful: bool = True,
    policy: RetryPolicy | None = None,
    stop: Stop | None = None,
    on_result: Callable[[Json], None] | None = None,
    results: Callable[[p.Plan, Mapping[str, Json], Settings], Callable[[Json], None] | None] | None = None,
) -> Result:
    """Resume a run from a journal, with the flow, inputs and settings that it began with.

    ``run`` is its id, the beginning of its id, or ``last``. ``ask_doubtful`` sends the calls in doubt again: those that
    were under way when the run was ended, and may have been paid; otherwise they fail. ``results`` is called with the
    plan, inputs and settings before anything is sent; it may raise to refuse the run, and returns the function that
    replaces ``on_result``.

    Raises: the errors of ``run_async``; UsageError, where the journal has no such run.
    """
    environ = os.environ if environ is None else environ
    with Keeping.open(journal) as keeping:
        plan, values, settings, number = keeping.taken_up(run)
        verify(plan)
        permit(plan, allow_python)
        if results is not None:
            on_result = results(plan, values, settings)
        parts = Parts(on_event, environ, opener, policy or RetryPolicy(), stop or Stop(), ask_hosts, on_result)
        settings = replace(
            settings,
            budget=budget or settings.budget,
            ask_doubtful=ask_doubtful,
            allow_host=(*settings.allow_host, *allow_host),
        )
        return await execute(plan, checked_inputs(plan, values), settings, parts, keeping, number)
