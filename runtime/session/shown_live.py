"""The execution of a run while a server shows its page."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any

from ..live.page import LivePage
from ..vocabulary.run_record import RunRecord
from .call_source import CallSource
from .people import either
from .result import Result
from .run import Parts


async def shown_live(
    source: CallSource, begin: Callable[[Parts], Coroutine[Any, Any, Result]], parts: Parts, *, resumed: bool
) -> Result:
    """Execute a run, and show its page until its end. Then the page becomes the report.

    Raises: UsageError, if there is no port for the page; and the errors of ``begin``, which executes the run.
    """
    page = LivePage(source.plan)
    if source.journal is None:
        source.keeper = page

    def record(result: Result) -> RunRecord:
        ends = (result.run, result.outcome, result.summary)
        # The journal alone has the calls before a resume, and those of workers in the order of the flow.
        if page.whole and not resumed and (source.journal is None or not parts.several):
            return source.remembered(page, *ends)
        return source.record(*ends)

    make, stopped = None, True
    try:
        shown = replace(parts, on_event=(*parts.on_event, page), watcher=page)
        shown = replace(shown, ask_person=either(parts.ask_person, page.questions.ask))
        result = replace(await begin(shown), source=source)
        make, stopped = partial(record, result), result.outcome.stopped is not None
        return result
    finally:
        await page.finish(make, stopped=stopped)
