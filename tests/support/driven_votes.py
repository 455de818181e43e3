"""Votes over made ballots that come in any order, and the ballots to draw for them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from flowrun.dsl import types
from flowrun.runtime.reducers import REDUCERS, Setting
from support.ballot_box import Driven, drive, shuffled

Json = Any
CHOICE = types.Choice(("a", "b", "c"))
WEIGHED = types.Record((types.Field("is", CHOICE), types.Field("sure", types.Range(0.0, 1.0))))
BALLOTS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=9)
LAUNCH = st.sampled_from(["cost", "latency", "together"])


def vote(
    rule: str,
    ballots: list[Json],
    seed: int,
    launch: str = "cost",
    item: types.Type = CHOICE,
    least: int = 0,
    **args: Json,
) -> Driven:
    most = len(ballots)
    setting = Setting(least or most, most, args=args, launch=launch, item=item, tallied=True)
    return drive(REDUCERS[rule].make(setting), ballots, shuffled(seed))
