"""The critical path of a run: the calls that determined its end, and the causes that fill its time."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.pages.call_order import CallOrder
from support.harness import planned
from support.random_flows import Writer
from support.triggered_calls import triggered

INPUTS = {"items": ["a", "b", "c", "d"], "p0": True, "p1": False}


@settings(max_examples=60)
@given(st.integers(0, 10**9), st.integers(1, 8), st.booleans())
def test_the_path_is_the_one_that_the_engine_took(seed: int, size: int, votes: bool) -> None:
    rng = random.Random(seed)
    text = Writer(rng, size, votes).flow()
    run = triggered(planned(text), INPUTS, rng)
    order = CallOrder(run.plan, run.calls)
    paths = [run.calls[one].place for one in run.chain]
    assert [run.calls[one.index].place for one in order.chain()] == paths, text
