"""Runs flows from Python.

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

from flowrun.dsl import plan as p

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
    """The flow ended without its value; ``result`` has what there is."""

    def __init__(self, result: Result) -> None:
        self.result = result
        failures = result.failures
        first = f"{failures[0].path}: {failures[0].reason}" if failures else str(result.outcome.stopped)
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        super().__init__(f"{first}{more}")


def run(
    flow: str | Path | p.Plan, /, *, allow_python: bool = False, journal: str | Path | None = None, **inputs: Json
) -> Result:
    """Run a flow and wait for it: ``run_async`` for callers without an event loop. Raises RunError too."""
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
) -> Result:
    """Run a flow: the last one of a file, or a plan.

    A ``Path`` given for a document is read; a ``str`` is its text, and is refused where it is the path of a file:
    write ``Path(…)`` for the file, or end the text with a line break. ``model`` is for asks that name none, before
    the variable FLOWRUN_MODEL and the embedded one. ``allow_python`` lets the flow's externs be imported and called.
    ``allow_host`` are hosts that models of the flow's own choice may be at; ``ask_hosts`` may allow others.
    ``opener`` makes providers of addresses, and answers for their hosts itself. ``journal`` is a file: answers are
    kept there, and what it has is not asked again, unless ``fresh``. ``budget`` stands in place of the flow's own.
    ``on_result`` takes the results of a list one by one, in order, where the flow returns what a map makes as it is:
    they are not kept then.

    Raises: FlowError (the file has errors), UsageError, PlanError, DiskError. A flow that fails returns a Result that
    is not ok.
    """
    plan = flow if isinstance(flow, p.Plan) else plan_of(load(flow))
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


async def _read(plan: p.Plan, given: Mapping[str, Json], remarks: list[str]) -> dict[str, Json]:
    """The inputs of a caller, held against their types; ``remarks`` takes what readers had to assume."""
    check_texts(plan.params, given, Path(plan.source).parent, remarks.append)
    read = partial(checked_inputs, plan, given, tell=remarks.append)
    # Files are read beside the event loop, which may serve others.
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
    """Go on with a run of a journal: its flow, inputs and settings are those that it began with.

    ``run`` is its id, or how that begins, or ``last``. ``ask_doubtful`` sends calls again that were under way when it
    was ended and may have been paid; else they fail. ``results`` is told of the run before anything is sent; it may
    refuse it, and gives what takes the place of ``on_result``. Raises as ``run_async`` does, UsageError where there is
    no such run.
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
