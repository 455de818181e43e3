"""Whole flows whose endpoint starts with a width that an earlier run found, in virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from flowrun.runtime.dispatch.endpoint import Endpoint
from flowrun.runtime.dispatch.ledger import NoLog
from flowrun.runtime.dispatch.request_waits import NO_WAITING
from flowrun.runtime.dispatch.scheduler import Scheduler
from flowrun.runtime.engine.decisions import Call
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import NEAR, EndpointTerms, Limiter
from flowrun.runtime.providers.scripted import Script, Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.call import Reply, Request
from flowrun.runtime.vocabulary.errors import RefusedError
from flowrun.runtime.vocabulary.events import Event, RequestStarted
from flowrun.runtime.vocabulary.pace import Pace
from flowrun.runtime.vocabulary.waits import Cause
from flowrun.testing import VirtualLoop
from support.harness import functions, planned
from support.served_width import SIGMA

CHAINED = """
type Pair = { first: text, second: text }
flow bench(pairs: [Pair]) {
  firsts = map pair in pairs {
    answer = ask "{{ pair.first }}"
    { second: pair.second, answer }
  } reduce collect
  seconds = map one in firsts { ask "{{ one.second }}" } reduce collect
  return length(seconds)
}
"""
VOTES = """
flow bench(prompts: [text]) {
  winners = map prompt in prompts {
    repeat 5 { ask "{{ prompt }}" -> yes | no } reduce majority
  } reduce collect
  return length(winners)
}
"""


def ran(text: str, inputs: dict[str, Any], script: Script, start: int) -> tuple[float, Limiter]:
    """Run a flow. Return its seconds, and its limiter."""
    state = State(planned(text), inputs, Context({}, ModelValue("m", "m"), functions), 256)
    limiter = Limiter(None, EndpointTerms(start=start, trusted=True, pacing=NEAR))
    endpoint = Endpoint(ScriptedProvider(script), limiter)
    loop = VirtualLoop()
    try:
        outcome = loop.run_until_complete(Scheduler(state, {"m": endpoint}, lambda event: None).run())
        assert not outcome.failures
        return loop.time(), limiter
    finally:
        loop.close()


@pytest.mark.parametrize("seed", range(3))
def test_two_chained_maps_take_as_long_as_their_slowest_pair(seed: int) -> None:
    draw = random.Random(seed)
    times = {f"{name} {n}": 0.2 * draw.lognormvariate(0, SIGMA) for n in range(500) for name in ("first", "second")}

    def script(request: Request, number: int) -> Scripted:
        return Scripted("x", times[request.messages[-1].text])

    pairs = [{"first": f"first {n}", "second": f"second {n}"} for n in range(500)]
    seconds, _ = ran(CHAINED, {"pairs": pairs}, script, 500)
    by_hand = max(times[f"first {n}"] + times[f"second {n}"] for n in range(500))
    assert by_hand <= seconds <= 1.08 * by_hand


def test_two_hundred_votes_of_five_take_little_longer_than_their_calls() -> None:
    seconds, _ = ran(VOTES, {"prompts": [f"Is {n} even?" for n in range(200)]}, lambda *_: Scripted("yes", 0.2), 1000)
    # A vote asks three times, and the others only if these differ. The endpoint opens 600 places meanwhile.
    assert seconds <= 0.2 + 600 / 4000 + 0.1


def test_a_run_of_few_calls_neither_lowers_nor_raises_the_next_start() -> None:
    text = 'flow f(xs: [text]) { r = map x in xs { ask "{{ x }}" } reduce collect return r }'
    _, limiter = ran(text, {"xs": [str(n) for n in range(10)]}, lambda *_: Scripted("yes", 0.2), 128)
    found = limiter.pace
    assert found == Pace(10)
    assert Pace().after(found).start(128, None) == 128
    for known in (Pace(1000), Pace(1000, refused=True), Pace(40, refused=True)):
        assert known.after(found) == known


class SlowLog(NoLog):
    """A journal that takes 3 ms for an intent. ``intents`` and ``kept_back`` count calls."""

    def __init__(self) -> None:
        super().__init__()
        self.intents = self.kept_back = 0

    async def intend(self, calls: Sequence[Call], key: str, waited: Mapping[Cause, int] = NO_WAITING) -> None:
        self.intents += len(calls)
        await asyncio.sleep(0.003 + 0.0001 * self.intents)

    def unsent(self, calls: Sequence[Call]) -> None:
        self.kept_back += len(calls)


def test_requests_that_wait_for_the_journal_are_called_back_by_the_first_refusal() -> None:
    text = 'flow f(xs: [text]) { r = map x in xs { ask "{{ x }}" } reduce collect return r }'
    inputs = {"xs": [str(n) for n in range(60)]}
    log, served = SlowLog(), ScriptedProvider(lambda *_: Scripted("yes", 0.2))
    refused = 0

    class Narrow(ScriptedProvider):
        async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
            nonlocal refused
            if served.open >= 4:
                refused += 1
                raise RefusedError("too many", status=429)
            return await served.complete(request, samples, idempotency_key)

    events: list[Event] = []
    state = State(planned(text), inputs, Context({}, ModelValue("m", "m"), functions), 256)
    endpoint = Endpoint(Narrow([]), Limiter(None, EndpointTerms(start=40)))
    loop = VirtualLoop()
    try:
        outcome = loop.run_until_complete(Scheduler(state, {"m": endpoint}, events.append, log=log).run())
    finally:
        loop.close()
    assert outcome.value == ["yes"] * 60
    # Of the 40 that had a place, the width that is left after the first refusals goes on, and the others wait again.
    assert log.kept_back >= 8
    assert log.intents == 60 + refused + log.kept_back
    assert sum(isinstance(one, RequestStarted) for one in events) == 60 + refused
    assert endpoint.limiter.active == 0
