"""What every reducer must keep, and what those that do not count ballots make of their results."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import MOST_BITS, Given, Refusal, types
from flowrun.runtime.reducers import REDUCERS, ReduceError, Rule, Setting
from support.ballot_box import drive, ended

Json = Any
RULES = pytest.mark.parametrize("rule", REDUCERS.values(), ids=REDUCERS)
NOTE = types.Record(
    (
        types.Field("label", types.Choice(("aye", "nay"))),
        types.Field("score", types.Range(0, 3)),
        types.Field("more", types.Optional(types.TEXT)),
    )
)
CHOICE = st.sampled_from(["aye", "nay"])
SAMPLES: dict[types.Type, st.SearchStrategy[Json]] = {
    types.TEXT: st.sampled_from(["a", "b", "A.", ""]),
    types.INT: st.integers(0, 3),
    types.NUMBER: st.sampled_from([0, 0.5, 1, 1.0]),
    types.BOOL: st.booleans(),
    types.Choice(("aye", "nay")): CHOICE,
    types.ListOf(types.Choice(("aye", "nay"))): st.lists(CHOICE, max_size=3),
    types.ListOf(types.TEXT): st.lists(st.sampled_from(["a", "b"]), max_size=3),
    types.JSON: st.sampled_from([None, 1, "a", [1], {"a": 1}]),
    NOTE: st.fixed_dictionaries({"label": CHOICE, "score": st.integers(0, 3), "more": st.sampled_from([None, "x"])}),
}
ARGS: dict[str, dict[str, Json]] = {
    "quorum": {"votes": 1},
    "weighted": {"by": "score", "of": "label"},
    "ahead": {"lead": 2},
    "window": {"width": 2},
    "best": {"by": "score"},
    "rank": {"by": "score"},
    "consistent": {"judge": None},
}
"""Arguments for rules that need some."""
TIMED = {"first"}
"""Rules whose value is a matter of time."""


def given_for(rule: Rule, type_: types.Type, most: int = 5) -> Given:
    least = 1 if rule.spec.name in ("ahead", "window") else most
    return Given(type_, least, most, ARGS.get(rule.spec.name, {}))


def taken(rule: Rule) -> list[types.Type]:
    """The types of results that a rule takes."""
    return [type_ for type_ in SAMPLES if not isinstance(rule.spec.result(given_for(rule, type_)), Refusal)]


def setting(rule: Rule, type_: types.Type, most: int, launch: str, names: tuple[str, ...] = ()) -> Setting:
    least = 1 if rule.spec.name in ("ahead", "window") else most
    return Setting(min(least, most), most, names, ARGS.get(rule.spec.name, {}), launch, type_)


@RULES
def test_a_rule_declares_itself(rule: Rule) -> None:
    assert REDUCERS[rule.spec.name] is rule
    assert rule.spec.name.isidentifier()
    assert rule.spec.summary
    assert taken(rule)
    assert rule.spec.spares or not rule.spec.votes
    for type_ in SAMPLES:
        result = rule.spec.result(given_for(rule, type_))
        if isinstance(result, Refusal):
            assert result.message
            assert result.help


@RULES
@given(data=st.data())
@settings(max_examples=40)
def test_the_value_does_not_depend_on_the_order_of_arrival(rule: Rule, data: st.DataObject) -> None:
    if rule.spec.name in TIMED:
        return
    type_ = data.draw(st.sampled_from(taken(rule)))
    results = data.draw(st.lists(SAMPLES[type_], min_size=1, max_size=6))
    lost = data.draw(st.sets(st.integers(0, 5)))
    outcomes = []
    for _ in range(2):
        reducer = rule.make(setting(rule, type_, len(results), "together"))
        for index in data.draw(st.permutations(range(len(results)))):
            if index in lost:
                reducer.skip(index)
            else:
                reducer.add(index, results[index])
        outcomes.append((ended(reducer), reducer.tally(len(results))))
    assert repr(outcomes[0]) == repr(outcomes[1])


@RULES
@given(data=st.data())
@settings(max_examples=40)
def test_deciding_is_for_good_and_nothing_is_launched_twice(rule: Rule, data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(taken(rule)))
    results = data.draw(st.lists(SAMPLES[type_], min_size=1, max_size=7))
    launch = data.draw(st.sampled_from(["cost", "latency", "together"]))
    most = len(results)
    reducer = rule.make(setting(rule, type_, most, launch))
    driven = drive(reducer, results, lambda out: data.draw(st.integers(0, out - 1)))
    args = ARGS.get(rule.spec.name, {})
    least = 1 if rule.spec.name in ("ahead", "window") else most
    complete = all(one is not None for one in results)
    assert (
        driven.seen >= min(most, rule.spec.fewest(min(least, most), most, args)) or launch == "together" or not complete
    )
    if driven.seen < most:
        for index in [*driven.flying, *range(driven.launched, most)]:
            reducer.add(index, results[index])
            assert reducer.decided
        if rule.spec.name not in TIMED:
            assert ended(reducer)[0] == driven.ended[0]
            if driven.ended[0] == "value":
                assert repr(ended(reducer)) == repr(driven.ended)


@RULES
def test_after_a_fanout_a_rule_combines_the_branches(rule: Rule) -> None:
    if rule.spec.name in ("ahead", "window"):
        assert isinstance(
            rule.spec.result(Given(types.BOOL, None, 2, ARGS[rule.spec.name], {"x": types.BOOL})), Refusal
        )
        return
    type_ = taken(rule)[0]
    branches = {"left": type_, "right": type_}
    assert not isinstance(rule.spec.result(Given(type_, None, 2, ARGS.get(rule.spec.name, {}), branches)), Refusal)
    reducer = rule.make(setting(rule, type_, 2, "together", ("left", "right")))
    note = {"label": "aye", "score": 1, "more": None}
    value = note if type_ is NOTE else ["aye"] if isinstance(type_, types.ListOf) else 2 if type_ == types.INT else "a"
    reducer.add(1, value)
    reducer.add(0, value)
    expected = {
        "collect": {"left": value, "right": value},
        "concat": "a\n\na",
        "flatten": ["aye", "aye"],
        "rank": [note, note],
        "dedupe": [value],
        "approval": "aye",
        "ranked": "aye",
        "count": 2,
        "sum": 4,
        "mean": 2.0,
        "median": 2.0,
    }
    assert reducer.value() == expected.get(rule.spec.name, value)


@pytest.mark.parametrize(
    ("name", "value"), [("collect", []), ("concat", ""), ("flatten", []), ("count", 0), ("sum", 0)]
)
def test_nothing_makes_nothing(name: str, value: Json) -> None:
    assert REDUCERS[name].make(Setting(0, 0)).value() == value


@pytest.mark.parametrize("name", ["mean", "median", "best", "merge", "first"])
def test_nothing_has_no_value(name: str) -> None:
    args = {"by": "score"} if name == "best" else {}
    with pytest.raises(ReduceError):
        REDUCERS[name].make(Setting(0, 0, args=args)).value()


@pytest.mark.parametrize("name", REDUCERS)
def test_a_rule_says_whether_it_needs_results(name: str) -> None:
    rule = REDUCERS[name]
    try:
        rule.make(Setting(0, 0, args=ARGS.get(name, {}))).value()
    except ReduceError:
        assert rule.spec.needs or rule.spec.votes
    else:
        assert not (rule.spec.needs or rule.spec.votes)


def reduced(name: str, results: list[Json], item: types.Type = types.UNKNOWN, **args: Json) -> Json:
    reducer = REDUCERS[name].make(Setting(len(results), len(results), args=args, item=item))
    for index, one in reversed(list(enumerate(results))):
        reducer.add(index, one)
    return reducer.value()


@pytest.mark.parametrize(
    ("name", "results", "args", "value"),
    [
        ("collect", ["a", None], {}, ["a", None]),
        ("concat", ["a", None, "b"], {"separator": ", "}, "a, b"),
        ("flatten", [["a"], None, ["b"]], {}, ["a", "b"]),
        ("count", ["aye", None, "nay", "Aye."], {}, 3),
        ("count", ["aye", None, "nay", "Aye."], {"of": "aye"}, 2),
        ("count", [True, False, True], {"of": True}, 2),
        ("sum", [1, None, 2], {}, 3),
        ("sum", [0.1] * 10, {}, 1.0),
        ("sum", [{"n": 2}, {"n": None}], {"by": "n"}, 2),
        ("mean", [1, 2, 4, 5], {}, 3.0),
        ("mean", [1, None, 2], {}, 1.5),
        ("median", [9, 1, 2], {}, 2.0),
        ("median", [1, 2], {}, 1.5),
        ("best", [{"s": 1, "t": "a"}, {"s": 3, "t": "b"}, {"s": 3, "t": "c"}], {"by": "s"}, {"s": 3, "t": "b"}),
        ("best", [{"s": 1}, {"s": 3}], {"by": "s", "order": "low"}, {"s": 1}),
        ("rank", [{"s": 1}, None, {"s": None}, {"s": 3}], {"by": "s"}, [{"s": 3}, {"s": 1}, {"s": None}]),
        ("rank", [{"s": 1}, {"s": 3}], {"by": "s", "order": "low"}, [{"s": 1}, {"s": 3}]),
        ("rank", [{"s": 1}, {"s": 3}, {"s": 2}], {"by": "s", "top": 2}, [{"s": 3}, {"s": 2}]),
        ("rank", [{"s": 1}], {"by": "s", "top": 2}, [{"s": 1}]),
        ("dedupe", ["a", None, "A", "a", 1, True, 1.0], {}, ["a", "A", 1, True]),
        ("dedupe", [{"a": [1]}, {"a": [1.0]}, {"a": [2]}], {}, [{"a": [1]}, {"a": [2]}]),
        ("dedupe", [{"s": 1, "t": 1}, {"s": 1, "t": 2}, {"s": None}], {"by": "s"}, [{"s": 1, "t": 1}, {"s": None}]),
        ("merge", [{"a": None, "b": 1}, {"a": 2, "b": 3}], {}, {"a": 2, "b": 1}),
        ("merge", [{"a": [1]}, {"a": []}, {"a": [2]}], {}, {"a": [1, 2]}),
    ],
)
def test_what_rules_make(name: str, results: list[Json], args: dict[str, Json], value: Json) -> None:
    assert reduced(name, results, **args) == value


LARGEST = (1 << MOST_BITS) - 1


@pytest.mark.parametrize("rule", ["sum", "mean", "median"])
@pytest.mark.parametrize("results", [[10**400, 0.5, 10**400], [{"n": 10**400}, {"n": 1e308}, {"n": 10**400}]])
def test_a_number_that_no_float_holds_is_refused_in_a_sentence(rule: str, results: list[Json]) -> None:
    with pytest.raises(ReduceError, match=f"the {rule} of the results is too large a number"):
        reduced(rule, results, by="n" if isinstance(results[0], dict) else None)


def test_a_sum_is_no_longer_than_what_can_be_written() -> None:
    assert reduced("sum", [LARGEST - 1, 1]) == LARGEST
    assert reduced("sum", [-LARGEST, 1, -1]) == -LARGEST
    for results in ([LARGEST, 1], [-LARGEST, -1], [1e308, 1e308]):
        with pytest.raises(ReduceError, match="too large a number"):
            reduced("sum", results)
    assert reduced("sum", [1e308, 1e308, -1e308]) == 1e308
    assert reduced("mean", [1e308, 1e308]) == 1e308


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=8), st.randoms())
def test_a_sum_is_the_same_in_any_order(numbers: list[float], rng: Any) -> None:
    mixed = numbers[:]
    rng.shuffle(mixed)
    assert reduced("sum", numbers) == reduced("sum", mixed)
    assert reduced("mean", numbers) == reduced("mean", mixed)


def test_merging_takes_no_list_from_the_results() -> None:
    results = [{"a": [1]}, {"a": [2]}]
    assert reduced("merge", results) == {"a": [1, 2]}
    assert results == [{"a": [1]}, {"a": [2]}]


def test_a_race_is_won_by_what_is_there_first() -> None:
    race = REDUCERS["first"].make(Setting(3, 3))
    assert race.wanted(0) == 3
    race.skip(0)
    race.add(2, None)
    assert not race.decided
    race.add(1, "b")
    assert race.decided
    race.add(0, "a")
    assert race.value() == "b"


# Judges


@given(st.integers(2, 7), st.integers(0, 2**32), st.data())
def test_a_judge_sees_the_candidates_both_ways(count: int, seed: int, data: st.DataObject) -> None:
    results = [f"candidate {place}" for place in range(count)]
    favourite = data.draw(st.sampled_from(results))
    best = REDUCERS["best"].make(Setting(count, count, asks=True, seed=seed))
    for place in data.draw(st.permutations(range(count))):
        best.add(place, results[place])
    one, other = best.questions()
    assert one.results == other.results[::-1]
    assert sorted(one.results) == results
    assert one.answer == types.Range(1, count)
    again = REDUCERS["best"].make(Setting(count, count, asks=True, seed=seed))
    for place in range(count):
        again.add(place, results[place])
    assert again.questions()[0].results == one.results
    best.heard([one.results.index(favourite) + 1, other.results.index(favourite) + 1])
    assert best.value() == favourite


def test_a_judge_that_leans_to_a_place_decides_nothing() -> None:
    best = REDUCERS["best"].make(Setting(2, 2, asks=True, seed=4))
    best.add(0, "a")
    best.add(1, "b")
    best.questions()
    best.heard([1, 1])
    assert best.value() == "a"


@given(st.permutations(range(5)), st.integers(0, 2**32))
def test_a_judge_ranks(order: list[int], seed: int) -> None:
    rank = REDUCERS["rank"].make(Setting(5, 5, asks=True, seed=seed))
    for place in range(5):
        rank.add(place, f"c{place}")
    wanted = [f"c{place}" for place in order]
    rank.heard([[shown.results.index(one) + 1 for one in wanted] for shown in rank.questions()])
    assert rank.value() == wanted


def test_one_candidate_needs_no_judge() -> None:
    best = REDUCERS["best"].make(Setting(2, 2, asks=True))
    best.skip(0)
    best.add(1, "b")
    assert best.questions() == ()
    assert best.value() == "b"


# What rules refuse


@pytest.mark.parametrize(
    ("name", "item", "args", "said"),
    [
        ("quorum", types.BOOL, {"votes": 7}, "an answer cannot have 7 votes in a vote of 5"),
        ("majority", NOTE, {}, "a vote counts equal answers"),
        ("majority", NOTE, {"by": "lable"}, "no field `lable`"),
        ("majority", types.BOOL, {"by": "label"}, "which has no fields"),
        ("ahead", types.BOOL, {"lead": 2}, "here the number is fixed"),
        ("window", types.BOOL, {"width": 2}, "here the number is fixed"),
        ("weighted", NOTE, {"by": "label"}, "a weight must be a number with a range,"),
        ("weighted", NOTE, {"by": "score"}, "the vote needs the name of the field with the answer"),
        ("approval", types.BOOL, {}, "a list of answers"),
        ("ranked", types.BOOL, {}, "a list of answers"),
        ("best", NOTE, {}, "needs either"),
        ("best", NOTE, {"by": "score", "judge": None}, "needs either"),
        ("best", NOTE, {"by": "label"}, "takes numbers"),
        ("rank", NOTE, {"judge": None, "order": "low"}, "`order` works only with a field:"),
        ("mean", types.TEXT, {}, "`mean` takes numbers"),
        ("sum", NOTE, {}, "`sum` takes numbers"),
        ("merge", types.TEXT, {}, "`merge` joins records"),
        ("count", types.Choice(("aye", "nay")), {"of": "ay"}, "a result can never be `ay`"),
    ],
)
def test_what_rules_refuse(name: str, item: types.Type, args: dict[str, Json], said: str) -> None:
    result = REDUCERS[name].spec.result(Given(item, 5, 5, args))
    assert isinstance(result, Refusal)
    assert said in result.message


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "needs either"),
        ({"lead": 2, "target": 0.9}, "needs either"),
        ({"lead": 12}, "an answer cannot be 12 votes ahead in a vote of 9"),
        ({"lead": 2, "steps": 3}, "`steps` works only with a target"),
        ({"target": 0.999999, "steps": 10**9, "right": 0.6}, "votes ahead in a vote of 9"),
    ],
)
def test_a_lead_that_cannot_be(args: dict[str, Json], said: str) -> None:
    result = REDUCERS["ahead"].spec.result(Given(types.BOOL, 3, 9, args))
    assert isinstance(result, Refusal)
    assert said in result.message
