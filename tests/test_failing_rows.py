"""The least amounts of a row of steps of which one fails, and the work of finding them."""

from __future__ import annotations

import random
import sys
from types import FrameType
from typing import Any

import pytest

from flowrun.dsl.bounds.amounts import Amounts
from flowrun.dsl.bounds.bound import Bound
from flowrun.dsl.bounds.losses import failing_of, least_of
from flowrun.dsl.bounds.rounds import Rounds
from flowrun.dsl.bounds.sizes import NONE
from flowrun.dsl.bounds.survey import Done, Least
from flowrun.runtime.forecast.estimate import estimate_plan
from support.harness import planned
from support.timed_runs import HERE, bounds

Near = dict[str, frozenset[str]]


NOTHING = bounds("flow f() { return 1 }")


def step(calls: int, tokens: int, failing: Least | None) -> Done:
    amounts = Amounts(calls=Bound(calls, calls), tokens_in=Bound(tokens, tokens))
    return Done(NOTHING, amounts, Rounds(), NONE, failing)


def added_up(near: Near, steps: dict[str, Done]) -> Least | None:
    """Return the same by the definition: the least over all steps that may fail, with all that they waited for."""
    before: dict[str, set[str]] = {}
    found: Least | None = None
    for name, needs in near.items():
        before[name] = set(needs).union(*(before[need] for need in needs))
        failing = steps[name].failing
        if failing is not None:
            way = sum((least_of(steps[one].amounts) for one in before[name]), failing)
            found = way if found is None else found | way
    return found


@pytest.mark.parametrize("seed", range(200))
def test_the_least_of_a_row_is_that_of_its_cheapest_failure(seed: int) -> None:
    rng = random.Random(seed)
    near: Near = {}
    steps: dict[str, Done] = {}
    for number in range(rng.randint(1, 9)):
        near[str(number)] = frozenset(rng.sample([*near], rng.randint(0, min(2, len(near)))))
        failing = Least(rng.randint(0, 2), rng.randint(0, 5)) if rng.random() < 0.6 else None
        steps[str(number)] = step(rng.choice([0, 0, 1, 2]), rng.randint(0, 5), failing)
    assert failing_of(near, steps) == added_up(near, steps)


def work(text: str) -> int:
    """Count the calls of Python's functions while the bounds of a flow are worked out."""
    count = 0

    def counted(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event == "call"

    plan = planned(text)
    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        estimate_plan(plan, {}, HERE, model="m", environ={})
    finally:
        sys.setprofile(before)
    return count


def row(length: int, line: str) -> str:
    lines = "\n".join(line.format(n=number, before=number - 1) for number in range(1, length))
    return f'flow f(p: bool) {{\na0 = ask "q" -> x | y\n{lines}\nreturn a{length - 1} }}'


@pytest.mark.parametrize(
    "line",
    [
        'a{n} = match a{before} {{ x = ask "q" -> x | y y = ask "r" -> x | y }}',
        'a{n} = ask "q {{{{ a{before} }}}}" -> x | y',
        'a{n} = ask "q {{{{ a{before} }}}}" -> x | y when p else "x"',
    ],
)
def test_a_row_of_twice_the_steps_is_twice_the_work(line: str) -> None:
    work(row(3, line))
    assert work(row(200, line)) < 2.3 * work(row(100, line))
