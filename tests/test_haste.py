"""Votes with `launch: latency` at endpoints with few places, under a virtual clock with the real limiter."""

from __future__ import annotations

import math
import random

import pytest

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run

SEEDS = 3


def seconds(launch: str, rule: str, samples: str, votes: int, places: int, seed: int) -> tuple[float, int, object]:
    """Run votes whose samples have the same answers and the same times with each way to launch them."""

    def script(request: Request, number: int) -> Scripted:
        rng = random.Random(f"{seed} {request.messages[-1].text} {request.seed}")
        answer = "a" if rng.random() < 0.8 else rng.choice("bc")
        return Scripted(answer, math.exp(rng.gauss(0, 1)))

    text = (
        f"flow f(qs: [text]) {{ v = map q in qs {{ repeat {samples} {{ "
        f'ask "{{{{ q }}}}" -> a | b | c with seed: 1 }} reduce {rule} with launch: {launch} }} '
        "reduce collect return v }"
    )
    ran = Run(text, script, inputs={"qs": [str(one) for one in range(votes)]}, limit=places)
    ran.go()
    return ran.seconds, len(ran.provider.calls), ran.outcome.value


@pytest.mark.parametrize(("rule", "samples"), [("majority", "9"), ("ahead(2)", "1..9")])
@pytest.mark.parametrize(("votes", "places", "gain"), [(60, 8, 0.95), (30, 16, 0.95), (3, 16, 1.1), (2, 64, 1.1)])
def test_haste_is_never_slower_and_faster_where_places_are_free(
    rule: str, samples: str, votes: int, places: int, gain: float
) -> None:
    cost = [seconds("cost", rule, samples, votes, places, seed) for seed in range(SEEDS)]
    haste = [seconds("latency", rule, samples, votes, places, seed) for seed in range(SEEDS)]
    assert [one[2] for one in haste] == [one[2] for one in cost]
    assert sum(one[0] for one in cost) >= gain * sum(one[0] for one in haste)


def test_a_full_endpoint_gets_hardly_more_calls_than_with_cost() -> None:
    _, cost, _ = seconds("cost", "ahead(2)", "1..9", 100, 4, 1)
    _, haste, _ = seconds("latency", "ahead(2)", "1..9", 100, 4, 1)
    assert haste <= cost + 30
