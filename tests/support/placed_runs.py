"""Runs whose bodies run in several places of one process. All that goes between the places is JSON."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from flowrun.dsl import plan
from flowrun.runtime.dispatch.endpoint import Endpoint, strands_of
from flowrun.runtime.dispatch.ledger import NoLog
from flowrun.runtime.dispatch.scheduler import Scheduler
from flowrun.runtime.engine.body_json import launch_json, launch_of, over_json, over_of, scope_json, scope_of
from flowrun.runtime.engine.body_terms import BodyScope, CancelBody, LaunchBody
from flowrun.runtime.engine.decisions import BodyOver, Call, Decision, Failure, Known, Outcome
from flowrun.runtime.engine.placed import Bodies
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.plans.models import declared_models
from flowrun.runtime.plans.placing import placeable
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.session.endpoints import open_endpoints
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary import events as e

from .harness import functions
from .oracle import Oracle
from .paired_events import paired
from .random_checks import Trial
from .random_runs import Ran, Servers, shuffled
from .virtual_clock import CountingLoop

Json = Any
BACK = 0.1
"""The share of bodies that the driver takes back, to run them itself."""
Later = Callable[[Callable[[], None]], object]


def crossed(form: Json) -> Json:
    """Return JSON as it comes out of a pipe."""
    return json.loads(json.dumps(form))


class Place(Scheduler):
    """A place where bodies run: a scheduler of its own."""

    tell: Callable[[Json], None]

    def __init__(self, bodies: Bodies, *args: Any, **options: Any) -> None:
        super().__init__(bodies, *args, **options)
        self.bodies = bodies
        self.scopes: dict[int, BodyScope] = {}

    def open(self, forms: list[Json]) -> None:
        self.catch_up()
        self._act(self.bodies.open([launch_of(form, self.scopes) for form in forms]))

    def cancel(self, number: int, keep: bool) -> None:
        self.catch_up()
        self._act(self.bodies.cancel(number, keep=keep))

    def end(self) -> None:
        self._act(self.bodies.end())

    def _act(self, decisions: Iterable[Decision]) -> None:
        decisions = list(decisions)
        super()._act([one for one in decisions if not isinstance(one, BodyOver)])
        for one in decisions:
            if isinstance(one, BodyOver):
                self.tell(crossed(over_json(one)))


class Driver(Scheduler):
    """A scheduler that gives bodies to places, in chunks. ``later`` brings a message to its place."""

    def __init__(
        self, state: State, places: list[Place], later: Later, dice: random.Random, *args: Any, **options: Any
    ):
        super().__init__(state, *args, **options)
        self.flow = state
        self.places = places
        self.later = later
        self.dice = dice
        self.at: dict[int, Place] = {}
        self.launched = 0
        for place in places:
            place.tell = self._told

    def _act(self, decisions: Iterable[Decision]) -> None:
        decisions = list(decisions)
        super()._act([one for one in decisions if not isinstance(one, LaunchBody | CancelBody)])
        chunks: dict[Place, list[Json]] = {}
        for one in decisions:
            if isinstance(one, LaunchBody) and self.dice.random() < BACK:
                self.later(partial(self._back, one.number))
            elif isinstance(one, LaunchBody):
                self.launched += 1
                place = self.at[one.number] = self.dice.choice(self.places)
                if one.scope.number not in place.scopes:
                    place.scopes[one.scope.number] = scope_of(crossed(scope_json(one.scope)))
                chunks.setdefault(place, []).append(crossed(launch_json(one)))
        for place, forms in chunks.items():
            self.later(partial(place.open, forms))
        for one in decisions:
            if isinstance(one, CancelBody) and one.number in self.at:
                self.later(partial(self.at[one.number].cancel, one.number, one.keep))

    def _back(self, number: int) -> None:
        self.catch_up()
        self._act(self.flow.bodies_here([number]))

    def _told(self, form: Json) -> None:
        self.later(partial(self._over, form))

    def _over(self, form: Json) -> None:
        self.catch_up()
        self._act(self.flow.body_over(over_of(form)))


@dataclass
class Asked:
    """The calls of a run, by their places and requests. It stands in the place of the journal and knows no answer."""

    calls: set[str] = field(default_factory=set)

    def known(self, call: Call) -> Known:
        self.calls.add(f"{call.place} {call.sample} {call.request}")
        return Known()


def run_placed(
    flow: plan.Plan, inputs: Mapping[str, Json], servers: Servers, *, places: int = 2, lag: float = 0.0
) -> tuple[Ran, Asked, int]:
    """Run a plan with its bodies in ``places``; 0 runs all here. A message takes up to ``lag`` seconds.

    Return the run, its calls, and the number of bodies that ran elsewhere.
    """
    events: list[e.Event] = []
    asked, dice = Asked(), random.Random(7)
    launched = 0

    async def whole() -> Outcome:
        nonlocal launched
        declared, default = declared_models(flow), ModelValue("m", "m")
        if servers.keeps is None:
            servers.keeps = len(str(flow.steps)) % 2 == 0
        endpoints: dict[str, Endpoint] = open_endpoints(
            flow, inputs, declared, default, Surroundings({}), servers.opener, RetryPolicy()
        )
        log = NoLog()
        limits, strands = (flow.calls_limit, flow.money_limit), strands_of(endpoints)
        context = Context(declared, default, functions, *limits, known=asked.known, now=log.clock.now, strands=strands)
        placing = replace(context, placing=lambda step: bool(places) and not placeable(flow, step))
        state = State(flow, inputs, placing, window=10**6, places=max(1, places))
        budget = state._machine.calls.budget
        workers = [
            Place(
                Bodies(flow, context, 10**6, first=number << 40, budget=budget),
                endpoints,
                partial(_numbered, events, number << 40),
                log=log,
            )
            for number in range(1, places + 1)
        ]

        def later(then: Callable[[], None]) -> object:
            return loop.call_later(dice.random() * lag, then) if lag else loop.call_soon(then)

        driver = Driver(state, workers, later, dice, endpoints, events.append, log=log)
        running = [asyncio.ensure_future(one.run()) for one in workers]
        await asyncio.sleep(0)
        outcome = await driver.run()
        for one in workers:
            one.end()
        await asyncio.gather(*running)
        launched = driver.launched
        assert not driver.busy
        assert not any(one.busy for one in workers)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        for endpoint in endpoints.values():
            await endpoint.close()
        return outcome

    loop = CountingLoop(0)
    try:
        outcome = loop.run_until_complete(whole())
    finally:
        loop.close()
    return Ran(outcome, servers, loop.now, events), asked, launched


def _numbered(events: list[e.Event], first: int, event: e.Event) -> None:
    """Take an event of a place. Its requests get numbers that no other place has."""
    if hasattr(event, "number"):
        event = replace(event, number=event.number + first)  # type: ignore[arg-type]
    events.append(event)


class PlacedTrial(Trial):
    """A trial whose runs have their bodies in several places."""

    def run(self, servers: Servers) -> Ran:
        ran = run_placed(self.plan, self.inputs, servers, places=1 + self.seed % 3)[0]
        assert not paired(ran.events).out
        return ran


def compared(trial: Trial, *, lag: float = 0.0, oracle: Oracle | None = None) -> Iterator[str]:
    """Compare a run in places with one that has none. Yield what was compared.

    Which of two failures is the first, and who wins a race, depends on the time that messages take.
    """
    oracle = oracle or Oracle(trial.seed)
    (here, asked, _), (there, also_asked, launched) = (
        run_placed(trial.plan, trial.inputs, Servers(oracle, trial.dice, shuffled, keeps=False), places=places, lag=lag)
        for places in (0, 2)
    )
    one, other = here.outcome, there.outcome
    said = f"seed {trial.seed}\n{trial.text}\n{dict(trial.inputs)}\n{one}\n{other}"
    yield "flows"
    if launched:
        yield "placed"
    timed = "race|" in trial.text or "launch:" in trial.text or "budget" in trial.text
    if timed and lag:
        return
    assert (one.complete, one.status, one.resumable) == (other.complete, other.status, other.resumable), said
    assert one.value == other.value, said
    if not one.complete or timed:
        return
    yield "calls"
    assert one.tallies == other.tallies, said
    assert _lost(one.losses) == _lost(other.losses), said
    assert asked.calls == also_asked.calls, f"{said}\n{asked.calls ^ also_asked.calls}"
    assert _ends(here.events) == _ends(there.events), said


def _lost(losses: Iterable[Failure]) -> list[str]:
    return sorted(f"{one.path} {one.reason} {type(one.error)} {one.ballot}" for one in losses)


def _ends(events: Iterable[e.Event]) -> Counter[str]:
    """Return the ends of steps and elements, and the sizes of blocks, which the progress counts."""
    found: Counter[str] = Counter()
    for event in events:
        if isinstance(event, e.StepFinished | e.ElementFinished | e.ElementLost):
            found[f"{type(event).__name__} {event.path}"] += 1
        elif isinstance(event, e.BlockOpened):
            found[f"opened {event.path} {event.elements}"] += 1
        elif isinstance(event, e.VoteCounted):
            found[f"vote {event.path} {event.tally} {event.used} {event.calls}"] += 1
    return found
