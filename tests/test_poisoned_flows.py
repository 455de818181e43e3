"""Independence by brute force: an element of an untrusted list changes, and no request outside its reach does."""

from __future__ import annotations

from collections import Counter

import pytest

from support.poisoned import Poisoned
from support.soak import share

CHUNK = 50
FEWEST = 3
MOST = share(6_000) // CHUNK


def hold(seeds: range) -> Counter[str]:
    """Hold the property against random flows, and count the relations of their asks."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        trial = Poisoned.drawn(seed)
        if trial is None:
            seen["refused"] += 1
            continue
        broken = trial.broken()
        assert not broken, f"seed {seed}: {broken[0]}\n{trial.text}\n{trial.inputs}"
        for places in trial.places().values():
            for place in places:
                mark = place.request.get("items") if place is not None else None
                seen[mark.relation if mark is not None else "none"] += 1
    assert seen["refused"] <= len(seeds) // 5
    return seen


@pytest.mark.parametrize("chunk", range(FEWEST))
def test_no_request_outside_the_reach_changes(chunk: int) -> None:
    seen = hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))
    # An analysis that marks every ask as joined would hold nothing.
    assert seen["none"] > seen["joined"] // 2 and seen["own"]


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(FEWEST, FEWEST + MOST))
def test_no_request_of_many_flows_outside_the_reach_changes(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))
