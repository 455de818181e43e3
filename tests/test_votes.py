"""Exact votes end as all their ballots would have it, whatever the order in which the ballots come."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import types
from flowrun.runtime.reducers import REDUCERS, ReduceError, Setting
from flowrun.runtime.reducers.ballots import normal
from support.counted_by_hand import full
from support.driven_votes import BALLOTS, CHOICE, LAUNCH, WEIGHED, Json, vote

WEIGHTS = st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.7, 1.0])


def sequential(rule: str, ballots: list[Json], args: dict[str, Json]) -> int:
    """The fewest ballots, taken in order, after which nothing that may follow can change the end; by trying all."""
    item = WEIGHED if rule == "weighted" else CHOICE
    worlds: list[Json] = ["a", "b", "c", "d", None]
    if rule == "weighted":
        worlds = [None, *({"is": answer, "sure": 1.0} for answer in "abcd")]
    for taken in range(len(ballots) + 1):
        ends = set()
        for rest in itertools.product(worlds, repeat=len(ballots) - taken):
            kind, value = full(rule, [*ballots[:taken], *rest], args)
            ends.add((kind, value["is"] if isinstance(value, dict) else value))
            if len(ends) > 1:
                break
        if len(ends) == 1:
            return taken
    raise AssertionError(item)


ARGS = st.fixed_dictionaries({}, optional={"at_least": st.integers(1, 3), "ties": st.sampled_from(["first", "error"])})


# Exact votes


@pytest.mark.parametrize("rule", ["majority", "quorum", "unanimous", "weighted"])
@given(ballots=BALLOTS, seed=st.integers(0, 2**32), launch=LAUNCH, args=ARGS, data=st.data())
@settings(max_examples=250)
def test_an_exact_vote_is_that_of_all_ballots(
    rule: str, ballots: list[Json], seed: int, launch: str, args: dict[str, Json], data: st.DataObject
) -> None:
    if rule == "quorum":
        args = {**args, "votes": data.draw(st.integers(1, len(ballots)))}
    if rule == "unanimous":
        args.pop("ties", None)
    item: types.Type = CHOICE
    if rule == "weighted":
        ballots = [one and {"is": one, "sure": data.draw(WEIGHTS)} for one in ballots]
        args, item = {**args, "by": "sure"}, WEIGHED
    driven = vote(rule, ballots, seed, launch, item, **args)
    kind, value = full(rule, ballots, args)
    assert driven.ended[0] == kind
    if kind == "value":
        assert driven.ended[1] == value
        tally = driven.reducer.tally(driven.launched)
        assert tally is not None
        assert tally.winner == value
        assert tally.planned == len(ballots)
        assert 0 <= tally.agreement <= 1
        assert tally.margin >= 0
        assert tally.saved == len(ballots) - driven.launched
    assert driven.launched <= len(ballots)
    if launch == "cost" and (rule != "quorum" or None not in ballots):
        assert driven.flying == [], "an answer was asked for that was not needed"


@pytest.mark.parametrize("rule", ["majority", "quorum", "unanimous", "weighted"])
@given(
    ballots=st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=5), seed=st.integers(0, 99), data=st.data()
)
@settings(max_examples=60)
def test_launched_for_cost_a_vote_takes_the_fewest_there_can_be(
    rule: str, ballots: list[Json], seed: int, data: st.DataObject
) -> None:
    args: dict[str, Json] = {"ties": "error"} if rule in ("majority", "quorum") else {}
    if rule == "quorum":
        # Of the first two one may fail, and so may the quorum: nobody waits to see that.
        ballots = ["a" if one is None else one for one in ballots]
        args["votes"] = data.draw(st.integers(1, len(ballots)))
    item: types.Type = CHOICE
    if rule == "weighted":
        ballots = [one and {"is": one, "sure": data.draw(st.sampled_from([0.25, 1.0]))} for one in ballots]
        args, item = {"by": "sure", "ties": "error"}, WEIGHED
    driven = vote(rule, ballots, seed, "cost", item, **args)
    assert driven.launched == driven.seen == sequential(rule, ballots, args)


@pytest.mark.parametrize("most", range(1, 8))
def test_every_vote_of_three_answers_ends_as_early_as_it_may(most: int) -> None:
    """All ballots there are: no vote stops while another end is possible, none goes on when there is none."""
    for ballots in itertools.product("abc", repeat=most):
        majority = REDUCERS["majority"].make(Setting(most, most))
        for index, ballot in enumerate(ballots):
            majority.add(index, ballot)
            first, second = ([count for _, count in Counter(ballots[: index + 1]).most_common()] + [0])[:2]
            certain = first > second + most - index - 1
            assert majority.decided == certain
            if certain:
                assert majority.value() == full("majority", list(ballots), {})[1]
                break


@given(st.lists(st.sampled_from(["Yes", "yes.", " YES", "no", None]), min_size=1, max_size=7), st.data())
@settings(max_examples=150)
def test_which_writing_of_an_answer_wins_is_no_matter_of_time(ballots: list[Json], data: st.DataObject) -> None:
    for launch in ("cost", "latency", "together"):
        ends = {vote("majority", ballots, data.draw(st.integers(0, 2**32)), launch, types.TEXT).ended for _ in range(4)}
        assert len(ends) == 1


@given(BALLOTS, st.sampled_from(["cost", "latency"]), st.data())
@settings(max_examples=150)
def test_a_tally_that_the_flow_sees_is_no_matter_of_time(ballots: list[Json], launch: str, data: st.DataObject) -> None:
    tallies = []
    for _ in range(3):
        driven = vote("majority", ballots, data.draw(st.integers(0, 2**32)), launch)
        tally = driven.reducer.tally(0)
        tallies.append(tally and (tally.ballots, tally.agreement, tally.margin, tally.discarded))
    assert tallies[0] == tallies[1] == tallies[2]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_a_tie_goes_to_the_lowest_sample(order: tuple[int, ...]) -> None:
    ballots = ["nay", "aye", "aye", "nay"]
    first = REDUCERS["majority"].make(Setting(4, 4))
    strict = REDUCERS["majority"].make(Setting(4, 4, args={"ties": "error"}))
    asks = REDUCERS["majority"].make(Setting(4, 4, asks=True))
    for index in order:
        for one in (first, strict, asks):
            one.add(index, ballots[index])
    assert first.value() == "nay"
    with pytest.raises(ReduceError, match="tie: nay 2, aye 2"):
        strict.value()
    (question,) = asks.questions()
    assert question.results == ("nay", "aye")
    assert question.answer == types.Choice(("nay", "aye"))
    asks.heard(["aye"])
    assert asks.value() == "aye"
    tally = asks.tally(4)
    assert tally is not None
    assert (tally.winner, tally.agreement, tally.margin) == ("aye", 0.5, 0)


def test_a_tie_of_numbers_is_put_by_number() -> None:
    asks = REDUCERS["majority"].make(Setting(2, 2, asks=True))
    asks.add(0, 7)
    asks.add(1, 9)
    (question,) = asks.questions()
    assert question.answer == types.Range(1, 2)
    asks.heard([2])
    assert asks.value() == 9


def test_without_a_tie_nothing_is_asked() -> None:
    asks = REDUCERS["majority"].make(Setting(3, 3, asks=True))
    for index, ballot in enumerate("aab"):
        asks.add(index, ballot)
    assert asks.questions() == ()


def test_a_vote_without_ballots_has_no_winner() -> None:
    for enough in (0, 1, -1):
        empty = REDUCERS["majority"].make(Setting(2, 2, args={"at_least": enough}))
        empty.skip(0)
        empty.skip(1)
        assert empty.tally(2) is None
        with pytest.raises(ReduceError, match="0 of 2 ballots and needs 1: 2 answers failed or were not valid"):
            empty.value()


def test_too_few_ballots_show_the_tally() -> None:
    few = REDUCERS["majority"].make(Setting(3, 3, args={"at_least": 3}))
    few.add(0, "a")
    few.skip(1)
    few.skip(2)
    with pytest.raises(ReduceError, match=r"1 of 3 ballots and needs 3: .* \(a 1\)"):
        few.value()


def test_a_field_is_voted_on_and_the_whole_result_is_the_value() -> None:
    by = REDUCERS["majority"].make(Setting(3, 3, args={"by": "is"}))
    results = [{"is": "a", "why": "x"}, {"is": "b", "why": "y"}, {"is": "A", "why": "z"}]
    for index in (2, 1, 0):
        by.add(index, results[index])
    assert by.value() == results[0]
    tally = by.tally(3)
    assert tally is not None
    assert tally.ballots == (("a", 2), ("b", 1))
    assert tally.results[0] == (results[0], 2)
    assert tally.first == "a"


@pytest.mark.parametrize("weight", [-0.5, 1.5, None])
def test_a_weight_outside_its_range_is_no_ballot(weight: float | None) -> None:
    driven = vote(
        "weighted", [{"is": "a", "sure": weight}, {"is": "b", "sure": 0.1}], 1, "together", WEIGHED, by="sure"
    )
    assert driven.ended == ("value", {"is": "b", "sure": 0.1})
    tally = driven.reducer.tally(2)
    assert tally is not None
    assert tally.discarded == 1


def test_weights_decide_against_heads() -> None:
    heads = [{"is": "a", "sure": 0.2}, {"is": "a", "sure": 0.2}, {"is": "b", "sure": 1.0}]
    driven = vote("weighted", heads, 3, "cost", WEIGHED, by="sure")
    assert driven.ended[1]["is"] == "b"


# Lists of answers


@given(st.lists(st.one_of(st.none(), st.lists(st.sampled_from("abc"), max_size=3)), min_size=1, max_size=7), st.data())
@settings(max_examples=150)
def test_approval_counts_each_answer_of_a_ballot_once(ballots: list[Json], data: st.DataObject) -> None:
    launch = data.draw(LAUNCH)
    driven = vote("approval", ballots, data.draw(st.integers(0, 2**32)), launch, types.ListOf(CHOICE))
    counts: Counter[str] = Counter()
    named: dict[str, int] = {}
    for index, ballot in enumerate(ballots):
        for answer in dict.fromkeys(ballot or ()):
            counts[answer] += 1
            named.setdefault(answer, index)
    if not counts:
        assert driven.ended[0] == "error"
        return
    best = max(counts.values())
    winners = [answer for answer in counts if counts[answer] == best]
    assert driven.ended[1] in winners
    assert named[driven.ended[1]] == min(named[answer] for answer in winners)


@pytest.mark.parametrize(
    ("method", "winner"),
    # 8 lists: `a` has the most first places, `b` wins the runoff, `c` is liked best on the average.
    [("runoff", "b"), ("borda", "c")],
)
def test_ranked_ballots(method: str, winner: str) -> None:
    ballots = [*[["a", "c", "b"]] * 4, *[["b", "c", "a"]] * 3, *[["c", "b", "a"]] * 2]
    for seed in range(5):
        assert vote("ranked", ballots, seed, "cost", types.ListOf(CHOICE), method=method).ended == ("value", winner)


def test_a_runoff_by_hand() -> None:
    # The example of Wikipedia's "Instant-runoff voting" in small: nobody has half, the last goes, her votes move on.
    ballots = [["bob", "sue"], ["sue", "bob"], ["bill", "sue", "bob"], ["bob", "bill", "sue"], ["sue", "bob"]]
    driven = vote("ranked", ballots, 7, "together", types.ListOf(types.TEXT))
    assert driven.ended == ("value", "sue")
    tally = driven.reducer.tally(5)
    assert tally is not None
    assert tally.ballots == (("sue", 3), ("bob", 2))


def test_a_ranked_ballot_of_nothing_abstains() -> None:
    driven = vote("ranked", [[], ["a"]], 0, "cost", types.ListOf(CHOICE), at_least=2)
    assert driven.ended[0] == "error"


# Which answers are one


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Yes", "yes.", True),
        (" two  words ", "Two words", True),
        ("yes", "no", False),
        (1, 1.0, True),
        (1, True, False),
        (1, "1", False),
        ("18.0", "18", False),
        ("+18.50", "18.5", False),
        ("-0.0", "0", False),
        ("-3", "3", False),
        ("007", "7", False),
        ("1.2.3", "1.2.30", False),
        ("1e3", "1000", False),
        (9007199254740993, 9007199254740992, False),
        (10**400, 10**400, True),
        (None, "null", False),
        (True, False, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": ["Yes", 1.0]}, {"a": ["yes.", 1]}, True),
        ({"a": None}, {}, False),
        (["a", "b"], ["b", "a"], False),
    ],
)
def test_answers_that_mean_the_same_count_as_one(one: Json, other: Json, same: bool) -> None:
    assert (normal(one) == normal(other)) == same
