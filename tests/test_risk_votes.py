"""`majority(risk: …)` names a wrong answer no more often than it says, and tells whether the vote was decided."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, product
from math import exp, log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Given, Refusal, types
from flowrun.runtime.reducers import REDUCERS, ReduceError, Setting, UndecidedError
from flowrun.runtime.reducers.evidence import log_evidence, needed, proved
from flowrun.runtime.reducers.majority import led
from support.ballot_box import LOST
from support.driven_votes import LAUNCH, vote

Json = Any
RIGHTS = (0.5, 0.5001, 0.501, 0.51, 0.52, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9, 0.95, 0.99)
WORDS = types.Choice(("a", "b", "c"))


def evidence(first: int, second: int) -> Fraction:
    """Work the evidence out exactly."""
    points = ((95, 81), (80, 13), (65, 6))
    parts = (
        Fraction(weight, 100) * Fraction(2 * point, 100) ** first * Fraction(200 - 2 * point, 100) ** second
        for point, weight in points
    )
    return sum(parts, Fraction(0))


# The rule


@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from(["0.5", "0.2", "0.05", "0.01", "0.000001"]))
def test_the_evidence_is_that_of_exact_fractions(first: int, second: int, risk: str) -> None:
    exact = evidence(first, second)
    near = log(exact.numerator) - log(exact.denominator)
    assert abs(log_evidence(first, second) - near) <= 1e-14 * (1 + first + second)
    assert not proved(float(risk), first, second) or exact >= 1 / Fraction(risk)
    assert proved(float(risk), first, second) or exact < (1 / Fraction(risk)) * (1 + Fraction(1, 10**9))


def test_the_evidence_never_grows_on_average_if_the_answer_is_not_ahead() -> None:
    for first, second in product(range(12), repeat=2):
        now = evidence(first, second)
        for chance in (Fraction(1, 2), Fraction(2, 5), Fraction(0)):
            after = chance * evidence(first + 1, second) + (1 - chance) * evidence(first, second + 1)
            assert after <= now


@pytest.mark.parametrize(("risk", "votes"), [(0.5, 2), (0.2, 3), (0.1, 4), (0.05, 5), (0.01, 8), (0.001, 12)])
def test_the_fewest_votes_of_one_mind(risk: float, votes: int) -> None:
    assert needed(risk) == votes
    assert evidence(votes, 0) >= 1 / Fraction(str(risk)) > evidence(votes - 1, 0)


# The bound, by enumeration


def wrongly_ended(holds: Any, right: float, most: int) -> tuple[float, float]:
    """Sum over all ways of a vote of two answers: how often it stops for the rarer one, and how often for any.

    Each of the sums has at most ``most`` additions a term, so its error is below 1e-12.
    """
    going, wrong, stopped = {0: 1.0}, 0.0, 0.0
    for seen in range(1, most + 1):
        after: dict[int, float] = {}
        for good, chance in going.items():
            for more, part in ((1, right), (0, 1 - right)):
                after[good + more] = after.get(good + more, 0.0) + chance * part
        going = {}
        for good, chance in after.items():
            if holds(max(good, seen - good), min(good, seen - good)):
                stopped += chance
                wrong += chance if seen - good > good else 0.0
            else:
                going[good] = chance
    return wrong, stopped


@pytest.mark.parametrize("risk", [0.01, 0.05, 0.1, 0.5])
def test_a_stopped_vote_of_two_answers_is_wrong_no_more_often_than_the_risk(risk: float) -> None:
    holds = lru_cache(None)(lambda first, second: proved(risk, first, second))
    found = [wrongly_ended(holds, right, 200)[0] for right in RIGHTS]
    assert max(found) + 1e-12 <= risk
    # The bound is not empty: a vote over a close question comes near to it.
    assert max(found) > risk / 2


def test_a_confidence_is_no_bound_of_the_error() -> None:
    """These are the figures of docs/reducers.md."""
    sure = lru_cache(None)(lambda first, second: led(first, second) >= 0.95)
    assert [round(100 * wrongly_ended(sure, right, 40)[0], 1) for right in (0.501, 0.55)] == [20.7, 10.9]
    assert round(100 * wrongly_ended(sure, 0.501, 200)[0], 1) == 29.4
    holds = lru_cache(None)(lambda first, second: proved(0.05, first, second))
    assert [round(100 * wrongly_ended(holds, right, 200)[0], 1) for right in (0.501, 0.55)] == [4.3, 2.2]


# The bound, by simulation

SHARES = [
    [0.34, 0.33, 0.33],
    [0.5, 0.49, 0.01],
    [0.4, 0.3, 0.3],
    [0.21, 0.2, 0.2, 0.2, 0.19],
    [0.3, 0.29, *[0.041] * 10],
    [0.6, *[0.1] * 4],
]


@pytest.mark.parametrize("shares", SHARES, ids=str)
def test_no_wrong_answer_of_several_is_named_more_often_than_the_risk(shares: list[float]) -> None:
    risk, votes = 0.05, 600
    holds = lru_cache(None)(lambda first, second: proved(risk, first, second))
    rng = random.Random(str(shares))
    named: Counter[int] = Counter()
    for _ in range(votes):
        counts = [0] * len(shares)
        for ballot in rng.choices(range(len(shares)), shares, k=200):
            counts[ballot] += 1
            first, second = sorted(counts, reverse=True)[:2]
            if holds(first, second):
                named[counts.index(first)] += 1
                break
    wrong = [count / votes for answer, count in named.items() if answer]
    error = 3 * (risk * (1 - risk) / votes) ** 0.5
    assert all(share <= risk + error for share in wrong)
    # Here even all wrong answers together stay below.
    assert sum(wrong) <= risk + error


# Votes that are driven


@given(
    ballots=st.lists(st.sampled_from(["a", "a", "a", "b", "c", None]), min_size=5, max_size=14),
    least=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    launch=LAUNCH,
    undecided=st.sampled_from(["fail", "none", "first", ""]),
)
@settings(max_examples=300)
def test_a_vote_is_that_of_the_first_prefix_with_the_evidence(
    ballots: list[Json], least: int, seed: int, launch: str, undecided: str
) -> None:
    args: dict[str, Json] = {"risk": 0.2} | ({"undecided": undecided} if undecided else {})
    driven = vote("majority", ballots, seed, launch, least=least, **args)
    value, taken = None, len(ballots)
    for seen in range(least, len(ballots) + 1):
        first, second = ([n for _, n in Counter(b for b in ballots[:seen] if b).most_common(2)] + [0, 0])[:2]
        if evidence(first, second) >= 5:
            value, taken = Counter(b for b in ballots[:seen] if b).most_common(1)[0][0], seen
            break
    assert driven.launched == (taken if launch == "cost" else len(ballots))
    tally = driven.reducer.tally(driven.launched)
    if tally is not None:
        assert tally.settled == (value is not None)
        assert tally.counted + tally.discarded == taken
    counted = [b for b in ballots if b]
    if value is not None:
        assert driven.ended == ("value", value)
    elif not counted:
        assert driven.ended[0] == "error"
    elif undecided == "none":
        assert driven.ended == ("value", None)
    elif undecided == "first":
        assert driven.ended == ("value", max(counted, key=lambda one: (counted.count(one), -counted.index(one))))
    else:
        assert driven.ended[0] == "error" and "the vote is undecided after" in driven.ended[1]


def plain(ballots: list[Json], least: int, undecided: str) -> Json:
    """Return the value that a vote of known ballots has, None without one."""
    driven = vote("majority", ballots, 0, "cost", least=least, risk=0.2, undecided=undecided)
    return driven.ended[1] if driven.ended[0] == "value" else None


@pytest.mark.parametrize("undecided", ["fail", "none", "first"])
@given(
    samples=st.lists(st.sampled_from(["a", "a", "a", "b", None, LOST]), min_size=4, max_size=9),
    seed=st.integers(0, 2**32),
    launch=LAUNCH,
)
@settings(max_examples=120)
def test_lost_samples_cannot_have_given_another_value(
    undecided: str, samples: list[Json], seed: int, launch: str
) -> None:
    samples = [one for place, one in enumerate(samples) if one is not LOST or samples[:place].count(LOST) < 2]
    samples = [*samples, "a", "a"][:9]
    driven = vote("majority", samples, seed, launch, least=1, risk=0.2, undecided=undecided)
    if driven.ended[0] == "error":
        return
    holes = [place for place, one in enumerate(samples) if one is LOST]
    for filled in product(["a", "b", "new", None], repeat=len(holes)):
        ballots = list(samples)
        for place, one in zip(holes, filled, strict=True):
            ballots[place] = one
        assert plain(ballots, 1, undecided) == driven.ended[1]


@pytest.mark.parametrize("undecided", ["fail", "none", "first"])
def test_no_change_of_as_many_ballots_as_told_changes_the_winner(undecided: str) -> None:
    tried = 0
    for seed in range(250):
        rng = random.Random(seed)
        most = rng.randint(7, 10)
        least = rng.randint(5, most - 1)
        ballots = [rng.choice(["a", "a", "a", "a", "a", "a", "a", "b", None]) for _ in range(most)]
        driven = vote("majority", ballots, seed, "cost", least=least, risk=0.4, undecided=undecided)
        tally = driven.reducer.tally(driven.launched)
        if driven.ended[0] == "error" or driven.ended[1] is None or tally is None or not tally.stands:
            continue
        tried += 1
        if tried > 25:
            break
        for places in combinations(range(driven.seen), min(tally.stands, 2)):
            for other in product(["a", "b", "c", None], repeat=len(places)):
                changed = list(ballots)
                for place, one in zip(places, other, strict=True):
                    changed[place] = one
                # The samples that were never asked may be anything: here they are all for a rival.
                for rest in ("a", "b"):
                    changed[driven.seen :] = [rest] * (most - driven.seen)
                    again = vote("majority", changed, 0, "cost", least=least, risk=0.4, undecided=undecided)
                    assert again.ended == ("value", driven.ended[1]), (ballots, changed)
    assert tried > 20


def test_a_vote_that_is_to_stand_takes_the_fewest_samples_of_its_plan() -> None:
    spec = REDUCERS["majority"].spec
    for stands in (0, 1, 2):
        args: dict[str, Json] = {"risk": 0.05, "stands": stands}
        fewest = spec.fewest(8, 60, args)
        driven = vote("majority", ["a"] * 60, 0, "cost", least=8, **args)
        assert driven.ended == ("value", "a")
        assert driven.launched == fewest


@pytest.mark.parametrize("right", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("args", [{"risk": 0.05}, {"risk": 0.2, "undecided": "none", "at_least": 5}])
def test_the_expected_samples_are_the_mean(args: dict[str, Json], right: float) -> None:
    expected = REDUCERS["majority"].spec.expected
    assert expected is not None
    rng = random.Random(3)
    taken = [
        vote("majority", ["a" if rng.random() < right else "b" for _ in range(20)], 0, "cost", least=3, **args).launched
        for _ in range(1200)
    ]
    mean = sum(taken) / len(taken)
    spread = (sum((one - mean) ** 2 for one in taken) / len(taken)) ** 0.5 / len(taken) ** 0.5
    found = expected(3, 20, args, right)
    assert found is not None and abs(mean - found) <= 4 * spread + 1e-9


def test_ties_ask_only_where_the_leader_may_be_named() -> None:
    for undecided, questions in (("first", 1), ("none", 0), ("fail", 0)):
        args = {"risk": 0.5, "undecided": undecided}
        reducer = REDUCERS["majority"].make(Setting(2, 4, args=args, item=WORDS, asks=True))
        for index, one in enumerate("abab"):
            reducer.add(index, one)
        assert len(reducer.questions()) == questions


def test_a_lost_sample_that_could_have_decided_is_told_as_such() -> None:
    reducer = REDUCERS["majority"].make(Setting(3, 5, args={"risk": 0.05, "undecided": "none"}, item=WORDS))
    for index in range(4):
        reducer.add(index, "a")
    reducer.lose(4, sent=True)
    with pytest.raises(UndecidedError, match="the vote is not settled"):
        reducer.value()


# Refusals


@pytest.mark.parametrize(
    ("args", "least", "most", "arg", "said"),
    [
        ({"risk": 0.05, "confidence": 0.9}, 3, 40, "confidence", "both say when the vote ends"),
        ({"risk": 0.05}, 9, 9, "risk", "the number is fixed"),
        ({"risk": 0.05}, None, 9, "risk", "the number is fixed"),
        ({"risk": 0.05}, 1, 4, "risk", "give an evidence of 11.58, and a risk of 0.05 needs 1 / 0.05 = 20: 5 samples"),
        ({"risk": 0.05, "undecided": None}, 3, 40, "undecided", "only the run knows"),
        ({"risk": 0.05, "ties": "error"}, 3, 40, "ties", "has no tie"),
    ],
)
def test_arguments_that_do_not_fit(args: dict[str, Json], least: int | None, most: int, arg: str, said: str) -> None:
    found = REDUCERS["majority"].spec.result(Given(WORDS, least, most, args))
    assert isinstance(found, Refusal)
    assert found.arg == arg and said in found.message
    if found.instead:
        changed = {**args, "risk": float(found.instead)}
        assert REDUCERS["majority"].spec.result(Given(WORDS, least, most, changed)) == WORDS


def test_the_value_may_be_missing_only_where_an_undecided_vote_is_none() -> None:
    for undecided in ("fail", "none", "first"):
        args = {"risk": 0.05, "undecided": undecided}
        found = REDUCERS["majority"].spec.result(Given(WORDS, 3, 40, args))
        assert found == (types.Optional(WORDS) if undecided == "none" else WORDS)


def test_a_run_refuses_what_can_never_be_decided() -> None:
    with pytest.raises(ReduceError, match="the vote can never be decided: 4 samples that all agree"):
        REDUCERS["majority"].make(Setting(1, 4, args={"risk": 0.05}, item=WORDS))
    assert exp(log_evidence(4, 0)) == pytest.approx(float(evidence(4, 0)))
