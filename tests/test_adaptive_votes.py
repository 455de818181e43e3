"""Adaptive votes end as the order of the samples has it, and need as many samples as is expected of them."""

from __future__ import annotations

import random
from collections import Counter
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.reducers import REDUCERS
from flowrun.runtime.reducers.ahead import lead_for
from flowrun.runtime.reducers.majority import leading
from support.counted_by_hand import in_order
from support.cpu import cpu_within
from support.driven_votes import BALLOTS, LAUNCH, Json, vote

# Adaptive votes

ADAPTIVE = [("majority", {"confidence": 0.95}), ("majority", {}), ("ahead", {"lead": 2}), ("window", {"width": 3})]


@pytest.mark.parametrize(("rule", "args"), ADAPTIVE)
@given(ballots=BALLOTS, least=st.integers(1, 5), seed=st.integers(0, 2**32), launch=LAUNCH)
@settings(max_examples=60)
def test_an_adaptive_vote_is_that_of_the_first_sure_prefix(
    rule: str, args: dict[str, Json], ballots: list[Json], least: int, seed: int, launch: str
) -> None:
    ballots = [*ballots, "a"]
    least = min(least, len(ballots) - 1)
    driven = vote(rule, ballots, seed, launch, least=least, **args)
    prefix = in_order(rule, args, least, ballots)
    counts = Counter(one for one in ballots[:prefix] if one is not None)
    assert driven.ended == ("value", max(counts, key=lambda one: (counts[one], -ballots.index(one))))
    tally = driven.reducer.tally(driven.launched)
    assert tally is not None
    assert tally.counted + tally.discarded == prefix
    assert tally.agreement == counts[driven.ended[1]] / counts.total()
    assert driven.launched == (prefix if launch == "cost" else len(ballots))
    if launch == "together":
        assert driven.seen == len(ballots)


@pytest.mark.no_cover
def test_a_long_adaptive_vote_is_counted_quickly() -> None:
    with cpu_within(10):
        driven = vote("majority", ["ab"[index % 2] for index in range(5000)], 0, least=3)
        assert driven.seen == 5000


@given(st.integers(0, 60), st.integers(0, 60))
def test_leading_is_the_binomial_sum(first: int, second: int) -> None:
    total = first + second + 1
    assert leading(first, second) == pytest.approx(sum(comb(total, i) for i in range(first + 1)) / 2**total, rel=1e-12)
    assert leading(first, second) + leading(second, first) == pytest.approx(1, rel=1e-12)
    assert leading(first + 1, second) >= leading(first, second)


@pytest.mark.parametrize(
    ("first", "second", "chance"),
    [(0, 0, 0.5), (1, 0, 0.75), (3, 0, 0.9375), (4, 0, 0.96875), (2, 1, 0.6875), (1, 1, 0.5)],
)
def test_leading_in_closed_form(first: int, second: int, chance: float) -> None:
    assert leading(first, second) == chance


@given(st.sampled_from([0.9, 0.99, 0.999]), st.integers(1, 10**6), st.sampled_from([0.6, 0.75, 0.9]))
def test_the_lead_for_a_target_is_the_smallest_that_reaches_it(target: float, steps: int, right: float) -> None:
    def reached(lead: int) -> float:
        return float((1 / (1 + ((1 - right) / right) ** lead)) ** steps)

    lead = lead_for(target, steps, right)
    assert reached(lead) >= target * (1 - 1e-6)
    assert lead == 1 or reached(lead - 1) < target


# The expected calls of votes


@pytest.mark.parametrize("right", [0.6, 0.8, 0.95])
@pytest.mark.parametrize(
    ("rule", "args", "least", "most"),
    [
        ("majority", {}, 9, 9),
        ("majority", {"confidence": 0.95}, 3, 15),
        ("quorum", {"votes": 6}, 9, 9),
        ("unanimous", {}, 5, 5),
        ("ahead", {"lead": 3}, 1, 25),
        ("window", {"width": 3}, 1, 12),
    ],
)
def test_the_expected_samples_are_the_mean(
    rule: str, args: dict[str, Json], least: int, most: int, right: float
) -> None:
    spec = REDUCERS[rule].spec
    assert spec.expected is not None
    expected = spec.expected(least, most, args, right)
    assert expected is not None
    rng = random.Random(5)
    taken = []
    for _ in range(1500):
        ballots = ["a" if rng.random() < right else "b" for _ in range(most)]
        taken.append(vote(rule, ballots, rng.randrange(99), "cost", least=least, **args).launched)
    mean = sum(taken) / len(taken)
    spread = (sum((one - mean) ** 2 for one in taken) / len(taken)) ** 0.5 / len(taken) ** 0.5
    assert abs(mean - expected) <= 4 * spread + 1e-9
