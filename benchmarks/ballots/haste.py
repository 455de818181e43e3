"""Votes with `launch: latency` beside the same votes with `cost`, at endpoints that take few calls at once.

Each sample has the same answer and the same time with both. With `latency` no run may be slower by more than chance.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run

from .means import error, mean, within

PLACES = ((200, 4), (60, 8), (30, 16), (10, 32), (2, 64))
"""The number of votes in a map, and of calls that the endpoint takes at once."""
RULES = (("majority of 9", "9", "majority(ties: first)"), ("ahead(2), 1 to 9", "1..9", "ahead(2)"))
RIGHT = 0.8
NOISE = 0.01
"""The share of the time by which `latency` may be slower and count as equal."""


def ran(launch: str, rule: str, samples: str, votes: int, places: int, seed: int) -> tuple[float, int, object]:
    """Return the seconds of a run, its calls, and its values."""

    def script(request: Request, number: int) -> Scripted:
        rng = random.Random(f"{seed} {request.messages[-1].text} {request.seed}")
        answer = "right" if rng.random() < RIGHT else rng.choice(["wrong", "other"])
        return Scripted(answer, math.exp(rng.gauss(0, 1)))

    text = (
        f'flow f(qs: [text]) {{ v = map q in qs {{ repeat {samples} {{ ask "{{{{ q }}}}" -> right | wrong | other '
        f"with seed: 1 }} reduce {rule} with launch: {launch} }} reduce collect return v }}"
    )
    run = Run(text, script, inputs={"qs": [str(one) for one in range(votes)]}, limit=places)
    run.go()
    return run.seconds, len(run.provider.calls), run.outcome.value


def haste(seeds: int, first: int) -> list[str]:
    """Print the table. Return what is missed."""
    missed = []
    print(
        f"{'':18} │ {'votes':>5} {'places':>6} │ {'cost s':>7} {'latency s':>9} {'slower %':>16} │ {'more calls %':>12}"
    )
    for name, samples, rule in RULES:
        for votes, places in PLACES:
            pairs = [
                tuple(ran(launch, rule, samples, votes, places, seed) for launch in ("cost", "latency"))
                for seed in range(first, first + seeds)
            ]
            if any(cost[2] != hasty[2] for cost, hasty in pairs):
                missed.append(f"{name}, {votes} votes at {places} places: the values differ")
            slower = [hasty[0] / cost[0] - 1 for cost, hasty in pairs]
            calls = _sum(pairs, 1, 1) / _sum(pairs, 0, 1) - 1
            times = f"{_sum(pairs, 0, 0) / seeds:7.1f} {_sum(pairs, 1, 0) / seeds:9.1f} {within(slower, 100, 1):>16}"
            print(f"{name:18} │ {votes:5} {places:6} │ {times} │ {100 * calls:12.1f}")
            if mean(slower) - 1.96 * error(slower) > NOISE:
                missed.append(f"{name}, {votes} votes at {places} places: latency is {100 * mean(slower):.1f} % slower")
    return missed


def _sum(pairs: Sequence[Sequence[tuple[float, int, object]]], way: int, field: int) -> float:
    return float(sum(float(str(pair[way][field])) for pair in pairs))
