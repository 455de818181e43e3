"""The execution of a run: from a verified plan and checked inputs to its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from flowrun.dsl import plan as p

from ..account.figures import figures_of
from ..account.summary import Summary
from ..costs.prices import Prices
from ..costs.written_budget import Budget
from ..dispatch.answer_rows import AnswerRows
from ..dispatch.endpoint import asks_to_keep, has_limits, identities_of, strands_of, window_of
from ..dispatch.ledger import NoLog
from ..dispatch.read_pool import ReadPool
from ..dispatch.run_clock import RunClock
from ..dispatch.scheduler import Scheduler
from ..engine.decisions import Outcome
from ..engine.scopes import Context, not_asked
from ..engine.state import State
from ..externs.externs import opened
from ..files.files import Files
from ..journal.history import History
from ..journal.store import Journal
from ..plans.streaming import handed_on
from ..providers.addresses import printable
from ..providers.environment_keys import keys_in
from ..values.functions import call_function
from ..vocabulary.errors import DiskError
from ..vocabulary.events import LimitsSet, Notice, PastCounted, PricesDeclared, RunFinished
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .access import check_until
from .batches import Batches, open_batches
from .endpoints import close_endpoints
from .images import must_take_images
from .least import must_afford
from .listeners import Listener, name_traces, open_traces, to_all, unheard
from .models import Models, models_of
from .one_process import OneProcess
from .parts import Parts, Stop
from .past import past_of
from .result import Result
from .resume import begin, go_on, notices
from .run_rows import RunSettings
from .waits import waiting_now, waits_of

_TURN = 500
"""The most answers from the journal that a run takes before it listens to signals again."""
_REMOVED = "the journal {} was removed or replaced while the run went on: no later run finds the answers of this one"
__all__ = ["Parts", "Stop", "execute"]


async def execute(
    plan: p.Plan,
    values: Mapping[str, Json],
    settings: RunSettings,
    parts: Parts,
    journal: Journal | None,
    number: int | None,
) -> Result:
    """Run a verified plan. ``number`` is the number of the run in the journal that is resumed, None for a new run."""
    folder = settings.folder or (Path(plan.source).parent if plan.source else Path())
    files = Files(folder, settings.allow_read)
    summary = Summary(prices=Prices(parts.environ))
    listeners: tuple[Listener, ...] = (summary, *parts.on_event)
    clock = RunClock()
    publish = to_all(listeners)

    def tell(line: str, *, urgent: bool = False) -> None:
        publish(Notice(line, urgent, at=clock.now()))

    for line in parts.remarks:
        tell(line)
    budget = settings.budget or Budget(plan.calls_limit, plan.money_limit)
    in_money = budget.money is not None or any(flow.money_limit is not None for flow in plan.flows.values())
    with opened(plan, folder) as externs, ReadPool(files, tell) as reads, ExitStack() as stack:
        processes = await _processes(plan, settings, parts, resumed=number is not None)
        stack.callback(processes.close)
        models = models_of(
            plan, values, settings, processes.parts(parts), tell, priced=in_money, limiter_at=processes.limiter_at
        )
        summary.prices, summary.account.price = models.prices, models.prices if in_money else None
        _must_take(plan, values, files, settings, parts)
        batches = await open_batches(
            plan,
            models,
            journal,
            tell,
            lambda one: publish(replace(one, at=clock.now())),
            everywhere=settings.batch,
            wait=parts.wait,
        )
        past = past_of(plan, journal, summary.account.price, number, batches.book)
        must_afford(plan, budget, settings, parts.environ, journal, number, past.within(""))
        # A check may fetch a gigabyte of weights: each refusal without it comes before.
        await check_until(models.endpoints, parts.stop)
        processes.settle(models, tell)
        settings = replace(settings, allow_host=(*settings.allow_host, *models.asked_hosts))
        trace = open_traces(listeners, plan.flow)
        log = await _log(plan, values, settings, journal, models, number, trace)
        clock = log.clock
        batches.keep(log)
        note_reads(log, parts.environ, models, reads)
        places = {address: printable(one.provider.endpoint) for address, one in models.endpoints.items()}
        name_traces(listeners, log.id, places, log.traces)
        _tell_past(models, number, past, publish, clock)
        for line in notices(journal, log, models.prices, settings.ask_doubtful, batches.book):
            tell(line, urgent=True)
        await _hold_limits(journal, log, models, processes, tell, stack)
        context = _context(models, budget, log, past, settings, parts, listeners, batches)
        context = await processes.greet(settings, values, log, context, publish, summary, priced=in_money)
        handed = None if parts.on_result is None else handed_on(plan)
        window = window_of(models.endpoints.values())
        state = State(plan, values, context, window, handed=handed, turn=_TURN, places=processes.places)
        ways = (publish, externs.call, log, parts.on_result or _nowhere, reads.read, parts.ask_person)
        scheduler = processes.scheduler(state, models.endpoints, *ways)
        if journal is not None:
            journal.on_trouble, journal.on_mistake = scheduler.trouble, scheduler.mistake
        waiting = partial(waiting_now, scheduler.clock, models.endpoints, asyncio.get_running_loop().time)
        publish(LimitsSet(budget.calls, budget.money, waiting, at=clock.now()))
        parts.stop.listen(scheduler.stop)
        batches.leave(scheduler, wait=parts.wait)
        outcome = await _finished(scheduler, models, publish, clock, processes, journal)
    outcome = await _written(log, outcome, summary, spread=processes.places > 1 and outcome.status == "budget")
    spent = summary.whole.charged(models.prices) if in_money else None
    return Result(outcome.value, outcome, summary, log.id, spent or 0.0, handed is not None)


def _must_take(plan: p.Plan, values: Mapping[str, Json], files: Files, settings: RunSettings, parts: Parts) -> None:
    """Raise UsageError for inputs that the flow or its models cannot take."""
    must_take_images(plan, values, files, settings.model, parts.environ)
    if any(isinstance(step.node, p.Repeat) and step.node.over is not None for step in plan.steps):
        from .panels import must_have_items  # few flows have panels

        must_have_items(plan, values)


def note_reads(log: NoLog, environ: Mapping[str, str], models: Models, reads: ReadPool) -> None:
    """Note the files that a run reads, if it has a journal."""
    if log.notes is not None:
        log.notes.keys = keys_in(environ, models.variables)
        reads.note_files(log.notes)


async def _written(log: NoLog, outcome: Outcome, summary: Summary, *, spread: bool) -> Outcome:
    """Write the end of the run. If that fails, the run is stopped."""
    try:
        await log.end(outcome.status, figures_of(summary.whole, summary.prices), spread=spread)
    except DiskError as error:
        return replace(outcome, stopped=outcome.stopped or error)
    return outcome


async def _processes(plan: p.Plan, settings: RunSettings, parts: Parts, *, resumed: bool) -> OneProcess:
    if not parts.several:
        return OneProcess(parts.limiter_at)
    if parts.engine:
        from .ray_workers import RayWorkers  # few runs have a cluster

        return await RayWorkers(plan, settings, parts, resumed=resumed).opened()
    from .workers import Workers  # few runs have any

    processes = Workers(plan, settings, parts, resumed=resumed)
    processes.begin(parts.workers)
    return processes


def _tell_past(models: Models, number: int | None, past: History, publish: Listener, clock: RunClock) -> None:
    """Publish the prices that the run declares, and what its earlier parts have spent."""
    if models.declared_prices:
        publish(PricesDeclared(models.declared_prices, at=clock.now()))
    if number is not None:
        publish(PastCounted(past.account, at=clock.now()))


async def _hold_limits(
    journal: Journal | None,
    log: NoLog,
    models: Models,
    processes: OneProcess,
    tell: Callable[[str], None],
    stack: ExitStack,
) -> None:
    """Take the share that this run has of its limits, until the end of ``stack``.

    Requests of an earlier part that was killed keep their places as long as they may be under way.
    """
    if journal is None:
        return
    if any(has_limits(one) for one in models.endpoints.values()):
        from .run_limits import share_limits  # few flows declare limits

        stack.callback(await share_limits(journal, log, models.endpoints, processes, tell))
    if journal.index.open:
        from .lingering import lingering  # few runs were killed

        processes.linger(models, lingering(journal, log, tell))


def _context(
    models: Models,
    budget: Budget,
    log: NoLog,
    past: History,
    settings: RunSettings,
    parts: Parts,
    listeners: Sequence[Listener],
    batches: Batches,
) -> Context:
    """Return the world around the state machine of a run."""
    marked = any(asks_to_keep(one.provider) for one in models.endpoints.values())
    return Context(
        models.declared,
        models.default,
        call_function,
        budget.calls,
        budget.money,
        models.prices,
        log.find,
        settings.ask_doubtful,
        past.within,
        log.clock.now,
        watcher=parts.watcher,
        unheard=unheard(listeners),
        batches=batches.models,
        strands=strands_of(models.endpoints),
        marked=marked,
        left=log.left if marked else not_asked,
    )


def _nowhere(value: Json) -> None:
    raise AssertionError("the run got a result for a call that it did not make")


async def _log(
    plan: p.Plan,
    values: Mapping[str, Json],
    settings: RunSettings,
    journal: Journal | None,
    models: Models,
    number: int | None,
    trace: str,
) -> NoLog:
    if journal is None:
        return NoLog()
    addresses = {address: one.provider.endpoint for address, one in models.endpoints.items()}
    names = identities_of(models.endpoints)
    if number is None:
        log = await begin(journal, plan, values, settings, addresses, trace, names)
    else:
        log = await go_on(journal, number, settings, addresses, trace, names)
    log.rows = AnswerRows(models.prices.cost_of)
    return log


async def _finished(
    scheduler: Scheduler,
    models: Models,
    publish: Listener,
    clock: RunClock,
    processes: OneProcess,
    journal: Journal | None,
) -> Outcome:
    began = clock.now()
    status = "interrupted"
    try:
        outcome = await scheduler.run()
        if journal is not None and not journal.in_place:
            publish(Notice(_REMOVED.format(shown(str(journal.path))), urgent=True, at=clock.now()))
        status = outcome.status
        return outcome
    finally:
        seconds = clock.now() - began
        waits = processes.waits(waits_of(scheduler.clock, models.endpoints, models.declared, kept=models.kept))
        try:
            tell = partial(_tell, publish, clock)
            await close_endpoints(models.endpoints, models.store, tell, processes.pace)
        finally:
            publish(RunFinished(status, seconds, waits, at=clock.now()))


def _tell(publish: Listener, clock: RunClock, line: str) -> None:
    publish(Notice(line, at=clock.now()))
