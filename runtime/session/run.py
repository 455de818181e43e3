"""The execution of a run: from a verified plan and checked inputs to its result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..account.figures import figures_of
from ..account.summary import Summary
from ..costs.prices import Prices, must_be_priced, prices_at
from ..costs.written_budget import Budget
from ..dispatch.answer_rows import AnswerRows
from ..dispatch.endpoint import Endpoint, identities_of, window_of
from ..dispatch.ledger import NoLog
from ..dispatch.read_pool import ReadPool
from ..dispatch.run_clock import RunClock
from ..dispatch.scheduler import Scheduler
from ..engine.decisions import Outcome
from ..engine.scopes import NO_WATCHER, Context, Watcher
from ..engine.state import State
from ..experience.store import Store, open_store
from ..externs.externs import opened
from ..files.files import Files
from ..forecast.declared import declared_prices
from ..journal.history import History
from ..journal.store import Journal
from ..limits.retry import RetryPolicy
from ..plans.models import declared_models
from ..plans.streaming import handed_on
from ..plans.wanted import default_model
from ..providers import open_provider
from ..providers.addresses import printable
from ..providers.declared import endpoints_of
from ..providers.environment_keys import keys_in
from ..providers.homes import sent_to
from ..providers.protocol import Surroundings
from ..providers.records import NoRecords
from ..values.expressions import ModelValue
from ..values.functions import call_function
from ..vocabulary.account import PriceOf
from ..vocabulary.errors import DiskError, FlowrunError, StoppedError, UsageError
from ..vocabulary.events import LimitsSet, Notice, PastCounted, PricesDeclared, RunFinished
from ..vocabulary.json_value import Json
from ..vocabulary.question import AskPerson
from ..vocabulary.quoting import shown
from ..vocabulary.usage import Price
from .endpoints import OpenProvider, chosen_addresses, close_endpoints, open_endpoints
from .hosts import Ask, permit_hosts
from .least import must_afford
from .listeners import Listener, name_traces, open_traces, to_all, unheard
from .result import Result
from .resume import RunSettings, begin, go_on, notices
from .waits import waiting_now, waits_of

_TURN = 500
"""The most answers from the journal that a run takes before it listens to signals again."""


class Stop:
    """A switch that stops a run. The run begins nothing more, keeps the answers of requests under way, and ends."""

    def __init__(self) -> None:
        self.why: FlowrunError | None = None
        self._listen: Callable[[FlowrunError], None] = lambda why: None

    def __call__(self, signal: int = 0) -> None:
        """Stop the run, from any thread. ``signal`` is the signal that asked for it, 0 for none."""
        if self.why is None:
            self.why = StoppedError(signal)
            self._listen(self.why)

    def listen(self, to: Callable[[FlowrunError], None]) -> None:
        """Call ``to`` in the running event loop when the run is stopped, or at once if it was stopped before."""
        loop, thread = asyncio.get_running_loop(), threading.get_ident()

        def heard(why: FlowrunError) -> None:
            if threading.get_ident() == thread:
                to(why)
                return
            with suppress(RuntimeError):  # the loop is closed, because the run is over
                loop.call_soon_threadsafe(to, why)

        self._listen = heard
        if self.why is not None:
            heard(self.why)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that a run gets from outside and does not write to the journal."""

    on_event: Sequence[Listener]
    environ: Mapping[str, str]
    opener: OpenProvider
    policy: RetryPolicy
    stop: Stop
    ask_hosts: Ask | None
    on_result: Callable[[Json], None] | None = None
    remarks: Sequence[str] = ()
    """Lines on the assumptions that the readers of the inputs had to make."""
    learn: bool = True
    """True if the run learns from earlier runs, and leaves to later ones, what endpoints take."""
    watcher: Watcher = NO_WATCHER
    """A watcher of all calls."""
    ask_person: AskPerson | None = None
    """The function that puts questions to a person. None leaves them open."""


@dataclass(frozen=True, slots=True)
class _Models:
    """The models of a run: their endpoints by address, their options and prices, and the variables sent to them."""

    declared: Mapping[str, ModelValue]
    default: ModelValue
    endpoints: dict[str, Endpoint]
    declared_prices: Mapping[str, Price]
    prices: Prices
    asked_hosts: tuple[str, ...]
    store: Store | None
    variables: tuple[str, ...]

    @property
    def kept(self) -> bool:
        """True if the findings on the endpoints are kept for later runs."""
        return self.store is not None and self.store.writable


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
    with opened(plan, folder) as externs, ReadPool(files, tell) as reads:
        models = _models(plan, values, settings, parts, tell, priced=in_money)
        summary.prices, summary.account.price = models.prices, models.prices if in_money else None
        past = _past(plan, journal, summary.account.price, number)
        must_afford(plan, budget, settings, parts.environ, journal, number, past.within(""))
        settings = replace(settings, allow_host=(*settings.allow_host, *models.asked_hosts))
        trace = open_traces(listeners, plan.flow)
        log = await _log(plan, values, settings, journal, models, number, trace)
        clock = log.clock
        if log.notes is not None:
            log.notes.keys = keys_in(parts.environ, models.variables)
            reads.note_files(log.notes)
        places = {address: printable(one.provider.endpoint) for address, one in models.endpoints.items()}
        name_traces(listeners, log.id, places, log.traces)
        if models.declared_prices:
            publish(PricesDeclared(models.declared_prices, at=clock.now()))
        if number is not None:
            publish(PastCounted(past.account, at=clock.now()))
        for line in notices(journal, log, models.prices, settings.ask_doubtful):
            tell(line, urgent=True)
        context = Context(
            models.declared,
            models.default,
            call_function,
            budget.calls,
            budget.money,
            models.prices,
            log.find,
            settings.ask_doubtful,
            past.within,
            clock.now,
            watcher=parts.watcher,
            unheard=unheard(listeners),
        )
        handed = None if parts.on_result is None else handed_on(plan)
        state = State(plan, values, context, window=window_of(models.endpoints.values()), handed=handed, turn=_TURN)
        hand_on, person = parts.on_result or _nowhere, parts.ask_person
        scheduler = Scheduler(state, models.endpoints, publish, externs.call, log, hand_on, reads.read, person)
        if journal is not None:
            journal.on_trouble, journal.on_mistake = scheduler.trouble, scheduler.mistake
        waiting = partial(waiting_now, scheduler.clock, models.endpoints, asyncio.get_running_loop().time)
        publish(LimitsSet(budget.calls, budget.money, waiting, at=clock.now()))
        parts.stop.listen(scheduler.stop)
        outcome = await _finished(scheduler, models, publish, clock)
    try:
        await log.end(outcome.status, figures_of(summary.whole, summary.prices))
    except DiskError as error:
        outcome = replace(outcome, stopped=outcome.stopped or error)
    spent = summary.whole.charged(models.prices) if in_money else None
    return Result(outcome.value, outcome, summary, log.id, spent or 0.0, handed is not None)


def _nowhere(value: Json) -> None:
    raise AssertionError("the run got a result for a call that it did not make")


def _models(
    plan: p.Plan,
    values: Mapping[str, Json],
    settings: RunSettings,
    parts: Parts,
    tell: Callable[[str], None],
    *,
    priced: bool,
) -> _Models:
    declared = declared_models(plan)
    default = default_model(settings.model, declared)
    store = open_store(parts.environ, tell) if parts.learn else None
    own_opener = parts.opener is not open_provider
    named = endpoints_of(plan, parts.environ, settings.folder, none=own_opener)
    surroundings = Surroundings(parts.environ, tell, store or NoRecords(), named)
    endpoints = open_endpoints(plan, values, declared, default, surroundings, parts.opener, parts.policy)
    asked: tuple[str, ...] = ()
    if not own_opener:
        chosen = chosen_addresses(plan, values, "" if settings.of_project else settings.model, declared)
        allowed, of_project = settings.allow_host, settings.of_project
        asked = permit_hosts(
            endpoints, chosen, allowed, parts.environ, parts.ask_hosts, of_project=of_project, declared=named
        )
    own = {**prices_at(endpoints, named), **declared_prices(plan)}
    if priced:
        must_be_priced(endpoints, parts.environ, own)
    return _Models(
        declared, default, endpoints, own, Prices(parts.environ, own), asked, store, sent_to(endpoints, named)
    )


def _past(plan: p.Plan, journal: Journal | None, price: PriceOf | None, number: int | None) -> History:
    """Read the past of a run from the journal, so that all it has spent counts before anything is sent.

    Raises UsageError if the run has a budget in money and its cost so far is not known.
    """
    flows = any(flow.calls_limit is not None or flow.money_limit is not None for flow in plan.flows.values())
    if journal is not None and number is not None and price is None and not flows:
        return journal.past(number)
    past = History(price, by_place=flows)
    if journal is not None and number is not None:
        for row in journal.attempts(number):
            past.take(row)
    if past.unpriced:
        raise UsageError(
            f"the cost of this run's earlier calls to {shown(past.unpriced)} is unknown, so flowrun cannot "
            "keep a budget in money: resume with a budget of calls, such as --budget '400 calls'"
        )
    return past


async def _log(
    plan: p.Plan,
    values: Mapping[str, Json],
    settings: RunSettings,
    journal: Journal | None,
    models: _Models,
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
    log.rows = AnswerRows(models.prices.cost)
    return log


async def _finished(scheduler: Scheduler, models: _Models, publish: Listener, clock: RunClock) -> Outcome:
    began = clock.now()
    status = "interrupted"
    try:
        outcome = await scheduler.run()
        status = outcome.status
        return outcome
    finally:
        seconds = clock.now() - began
        waits = waits_of(scheduler.clock, models.endpoints, models.declared, kept=models.kept)
        try:
            await close_endpoints(models.endpoints, models.store, lambda line: publish(Notice(line, at=clock.now())))
        finally:
            publish(RunFinished(status, seconds, waits, at=clock.now()))
