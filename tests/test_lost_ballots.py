"""Votes that lost samples to money, keys or servers: their value is that of all samples, or there is none."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import types
from flowrun.runtime.reducers import REDUCERS, ReduceError, Setting, UndecidedError
from support.ballot_box import LOST, Driven, drive, shuffled
from support.counted_by_hand import full, in_order

Json = Any
CHOICE = types.Choice(("a", "b", "c"))
WEIGHED = types.Record((types.Field("is", CHOICE), types.Field("sure", types.Range(0.0, 1.0))))
SAMPLE = st.sampled_from(["a", "a", "b", "c", None, LOST])
EXACT = ["majority", "quorum", "unanimous", "weighted"]
ARGS = st.fixed_dictionaries({}, optional={"at_least": st.integers(1, 3), "ties": st.sampled_from(["first", "error"])})


def vote(
    rule: str, samples: list[Json], seed: int, launch: str, item: types.Type = CHOICE, least: int = 0, **args: Json
) -> Driven:
    setting = Setting(least or len(samples), len(samples), args=args, launch=launch, item=item, tallied=seed % 2 == 1)
    return drive(REDUCERS[rule].make(setting), samples, shuffled(seed))


def fillings(samples: list[Json], answers: list[Json]) -> list[list[Json]]:
    """All that the samples could have been, had none been lost."""
    return [list(one) for one in itertools.product(*(answers if one is LOST else [one] for one in samples))]


def fails_unsettled(driven: Driven) -> bool:
    try:
        driven.reducer.value()
    except UndecidedError:
        return True
    except ReduceError:
        return False
    return False


# Exact votes


@pytest.mark.parametrize("rule", EXACT)
@given(
    samples=st.lists(SAMPLE, min_size=1, max_size=6),
    seed=st.integers(0, 2**32),
    launch=st.sampled_from(["cost", "latency", "together"]),
    args=ARGS,
    data=st.data(),
)
@settings(max_examples=60)
def test_an_exact_vote_has_the_value_of_all_samples_or_none(
    rule: str, samples: list[Json], seed: int, launch: str, args: dict[str, Json], data: st.DataObject
) -> None:
    samples = samples[: samples.index(LOST) + 3] if samples.count(LOST) > 3 else samples
    answers: list[Json] = ["a", "b", "c", "new", None]
    item: types.Type = CHOICE
    if rule == "quorum":
        args = {**args, "votes": data.draw(st.integers(1, len(samples)))}
    if rule == "unanimous":
        args.pop("ties", None)
    if rule == "weighted":
        weight = st.sampled_from([0.0, 0.25, 1.0])
        samples = [{"is": one, "sure": data.draw(weight)} if isinstance(one, str) else one for one in samples]
        answers = [None, *({"is": answer, "sure": weight} for answer in ("a", "b", "new") for weight in (0.0, 1.0))]
        args, item = {**args, "by": "sure"}, WEIGHED
    driven = vote(rule, samples, seed, launch, item, **args)

    def end(ballots: list[Json]) -> tuple[str, Json]:
        kind, value = full(rule, ballots, args)
        return kind, value["is"] if isinstance(value, dict) else value

    ends = {end(ballots) for ballots in fillings(samples, answers)}
    kind, value = driven.ended
    if kind == "value":
        assert ends == {("value", value["is"] if isinstance(value, dict) else value)}
    elif not fails_unsettled(driven):
        assert ends == {("error", None)}
    elif rule == "majority":
        counts = sorted(Counter(one for one in samples if isinstance(one, str)).values(), reverse=True)
        lead = (counts or [0])[0] - ([*counts, 0, 0])[1]
        assert lead <= samples.count(LOST) or sum(counts) < args.get("at_least", 1)
    tally = driven.reducer.tally(driven.launched)
    if tally is not None and LOST in samples:
        assert not (tally.settled and fails_unsettled(driven))
        assert tally.settled or kind == "error"
        # Where the flow looks on, `latency` counts a prefix alone.
        if driven.seen == len(samples) and launch != "latency":
            assert tally.missing == samples.count(LOST)
            assert tally.counted + tally.discarded + tally.missing == len(samples)


def test_the_recorded_case_has_no_value() -> None:
    driven = vote("majority", ["21", "18", "24", LOST, LOST], 0, "cost", types.TEXT)
    kind, said = driven.ended
    assert kind == "error"
    assert said == ("the vote is not settled: no answer leads (21 1, 18 1, 24 1), and 2 samples of 5 gave no answer")
    tally = driven.reducer.tally(5)
    assert tally is not None
    assert (tally.settled, tally.asked, tally.missing, tally.discarded) == (False, 5, 2, 0)
    assert (tally.agreement, tally.saved) == (0.2, 0)


@pytest.mark.parametrize(
    ("rule", "args", "samples", "value"),
    [
        ("majority", {}, ["a", "a", "a", LOST, LOST], "a"),
        ("majority", {}, ["a", "a", LOST, "b", "a", LOST], None),
        ("majority", {}, ["a", LOST], None),
        ("majority", {}, [None, None, "a"], "a"),
        ("majority", {"ties": "error"}, ["a", "b", LOST], None),
        ("majority", {"at_least": 3}, ["a", "a", LOST], None),
        ("quorum", {"votes": 3}, ["a", "a", "a", LOST, LOST], "a"),
        ("quorum", {"votes": 3}, ["a", "a", "b", LOST, "b"], None),
        ("quorum", {"votes": 2}, ["a", "a", "b", LOST, LOST], None),
        ("unanimous", {}, ["a", "a", LOST], None),
        ("unanimous", {}, ["a", "a", None], "a"),
        ("approval", {}, [["a"], ["a", "b"], ["a"], LOST], "a"),
        ("approval", {}, [["a"], ["a", "b"], LOST], None),
        ("approval", {}, [[], [], LOST], None),
        ("ranked", {}, [["a", "b"], ["a"], ["a"], ["b"], LOST], "a"),
        ("ranked", {}, [["a", "b"], ["a"], ["b"], LOST], None),
        ("ranked", {}, [[], LOST], None),
        ("ranked", {"method": "borda"}, [["a", "b", "c"]] * 4 + [LOST], "a"),
        ("ranked", {"method": "borda"}, [["a", "b", "c"]] * 2 + [LOST, LOST], None),
    ],
)
@pytest.mark.parametrize("launch", ["cost", "latency", "together"])
def test_votes_with_lost_samples(
    rule: str, args: dict[str, Json], samples: list[Json], value: Json, launch: str
) -> None:
    item = types.ListOf(CHOICE) if rule in ("approval", "ranked") else CHOICE
    driven = vote(rule, samples, 3, launch, item, **args)
    assert driven.ended[0] == ("error" if value is None else "value")
    assert value is None or driven.ended[1] == value
    assert fails_unsettled(driven) == (value is None)


def test_a_quorum_that_no_lost_sample_can_reach_has_failed() -> None:
    driven = vote("quorum", ["a", "b", "c", LOST], 0, "together", votes=3)
    assert driven.ended[0] == "error"
    assert not fails_unsettled(driven)


@pytest.mark.parametrize("method", ["runoff", "borda"])
@given(
    samples=st.lists(
        st.one_of(st.just(LOST), st.lists(st.sampled_from("abc"), max_size=3, unique=True)), min_size=1, max_size=6
    ),
    seed=st.integers(0, 99),
    known=st.booleans(),
)
@settings(max_examples=60)
def test_ranked_ballots_have_the_value_of_all_lists_or_none(
    method: str, samples: list[Json], seed: int, known: bool
) -> None:
    samples = [one for place, one in enumerate(samples) if one is not LOST or samples[:place].count(LOST) < 2]
    item = types.ListOf(CHOICE if known else types.TEXT)
    driven = vote("ranked", samples, seed, "cost", item, method=method)
    if driven.ended[0] == "error":
        return
    names = "abc" if known else "abcde"
    lists: list[Json] = [list(one) for size in range(4) for one in itertools.permutations(names, size)]
    for whole in fillings(samples, lists if samples.count(LOST) < 2 else lists[: 4 * len(names)]):
        assert vote("ranked", whole, 0, "together", item, method=method).ended == driven.ended


def test_what_can_settle_nothing_is_not_asked() -> None:
    majority = REDUCERS["majority"].make(Setting(5, 5, item=CHOICE))
    assert majority.wanted(0) == 3
    for index in range(3):
        majority.lose(index, sent=True)
    assert majority.wanted(3) == 0
    tally = majority.tally(3)
    assert tally is None
    ranked = REDUCERS["majority"].make(Setting(9, 9, item=CHOICE))
    ranked.lose(0, sent=False)
    ranked.add(1, "a")
    assert ranked.wanted(5) == 1
    tally = ranked.tally(5)
    assert tally is not None
    assert (tally.asked, tally.saved, tally.missing) == (4, 0, 1)


# Adaptive votes

RULES = [
    ("majority", {"confidence": 0.9}),
    ("majority", {"confidence": 0.5}),
    ("ahead", {"lead": 1}),
    ("ahead", {"lead": 2}),
    ("window", {"width": 2}),
    ("window", {"width": 3}),
]


@pytest.mark.parametrize(("rule", "args"), RULES)
@given(
    samples=st.lists(st.sampled_from(["a", "a", "a", "b", None, LOST]), min_size=2, max_size=11),
    least=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    launch=st.sampled_from(["cost", "latency", "together"]),
)
@settings(max_examples=60)
def test_an_adaptive_vote_has_the_value_of_the_first_sure_prefix_or_none(
    rule: str, args: dict[str, Json], samples: list[Json], least: int, seed: int, launch: str
) -> None:
    samples = [one for place, one in enumerate(samples) if one is not LOST or samples[:place].count(LOST) < 3]
    samples = [*samples, "a"]
    least = min(least, len(samples) - 1)
    driven = vote(rule, samples, seed, launch, least=least, **args)
    ends = set()
    for ballots in fillings(samples, ["a", "b", "new", None]):
        prefix = [one for one in ballots[: in_order(rule, args, least, ballots)] if one is not None]
        ends.add(max(prefix, key=lambda one: (prefix.count(one), -prefix.index(one))) if prefix else None)
    if driven.ended[0] == "value":
        assert ends == {driven.ended[1]}
    elif LOST in samples:
        assert fails_unsettled(driven)
    tally = driven.reducer.tally(driven.launched)
    assert tally is None or driven.ended[0] == "value" or not tally.settled


@pytest.mark.parametrize(
    ("rule", "args", "samples", "value", "launched"),
    [
        # The lost one counts against the leader: two more ballots are asked than without it.
        ("ahead", {"lead": 2}, ["a", LOST, "a", "a", "b"], "a", 4),
        ("ahead", {"lead": 2}, ["a", "a", LOST, "b", "b"], "a", 2),
        # It could have ended the vote for an answer that nobody else gave.
        ("ahead", {"lead": 1}, [LOST, "a", "a", "a"], None, 1),
        # It could have ended the vote for `b`.
        ("ahead", {"lead": 2}, ["b", LOST, "a", "a", "a", "a", "a", "a"], None, 4),
        ("window", {"width": 2}, ["a", LOST, "a", "a", "a", "a"], "a", 4),
        ("window", {"width": 2}, ["b", LOST, "a", "a", "a", "a"], None, 4),
        ("majority", {"confidence": 0.9}, ["a", LOST, *"aaaaaa"], "a", 6),
    ],
)
def test_a_hole_in_the_prefix(
    rule: str, args: dict[str, Json], samples: list[Json], value: Json, launched: int
) -> None:
    driven = vote(rule, samples, 0, "cost", least=1, **args)
    assert driven.ended[0] == ("error" if value is None else "value")
    assert value is None or driven.ended[1] == value
    assert driven.launched == launched
