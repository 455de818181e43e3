"""Votes tell how many changed ballots they stand against. Each told number is tried against all changes there are."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import types
from flowrun.runtime.reducers import REDUCERS, ReduceError, Setting
from support.ballot_box import LOST, Driven, drive, shuffled
from support.driven_votes import CHOICE, WEIGHED
from support.soak import share
from support.standing_by_hand import ADAPTIVE, LISTS, overturned, winner, worlds

Json = Any
LETTERS = types.Choice(("a", "b", "c", "d"))
EXACT = ["majority", "quorum", "weighted", "approval", "unanimous"]
EVERY = [*EXACT, "ranked", "borda", *ADAPTIVE]
MOST_WORLDS = 3000


def ballots_of(rule: str, rng: random.Random, most: int) -> list[Json]:
    """Draw ballots that lean to one answer, so that many votes stand against some."""
    share = rng.choice([0.5, 0.7, 0.85, 1.0])
    weights = rng.choice([[0.5], [0.5, 1.0], [0.0, 0.5, 1.0, 1.0], [1.0]])

    def answer() -> str:
        return "a" if rng.random() < share else rng.choice("bc")

    def one() -> Json:
        if rng.random() < 0.08:
            return None
        match rule:
            case "weighted":
                return {"is": answer(), "sure": rng.choice(weights)}
            case "approval":
                return list(dict.fromkeys(answer() for _ in range(rng.randint(1, 2))))
            case "ranked" | "borda":
                first = answer()
                return rng.choice([ranking for ranking in LISTS if ranking[0] == first])
        return answer()

    return [one() for _ in range(most)]


def args_of(rule: str, rng: random.Random, most: int) -> dict[str, Json]:
    args: dict[str, Json] = {}
    if rng.random() < 0.2:
        args["at_least"] = rng.randint(1, most)
    if rng.random() < 0.2 and rule not in ("unanimous", "ranked", "borda"):
        args["ties"] = rng.choice(["first", "error"])
    match rule:
        case "quorum":
            args["votes"] = rng.randint(1, most)
        case "ahead":
            args["lead"] = rng.randint(1, 3)
        case "confident":
            args["confidence"] = rng.choice([0.7, 0.8, 0.9, 0.95])
        case "window":
            args["width"] = rng.randint(2, 3)
    return args


def least_of(rule: str, rng: random.Random, most: int) -> int:
    return rng.randint(1, max(1, most - 1)) if rule in ADAPTIVE else 0


def setting_of(rule: str, most: int, least: int, args: dict[str, Json], launch: str) -> tuple[str, Setting]:
    lists = rule in ("approval", "ranked", "borda")
    item = types.ListOf(CHOICE) if lists else WEIGHED if rule == "weighted" else LETTERS
    name = {"borda": "ranked", "confident": "majority"}.get(rule, rule)
    more = {"by": "sure"} if rule == "weighted" else {"method": "borda"} if rule == "borda" else {}
    return name, Setting(least or most, most, args={**args, **more}, launch=launch, item=item)


def possible_of(rule: str, most: int, least: int, args: dict[str, Json]) -> int:
    """Return the greatest number that a vote takes for `stands`."""
    for stands in range(1, most + 1):
        name, setting = setting_of(rule, most, least, {**args, "stands": stands}, "cost")
        try:
            REDUCERS[name].make(setting)
        except ReduceError:
            return stands - 1
    return most


def answer_of(driven: Driven) -> str | None:
    """Return the winner of a vote; None if it failed."""
    kind, value = driven.ended
    return None if kind == "error" else str(value["is"] if isinstance(value, dict) else value)


class Case:
    """A vote over drawn ballots, driven to its end in a drawn order of arrival."""

    def __init__(self, rule: str, seed: int, most: int, stands: int | None = None, lost: int = 0) -> None:
        rng = random.Random(f"{rule} {seed}")
        self.rule = rule
        self.ballots = ballots_of(rule, rng, most)
        self.args = args_of(rule, rng, most)
        self.least = least_of(rule, rng, most)
        self.launch = rng.choice(["cost", "latency", "together"])
        for place in rng.sample(range(most), min(lost, most)):
            self.ballots[place] = LOST
        given = self.args if stands is None else {**self.args, "stands": stands}
        self.name, self.setting = setting_of(rule, most, self.least, given, self.launch)
        self.seed = rng.randrange(2**32)
        self.refused = ""
        self.driven: Driven | None = None
        try:
            reducer = REDUCERS[self.name].make(self.setting)
        except ReduceError as error:
            self.refused = str(error)
        else:
            self.driven = drive(reducer, self.ballots, shuffled(self.seed))

    @property
    def value(self) -> str | None:
        """The winner of the vote; None if it failed."""
        return None if self.driven is None else answer_of(self.driven)

    @property
    def told(self) -> int:
        assert self.driven is not None
        tally = self.driven.reducer.tally(self.driven.launched)
        assert tally is not None
        assert tally.stands is not None
        return tally.stands

    @property
    def open_places(self) -> set[int]:
        """The places of samples that the vote knows nothing of: those that were never counted, and lost ones."""
        assert self.driven is not None
        seen: set[int] = vars(self.driven.reducer)["_seen"]
        return {place for place, one in enumerate(self.ballots) if place not in seen or one is LOST}

    def overturned(self, changed: int) -> list[Json] | None:
        return overturned(self.rule, self.ballots, self.open_places, changed, self.args, self.least)

    def too_much(self, changed: int) -> bool:
        """Tell whether there are too many worlds to try."""
        return bool(len(worlds(self.rule)) ** (changed + len(self.open_places)) > MOST_WORLDS)


def check_told(rule: str, seed: int, most: int) -> tuple[int, int]:
    """Try the number that a vote tells. Return it and the number of tries that were possible."""
    case = Case(rule, seed, most)
    if case.value is None:
        return 0, 0
    told, tried = case.told, 0
    if told and not case.too_much(min(told, 3)):
        tried += 1
        assert case.overturned(min(told, 3)) is None, (rule, seed, most, told)
    if rule in EXACT and told < 3 and not case.too_much(told + 1):
        tried += 1
        assert case.overturned(told + 1) is not None, (rule, seed, most, told)
    return told, tried


@pytest.mark.parametrize("rule", EVERY)
def test_no_change_of_as_many_ballots_as_told_changes_the_winner(rule: str) -> None:
    """In exact votes one more changed ballot can change it."""
    seeds = 120 if rule in ADAPTIVE else 30
    told = [check_told(rule, seed, most) for most in range(1, 7) for seed in range(seeds)]
    assert sum(tried for _, tried in told) > 20
    assert rule == "unanimous" or max(one for one, _ in told) > 0


def check_declared(rule: str, seed: int, most: int, stands: int) -> str:
    """Try a vote that is to stand. Return its outcome in a word."""
    case, plain = Case(rule, seed, most, stands), Case(rule, seed, most)
    if case.refused:
        assert possible_of(rule, most, case.least, case.args) < stands
        return "refused"
    assert case.driven is not None
    if case.value is not None:
        assert case.value == plain.value
        assert case.told >= stands
        if not case.too_much(stands):
            assert case.overturned(stands) is None, (rule, seed, most, stands)
            return "tried"
        return "value"
    if rule in EXACT and len(worlds(rule)) ** stands <= MOST_WORLDS:
        # All ballots are known here, so the vote must not fail if all of them stand.
        known = winner(rule, case.ballots, case.args)
        found = overturned(rule, case.ballots, set(), stands, case.args)
        assert known is None or found is not None, (rule, seed, most, stands)
    return "failed"


@pytest.mark.parametrize("stands", [1, 2])
@pytest.mark.parametrize("rule", EVERY)
def test_a_vote_that_is_to_stand_ends_with_a_value_exactly_if_it_stands(rule: str, stands: int) -> None:
    ends = [check_declared(rule, seed, most, stands) for most in range(1, 7) for seed in range(14)]
    assert "refused" in ends
    if rule != "unanimous":
        assert {"tried", "failed"} <= set(ends)


@pytest.mark.slow
@pytest.mark.parametrize("rule", EVERY)
def test_certificates_of_nine_ballots_against_brute_force(rule: str) -> None:
    for most in (7, 8, 9):
        for seed in range(1000, 1000 + share(400)):
            check_told(rule, seed, most)
            check_declared(rule, seed, most, 1 + seed % 3)


# Lost samples, orders of arrival, and the figures of the plan


@pytest.mark.parametrize("rule", EVERY)
def test_a_vote_that_loses_as_many_samples_as_told_has_the_same_winner(rule: str) -> None:
    """The vote itself is driven again, in another order. It may need more samples, but it does not fail."""
    lost = 0
    for seed in range(150):
        case = Case(rule, seed, 7)
        if case.value is None or not case.told:
            continue
        rng = random.Random(seed)
        known = sorted(set(range(7)) - case.open_places)
        for _ in range(4):
            samples = list(case.ballots)
            for place in rng.sample(known, case.told):
                samples[place] = LOST
            driven = drive(REDUCERS[case.name].make(case.setting), samples, shuffled(rng.randrange(2**32)))
            assert answer_of(driven) == case.value, (rule, seed, samples)
            lost += 1
    assert rule == "unanimous" or lost > 20


def test_the_number_of_an_exact_vote_is_no_matter_of_time() -> None:
    for rule in EXACT:
        for seed in range(60):
            case = Case(rule, seed, 8)
            found = set()
            for order in range(5):
                _, setting = setting_of(rule, 8, 0, case.args, "together")
                driven = drive(REDUCERS[case.name].make(setting), case.ballots, shuffled(order))
                tally = driven.reducer.tally(driven.launched)
                found.add(None if tally is None else tally.stands)
            assert len(found) == 1


UNANIMOUS = {"weighted": {"is": "a", "sure": 1.0}, "approval": ["a"], "ranked": ["a", "b"], "borda": ["a", "b", "c"]}


@pytest.mark.parametrize("rule", [rule for rule in EVERY if rule not in ("ranked", "borda")])
@given(data=st.data(), most=st.integers(1, 24), seed=st.integers(0, 2**32))
@settings(max_examples=120)
def test_a_vote_of_one_mind_stands_against_the_greatest_number(
    rule: str, data: st.DataObject, most: int, seed: int
) -> None:
    """It takes the fewest samples of the plan, for each number that the rule can reach. Greater ones are refused."""
    rng = random.Random(seed)
    least, args = least_of(rule, rng, most), args_of(rule, rng, most)
    name, _ = setting_of(rule, most, least, args, "cost")
    spec = REDUCERS[name].spec
    possible = possible_of(rule, most, least, args)
    ballots = [UNANIMOUS.get(rule, "a")] * most
    whole = drive(REDUCERS[name].make(setting_of(rule, most, least, args, "together")[1]), ballots, shuffled(seed))
    if rule in EXACT and whole.ended[0] == "value":
        tally = whole.reducer.tally(most)
        assert tally is not None
        assert tally.stands == possible
    stands = data.draw(st.integers(1, max(1, possible)))
    _, wanting = setting_of(rule, most, least, {**args, "stands": stands}, "cost")
    if possible:
        driven = drive(REDUCERS[name].make(wanting), ballots, shuffled(seed))
        assert driven.ended[0] == "value"
        fewest = spec.fewest(wanting.least, most, wanting.args)
        # A quorum may end sooner, when too many ballots differ.
        assert driven.launched == driven.seen >= fewest
        assert rule == "quorum" or driven.seen == fewest
        assert not driven.flying
    _, beyond = setting_of(rule, most, least, {**args, "stands": possible + 1}, "cost")
    with pytest.raises(ReduceError, match=f"can never stand against {possible + 1}: "):
        REDUCERS[name].make(beyond)


@pytest.mark.parametrize("right", [0.7, 0.9])
@pytest.mark.parametrize(
    ("rule", "args", "least", "most"),
    [
        ("majority", {"stands": 2}, 15, 15),
        ("majority", {"stands": 1, "at_least": 12}, 13, 13),
        ("quorum", {"votes": 8, "stands": 2}, 12, 12),
        ("quorum", {"votes": 3, "stands": 1}, 12, 12),
        ("majority", {"confidence": 0.95, "stands": 1}, 3, 15),
    ],
)
def test_the_expected_samples_of_a_vote_that_is_to_stand_are_the_mean(
    rule: str, args: dict[str, Json], least: int, most: int, right: float
) -> None:
    spec = REDUCERS[rule].spec
    assert spec.expected is not None
    expected = spec.expected(least, most, args, right)
    assert expected is not None
    rng = random.Random(7)
    taken = []
    for _ in range(300):
        ballots = ["a" if rng.random() < right else "b" for _ in range(most)]
        driven = drive(REDUCERS[rule].make(Setting(least, most, args=args, item=LETTERS)), ballots, shuffled(1))
        taken.append(driven.launched)
    mean = sum(taken) / len(taken)
    spread = (sum((one - mean) ** 2 for one in taken) / len(taken)) ** 0.5 / len(taken) ** 0.5
    # An adaptive vote may fail earlier, when another answer could have ended it.
    slack = 0.6 if least < most else 0
    assert -4 * spread - 1e-9 <= expected - mean <= 4 * spread + slack + 1e-9
