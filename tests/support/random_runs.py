"""Runs of random flows through the real scheduler in virtual time, with models that answer by an oracle."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from flowrun.dsl import MESSAGE_TOKENS, plan
from flowrun.runtime.dispatch.endpoint import strands_of
from flowrun.runtime.dispatch.ledger import NoLog
from flowrun.runtime.dispatch.scheduler import Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.files.files import Files
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.plans.models import declared_models
from flowrun.runtime.providers import places_of
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.session.endpoints import open_endpoints
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.errors import CallError, InDoubtError, PermanentError, RefusedError, StoppedError
from flowrun.runtime.vocabulary.question import AskPerson
from flowrun.runtime.vocabulary.tokens import estimate
from flowrun.runtime.vocabulary.usage import Usage

from .harness import functions
from .oracle import CORRECTED, SPOILT, Form, Key, Oracle
from .virtual_clock import CountingLoop

Json = Any
HERE = Files(Path(__file__).parent)
CHECKED = 10**6
Seconds = Callable[[Key, random.Random], float]


def one_each(key: Key, dice: random.Random) -> float:
    return 1.0


def shuffled(key: Key, dice: random.Random) -> float:
    return dice.randint(1, 64) / 64


@dataclass(frozen=True)
class Span:
    """The time of a request, from its start to its answer or its cancellation. ``model`` is the address it went to."""

    key: Key
    began: float
    ended: float
    model: str = ""


@dataclass
class Servers:
    """All models of a run, with their requests and their bill.

    ``faults`` is the chance that an attempt fails on the way: in doubt, refused for now, or after a long time. From the
    attempt ``outage`` on, a hundred attempts fail with 500. ``attempts`` counts the attempts that may be billed, and
    ``refusals`` those refused for good. ``samples`` is the most answers that one request may ask for.
    With ``keeps`` they keep prompts, so that prompts that begin alike are sent one after another; with None, the flow
    decides it by its length.
    """

    oracle: Oracle
    dice: random.Random
    seconds: Seconds = shuffled
    faults: float = 0.0
    outage: int = 10**9
    samples: int = 1
    keeps: bool | None = None
    calls: int = 0
    attempts: int = 0
    refusals: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    spans: list[Span] = field(default_factory=list)

    def opener(self, model: str, surroundings: Surroundings) -> Provider:
        return _Model(self, model)


class _Model:
    def __init__(self, servers: Servers, model: str) -> None:
        self.servers = servers
        self.model = model
        self.endpoint = model.partition(":")[0]
        self.concurrency = places_of(model, {}) or 10**6
        self.samples = servers.samples
        self.keeps_prompts = bool(servers.keeps)

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        servers, loop = self.servers, asyncio.get_running_loop()
        key, turn = asked(request)
        form = Form(request.choices, request.schema)
        began = loop.time()
        failure = self._failure(key)
        if not isinstance(failure, RefusedError):
            servers.calls += samples
            servers.attempts += samples
            servers.tokens_in += sum(estimate(message.text) + MESSAGE_TOKENS for message in request.messages)
        late = isinstance(failure, InDoubtError) and servers.dice.random() < 0.3
        text = "" if failure is not None else self._text(key, form, turn)
        # A client that hangs up while the model works is billed too.
        servers.tokens_out += samples * estimate(text)
        try:
            await asyncio.sleep(servers.seconds(key, servers.dice) * (20 if late else 1))
        finally:
            servers.spans.append(Span(key, began, loop.time(), self.model))
        if failure is not None:
            raise failure
        return Reply((Answer(text),) * samples, Usage(1, 1))

    def _failure(self, key: Key) -> CallError | None:
        servers = self.servers
        if servers.oracle.refuses(key, self.model):
            servers.refusals += 1
            return PermanentError("no", status=400)
        if servers.outage <= servers.attempts < servers.outage + 100:
            return InDoubtError("down", status=500)
        if servers.faults and servers.dice.random() < servers.faults:
            kind = servers.dice.choice(["doubt", "doubt", "refused"])
            return InDoubtError("boom", status=500) if kind == "doubt" else RefusedError("slower", status=429)
        return None

    def _text(self, key: Key, form: Form, turn: int) -> str:
        if CHECKED > turn < self.servers.oracle.turns(key, form):
            return f"{SPOILT}{turn}"
        value = self.servers.oracle.says(key, form, again=turn == CHECKED)
        return value if form.choices or form.schema is None else json.dumps(value)


def asked(request: Request) -> tuple[Key, int]:
    """Return the key of a request's call, and the number of nonsense answers to it so far.

    The number is CHECKED behind an answer that has failed the check of the ask.
    """
    messages, turn = request.messages, 0
    if len(messages) > 2 and messages[-1].text.startswith(CORRECTED):
        said = messages[-2].text
        turn = int(said.removeprefix(SPOILT)) + 1 if said.startswith(SPOILT) else CHECKED
        messages = messages[:-2]
    return (tuple((one.role, one.text) for one in messages), request.seed), turn


@dataclass
class Ran:
    outcome: Outcome
    servers: Servers
    seconds: float
    events: list[e.Event]


def run(
    flow: plan.Plan,
    inputs: Mapping[str, Json],
    servers: Servers,
    stop_turn: int = 0,
    person: AskPerson | None = None,
) -> Ran:
    """Run a plan without a journal and files. Fail the test if the scheduler leaves anything running at the end.

    In the turn ``stop_turn`` of the event loop the run is stopped, never if it is 0. ``person`` answers questions.
    """

    events: list[e.Event] = []

    async def whole() -> Outcome:
        declared, default = declared_models(flow), ModelValue("m", "m")
        surroundings = Surroundings({})
        if servers.keeps is None:
            servers.keeps = len(str(flow.steps)) % 2 == 0
        endpoints = open_endpoints(flow, inputs, declared, default, surroundings, servers.opener, RetryPolicy())
        log = NoLog()
        limits, strands = (flow.calls_limit, flow.money_limit), strands_of(endpoints)
        context = Context(declared, default, functions, *limits, now=log.clock.now, strands=strands)
        state = State(flow, inputs, context, window=10**6)
        scheduler = Scheduler(state, endpoints, events.append, log=log, ask_person=person)
        loop.then = partial(scheduler.stop, StoppedError(2))
        outcome = await scheduler.run()
        assert not scheduler.busy
        assert asyncio.all_tasks() == {asyncio.current_task()}
        for endpoint in endpoints.values():
            await endpoint.close()
        return outcome

    loop = CountingLoop(stop_turn)
    try:
        outcome = loop.run_until_complete(whole())
    finally:
        loop.close()
    return Ran(outcome, servers, loop.now, events)
