"""A recorded run happens again from its recording alone: the same events make the same decisions."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, check_flow, make_plan, plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.limits import Limiter
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import PermanentError
from flowrun.runtime.vocabulary.usage import Price
from flowrun.testing import VirtualLoop
from support.by_hand import latency, reply
from support.random_flows import Writer
from support.recording import RecordedState, ReplayError, replay

Json = Any


def functions(name: str, args: Any, tally: Any) -> Json:
    return FUNCTIONS[name].call(args, World(tally))


CONTEXT = Context({}, ModelValue("m", "m"), functions)


def recorded(
    flow: plan.Plan, inputs: dict[str, Json], context: Context, script: Any, limit: int = 3
) -> tuple[RecordedState, Outcome]:
    """Run a flow with scripted answers in virtual time, and record it."""
    state = RecordedState(flow, inputs, context)
    endpoint = Endpoint(ScriptedProvider(script), Limiter(limit))
    loop = VirtualLoop()
    try:
        outcome = loop.run_until_complete(Scheduler(state, {"m": endpoint}, lambda event: None).run())
    finally:
        loop.close()
    return state, outcome


def planned(text: str) -> plan.Plan:
    return make_plan(check_flow(Source(text), catalog()))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 9), st.sampled_from([0.0, 0.2]))
def test_a_recorded_run_happens_again(seed: int, size: int, limit: int, fails: float) -> None:
    rng = random.Random(seed)
    flow = planned(Writer(rng, size, True).flow())
    inputs = {"items": rng.choices("abcde", k=rng.randint(0, 4)), "p0": rng.random() < 0.5, "p1": rng.random() < 0.5}

    def script(request: Request, number: int) -> Scripted:
        broken = random.Random(f"{seed} {request.messages}").random() < fails
        return Scripted(PermanentError("no") if broken else reply(request), latency(str(seed))(request))

    state, outcome = recorded(flow, inputs, CONTEXT, script, limit)
    again = replay(state.recording, CONTEXT)
    assert again.abandoned().steps == state.abandoned().steps
    assert outcome.complete or outcome.failures


VOTE = """flow f(items: [text]) {
  votes = map e in items { v = repeat 3..7 { a = ask "{{ e }}" -> yes | no } reduce majority } reduce collect
  return votes
}"""


def test_prices_and_the_journal_are_found_again() -> None:
    """The replayed run looks nothing up: the context that it gets knows no prices."""
    flow = planned(VOTE)
    context = replace(CONTEXT, price=lambda address: Price(1e-5, 1e-5, sent=100), calls_limit=40, money_limit=1.0)
    state, outcome = recorded(flow, {"items": ["a", "b"]}, context, lambda request, number: "yes")
    assert outcome.value == ["yes", "yes"]
    assert replay(state.recording, replace(context, price=lambda address: None)).abandoned().steps["votes"]


def test_a_changed_recording_is_refused_at_the_turn() -> None:
    state, _ = recorded(planned(VOTE), {"items": ["a", "b"]}, CONTEXT, lambda request, number: "yes")
    turn = next(turn for turn in state.recording.turns if turn.event == "answered" and turn.decisions)
    turn.args = (turn.args[0], Answer("no"), *turn.args[2:])
    with pytest.raises(ReplayError, match=r"turn \d+ \(`answered`\) decides"):
        replay(state.recording, CONTEXT)
