"""The audit by brute force: one element of random flows is replaced, and what changes is what the audit allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from flowrun.dsl import SourceReach, reach_of
from support.poisoned import HOSTILE, Poisoned, requests
from support.soak import share

CHUNK = 24
FEWEST = 3
MOST = share(4_000) // CHUNK


def allowed(source: SourceReach) -> float:
    """The most requests that one element may change, with those that an early end sends or not."""
    parts = [source.calls, *(one.others for one in source.reached if one.others is not None)]
    return sum(float("inf") if one.most is None else one.most for one in parts)


Kind = Callable[[int], Poisoned | None]


def hold(seeds: range, kind: Kind = Poisoned.drawn) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in seeds:
        trial = kind(seed)
        if trial is None:
            continue
        sources = reach_of(trial.checked, trial.plan, trial.labels).sources
        source = next(one for one in sources if one.name == "items")
        items = trial.inputs["items"]
        base = trial.run(items)
        if base.outcome.failures:
            continue
        before = sum(requests(base).values(), Counter())
        for index in range(len(items)):
            changed = [*items[:index], HOSTILE[(seed + index) % len(HOSTILE)], *items[index + 1 :]]
            ran = trial.run(changed)
            if ran.outcome.failures:
                continue
            new = sum(requests(ran).values(), Counter()) - before
            most = allowed(source)
            assert new.total() <= most, f"seed {seed}: element {index} causes {new.total()} of {most}\n{trial.text}"
            seen["bounded" if most < float("inf") else "unbounded"] += 1
            seen["tight"] += new.total() == source.calls.most
            seen["changed"] += bool(new)
            if not any(one.kind == "result" for one in source.reached):
                ballots = any(one.kind == "ballot" for one in source.reached)
                assert ballots or ran.outcome.value == base.outcome.value, f"seed {seed}\n{trial.text}"
    return seen


@pytest.mark.parametrize("chunk", range(FEWEST))
def test_one_element_causes_no_more_calls_than_the_audit_says(chunk: int) -> None:
    seen = hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))
    # A count without bounds would hold nothing.
    assert seen["bounded"] > seen["unbounded"] and seen["changed"] and seen["tight"]


@pytest.mark.parametrize("kind", [Poisoned.silent, Poisoned.failing, Poisoned.poor], ids=lambda kind: kind.__name__)
def test_one_element_causes_no_more_calls_where_requests_are_lost(kind: Kind) -> None:
    assert hold(range(CHUNK), kind)["changed"]


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(FEWEST, FEWEST + MOST))
def test_one_element_of_many_flows_causes_no_more_calls_than_the_audit_says(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))
