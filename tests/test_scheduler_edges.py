"""The scheduler at its edges: what is on the disk before what, turns, deep nests, and being cancelled anywhere."""

from __future__ import annotations

import asyncio
import json
import random
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import Limiter
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.call import Reply, Request
from flowrun.testing import VirtualLoop
from support.by_hand import TICK, latency, reply
from support.harness import functions
from support.random_flows import MANY, Writer
from support.slow_log import SlowLog
from support.virtual_clock import CountingLoop

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 6)
LIMITS = st.integers(1, 8)
TURNS = st.integers(1, 120)
RANDOM = settings(max_examples=40, suppress_health_check=list(HealthCheck), database=None)
SLOW = settings(RANDOM, max_examples=MANY)


def planned(text: str) -> plan.Plan:
    return make_plan(check_flow(Source(text), catalog()))


class Keyed(ScriptedProvider):
    """Holds that each request was written down before it came, and that it says nothing that is not on the disk."""

    log: SlowLog
    keys: list[str]

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        assert idempotency_key in self.log.intended
        self.keys.append(idempotency_key)
        answers = set(re.findall(r"\br\d+\b", json.dumps([message.text for message in request.messages])))
        assert answers <= self.log.durable
        return await super().complete(request, samples, idempotency_key)


def scheduler_of(
    flow: plan.Plan, inputs: dict[str, Any], limit: int, log: SlowLog, seconds: Any, window: int = 10**6
) -> tuple[Scheduler, Keyed, Endpoint]:
    provider = Keyed(lambda request, _: Scripted(reply(request), seconds(request)))
    provider.log, provider.keys = log, []
    endpoint = Endpoint(provider, Limiter(limit))
    state = State(flow, inputs, Context({}, ModelValue("m", "m"), functions), window)
    return Scheduler(state, {"m": endpoint}, lambda event: None, log=log), provider, endpoint


def ran(scheduler: Scheduler) -> Outcome:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(scheduler.run())
    finally:
        loop.close()


def random_run(seed: int, size: int) -> tuple[plan.Plan, dict[str, Any]]:
    rng = random.Random(seed)
    text = Writer(rng, size, votes=True).flow()
    note(text)
    inputs = {"items": rng.choices("abcde", k=rng.randint(0, 4)), "p0": rng.random() < 0.5, "p1": rng.random() < 0.5}
    return planned(text), inputs


def check_durable(seed: int, size: int, limit: int) -> None:
    flow, inputs = random_run(seed, size)
    log = SlowLog(seed, 64 * TICK)
    scheduler, provider, _ = scheduler_of(flow, inputs, limit, log, latency("durable"))
    outcome = ran(scheduler)
    assert outcome.complete
    assert provider.peak <= limit


def check_cancel(seed: int, size: int, limit: int, turn: int) -> None:
    flow, inputs = random_run(seed, size)
    log = SlowLog(seed, 8 * TICK)
    scheduler, provider, endpoint = scheduler_of(flow, inputs, limit, log, latency("cancel"))

    async def whole() -> None:
        running = asyncio.ensure_future(scheduler.run())
        loop.then = running.cancel
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.gather(endpoint.close())
        assert asyncio.all_tasks() == {asyncio.current_task()}

    loop = CountingLoop(turn)
    try:
        loop.run_until_complete(whole())
    finally:
        loop.close()
    assert provider.open == 0
    assert endpoint.limiter.active == 0
    assert not scheduler._dispatcher._live
    # Of each attempt that was written down it is known how it ended, or it was sent and is in doubt.
    unknown = set(log.given) - set(log.answered_calls) - set(log.ended)
    assert unknown <= {int(number) for key in provider.keys for number in key.split()}


@given(SEEDS, SIZES, LIMITS)
@RANDOM
def test_nothing_starts_before_what_it_needs_is_on_the_disk(seed: int, size: int, limit: int) -> None:
    check_durable(seed, size, limit)


@pytest.mark.slow
@given(SEEDS, SIZES, LIMITS)
@SLOW
def test_nothing_starts_before_what_it_needs_is_on_the_disk_many_flows(seed: int, size: int, limit: int) -> None:
    check_durable(seed, size, limit)


@given(SEEDS, SIZES, LIMITS, TURNS)
@RANDOM
def test_cancelled_at_any_moment_it_leaks_nothing_and_loses_no_answer(
    seed: int, size: int, limit: int, turn: int
) -> None:
    check_cancel(seed, size, limit, turn)


@pytest.mark.slow
@given(SEEDS, SIZES, LIMITS, TURNS)
@SLOW
def test_cancelled_at_any_moment_it_leaks_nothing_and_loses_no_answer_many_flows(
    seed: int, size: int, limit: int, turn: int
) -> None:
    check_cancel(seed, size, limit, turn)


@given(st.integers(1, 4), st.integers(1, 30), st.integers(1, 30), st.integers(1, 6), st.booleans())
@RANDOM
def test_two_maps_take_turns(ticks: int, one: int, two: int, limit: int, late: bool) -> None:
    wait = 'ask "wait"' if late else 'text "none"'
    flow = planned(f"""flow f(xs: [text], ys: [text]) {{
      first = {wait}
      a = map x in xs {{ ask "a {{{{ x }}}}" }} reduce collect
      b = map y in ys {{ ask "b {{{{ y }}}} {{{{ first }}}}" }} reduce collect
      return {{ a, b }}
    }}""")
    inputs = {"xs": [f"x{n}" for n in range(one)], "ys": [f"y{n}" for n in range(two)]}
    scheduler, provider, _ = scheduler_of(flow, inputs, limit, SlowLog(1, 0), lambda request: ticks * TICK)
    outcome = ran(scheduler)
    assert outcome.complete
    order = [request.messages[0].text[0] for request in provider.calls if request.messages[0].text != "wait"]
    # From when both wait, until one has nothing left, none is ahead by more than what is in flight.
    begin = order.index("b") if "b" in order else 0
    done = {"a": order[:begin].count("a"), "b": 0}
    ahead = {"a": 0, "b": 0}
    for letter in order[begin:]:
        if done["a"] == one or done["b"] == two:
            break
        done[letter] += 1
        ahead[letter] += 1
        assert abs(ahead["a"] - ahead["b"]) <= limit + 1


@pytest.mark.parametrize("limit", [1, 2, 7])
@pytest.mark.parametrize("window", [1, 2, 1000])
@pytest.mark.parametrize("concurrency", [1, 2, None])
def test_maps_in_maps_never_wait_for_each_other_for_good(limit: int, window: int, concurrency: int | None) -> None:
    held = f" with concurrency: {concurrency}" if concurrency else ""
    flow = planned(f"""flow f(items: [text]) {{
      all = map a in items at most 9 {{
        map b in items at most 9 {{
          head = ask "{{{{ a }}}} {{{{ b }}}}"
          map c in items at most 9 {{
            vote = repeat 3 {{ ask "{{{{ c }}}} {{{{ head }}}}?" -> aye | nay | abstain }} reduce majority{held}
            vote
          }} reduce collect{held}
        }} reduce collect{held}
      }} reduce collect{held}
      return all
    }}""")
    inputs = {"items": list("abcd")}
    scheduler, provider, _ = scheduler_of(flow, inputs, limit, SlowLog(1, TICK), latency("deep"), window)
    outcome = ran(scheduler)
    assert outcome.complete
    assert provider.peak <= limit
    assert [len(one) for one in outcome.value] == [4] * 4
