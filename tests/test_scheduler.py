"""Random flows under a virtual clock: what the scheduler promises of order, output, limits, time and cost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, reject, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, bounds_of, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.plans.dependencies import taken_from
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from flowrun.testing import VirtualLoop
from support.by_hand import Reference, Undecided, drawn, latency, reply
from support.harness import functions
from support.random_flows import MANY, Writer

Json = Any


@dataclass
class Ran:
    outcome: Outcome
    events: list[e.Event]
    provider: ScriptedProvider
    seconds: float


def run_flow(
    flow: plan.Plan,
    inputs: dict[str, Json],
    seconds: Callable[[Request], float],
    limit: int,
    fails: Callable[[Request], bool] = lambda request: False,
) -> Ran:
    def script(request: Request, number: int) -> Scripted:
        return Scripted(PermanentError("no") if fails(request) else reply(request), seconds(request))

    provider = ScriptedProvider(script)
    endpoint = Endpoint(provider, Limiter(limit))
    events: list[e.Event] = []

    state = State(flow, inputs, Context({}, ModelValue("m", "m"), functions), window=10**6)
    scheduler = Scheduler(state, {"m": endpoint}, events.append)

    def none_idles() -> None:
        waiting = any(batch.calls for batch in scheduler._dispatcher._lines._lines[endpoint].queue)
        assert not waiting or endpoint.limiter.active == limit, "a slot idles while a request waits"

    async def whole() -> Outcome:
        outcome = await scheduler.run()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcome

    loop = VirtualLoop()
    loop.on_idle = none_idles
    try:
        outcome = loop.run_until_complete(whole())
    finally:
        loop.close()
    assert not state._machine.calls._pending
    assert not scheduler.busy
    assert endpoint.limiter.active == 0
    return Ran(outcome, events, provider, loop.now)


def written(seed: int, size: int, *, votes: bool) -> tuple[plan.Plan, dict[str, Json]]:
    rng = random.Random(seed)
    text = Writer(rng, size, votes).flow()
    note(text)
    flow = make_plan(check_flow(Source(text), catalog()))
    verify(flow)
    inputs = {"items": rng.choices("abcde", k=rng.randint(0, 4)), "p0": rng.random() < 0.5, "p1": rng.random() < 0.5}
    note(repr(inputs))
    return flow, inputs


# What must hold of the order of events


def check_order(flow: plan.Plan, events: list[e.Event]) -> None:
    """Every step begins behind all that it needs, and every block ends behind what it combines.

    A map that takes its elements as they come begins with what makes them, and each element behind its own.
    """
    steps = {step.name: step for step in flow.walk()}
    depth = dict(_levels(flow.steps, 0))
    taken = {step.name: name for step in steps.values() if (name := taken_from(step)) is not None}
    started: set[str] = set()
    finished: set[str] = set()

    def at(path: str, name: str) -> str:
        return ".".join([*path.split(".")[: depth[name]], name])

    def there(path: str, names: Iterable[str]) -> None:
        for name in names:
            assert at(path, name) in finished, f"{path} began before {at(path, name)} was finished"

    def element_there(path: str) -> None:
        for part in path.split(".")[:-1]:
            step, _, index = part.rstrip("]").partition("[")
            source = at(path, taken[step]) if step in taken else ""
            if source and source not in finished:
                one = f"{source}[{index}]"
                assert source in started, f"{path} began before {source}"
                if isinstance(steps[taken[step]].node, plan.Map | plan.Repeat) and "," not in index:
                    assert one in finished, f"{path} began before {one} was finished"

    for event in events:
        match event:
            case e.StepStarted(path):
                step = steps[path.split(".")[-1]]
                there(path, [name for name in step.needs if taken.get(step.name) != name])
                if step.name in taken:
                    source = at(path, taken[step.name])
                    assert source in started or source in finished, f"{path} began before {source}"
                element_there(path)
                started.add(path)
            case e.ElementFinished(path):
                finished.add(path)
            case e.RequestStarted(_, path) if path.endswith(".reduce"):
                block = path.removesuffix(".reduce")
                there(block, steps[block.split(".")[-1]].node.reduce.needs)  # type: ignore[union-attr]
            case e.StepFinished(path):
                assert path not in finished, f"{path} was finished twice"
                step = steps[path.split(".")[-1]]
                there(path, step.needs)
                finished.add(path)


def _levels(steps: tuple[plan.Step, ...], level: int) -> Iterator[tuple[str, int]]:
    for step in steps:
        yield step.name, level
        if step.block is not None:
            yield from _levels(step.block.steps, level + 1)


SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 6)
LIMITS = st.integers(1, 8)
DEFAULT = settings(max_examples=40, suppress_health_check=list(HealthCheck), database=None)
SLOW = settings(DEFAULT, max_examples=MANY)


def check_output(seed: int, size: int, limit: int) -> None:
    """Votes, windows and all: the output is that of the flow done by hand, at any latency and any limit."""
    flow, inputs = written(seed, size, votes=True)
    value, _ = Reference(inputs, latency("")).run(flow)
    for salt, slots in (("one", limit), ("two", 1000)):
        ran = run_flow(flow, inputs, latency(salt), slots)
        assert ran.outcome.failures == ran.outcome.losses == ()
        assert ran.outcome.complete
        assert ran.outcome.value == value
        assert ran.provider.peak <= slots
        check_order(flow, ran.events)
        sizes = {
            step.name: len(inputs["items"])
            for step in flow.walk()
            if isinstance(step.node, plan.Map) and step.node.source == plan.Ref("items") and step.node.where is None
        }
        bounds = bounds_of(flow, catalog().reducers, sizes)
        assert bounds.least <= len(ran.provider.calls)
        assert bounds.most is None or len(ran.provider.calls) <= bounds.most


def check_failures(seed: int, size: int, limit: int) -> None:
    """Some calls fail for good: what depends on them has no value, and all the rest has its own."""
    flow, inputs = written(seed, size, votes=False)
    rate = random.Random(seed).choice([0.02, 0.1, 0.4])

    def fails(request: Request) -> bool:
        return drawn(request, "fails").random() < rate

    try:
        survivors = Reference(inputs, latency(""), fails).survivors(flow)
    except Undecided:
        reject()
    for salt, slots in (("one", limit), ("two", 1000)):
        ran = run_flow(flow, inputs, latency(salt), slots, fails)
        check_order(flow, ran.events)
        lost = {step.name for step in flow.steps} - survivors.keys()
        if lost:
            assert not ran.outcome.complete
            assert ran.outcome.steps == {name: value for name, value in survivors.items() if not name.startswith("#")}
            assert ran.outcome.failures
        else:
            assert ran.outcome.complete
            assert not ran.outcome.failures


def check_time(seed: int, size: int, limit: int) -> None:
    """Without votes that stop early or windows: the critical path, and what a list schedule may add to it."""
    flow, inputs = written(seed, size, votes=False)
    seconds = latency("time")
    reference = Reference(inputs, seconds)
    value, path = reference.run(flow)
    free = run_flow(flow, inputs, seconds, 10**6)
    assert free.outcome.value == value
    assert len(free.provider.calls) == reference.calls
    assert free.seconds == path
    held = run_flow(flow, inputs, seconds, limit)
    assert held.outcome.value == value
    assert held.provider.peak <= limit
    assert held.seconds <= reference.work / limit + (1 - 1 / limit) * path + 1e-9


@given(SEEDS, SIZES, LIMITS)
@DEFAULT
def test_output_depends_on_nothing_but_the_answers(seed: int, size: int, limit: int) -> None:
    check_output(seed, size, limit)


@given(SEEDS, SIZES, LIMITS)
@DEFAULT
def test_exactly_the_dependants_of_a_failure_are_skipped(seed: int, size: int, limit: int) -> None:
    check_failures(seed, size, limit)


@given(SEEDS, SIZES, LIMITS)
@DEFAULT
def test_a_run_takes_the_critical_path(seed: int, size: int, limit: int) -> None:
    check_time(seed, size, limit)


@pytest.mark.slow
@given(SEEDS, SIZES, LIMITS)
@SLOW
def test_output_depends_on_nothing_but_the_answers_many_flows(seed: int, size: int, limit: int) -> None:
    check_output(seed, size, limit)


@pytest.mark.slow
@given(SEEDS, SIZES, LIMITS)
@SLOW
def test_exactly_the_dependants_of_a_failure_are_skipped_many_flows(seed: int, size: int, limit: int) -> None:
    check_failures(seed, size, limit)


@pytest.mark.slow
@given(SEEDS, SIZES, LIMITS)
@SLOW
def test_a_run_takes_the_critical_path_many_flows(seed: int, size: int, limit: int) -> None:
    check_time(seed, size, limit)
