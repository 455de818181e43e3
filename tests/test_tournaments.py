"""Tournaments: `best` and `rank` with a judge that compares two candidates at a time, against a plain reference."""

from __future__ import annotations

import random
import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, bounds_of, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.reducers import REDUCERS
from flowrun.runtime.reducers.tournament import Knockout, Match, Pairs, Tournament
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run, stage

Table = dict[tuple[int, int], int]
"""The candidate that a judge names for two candidates in this order."""


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, Table]:
    number = draw(st.integers(2, 9))
    pairs = [(a, b) for a in range(number) for b in range(number) if a != b]
    return number, {pair: draw(st.sampled_from(pair)) for pair in pairs}


def play(tournament: Tournament, table: Table, dice: random.Random) -> list[Match]:
    todo, played = tournament.begin(), []
    while todo:
        match = todo.pop(dice.randrange(len(todo)))
        played.append(match)
        todo += tournament.end(match, (table[match.orders[0]], table[match.orders[1]]))
    return played


def reference(number: int, table: Table) -> int:
    """The winner of all pairs: by points, then by points among the equal ones, again and again, then by place."""
    group = list(range(number))
    while True:
        points = dict.fromkeys(group, 0.0)
        for a, b in combinations(group, 2):
            if table[a, b] == table[b, a]:
                points[table[a, b]] += 1
            else:
                points[a] += 0.5
                points[b] += 0.5
        top = [one for one in group if points[one] == max(points.values())]
        if len(top) == len(group) or len(top) == 1:
            return top[0]
        group = top


@given(tables(), st.integers(0, 99))
@settings(max_examples=300)
def test_pairs_have_the_winner_of_the_reference(given: tuple[int, Table], seed: int) -> None:
    number, table = given
    tournament = Pairs(range(number))
    played = play(tournament, table, random.Random(seed))
    assert len(played) == number * (number - 1) // 2
    assert tournament.order()[0] == reference(number, table)
    assert sorted(tournament.order()) == list(range(number))
    assert sum(tournament.points.values()) == len(played)


@given(tables(), st.integers(0, 99), st.integers(0, 99))
@settings(max_examples=300)
def test_a_knockout_is_the_same_in_any_order_of_answers(given: tuple[int, Table], seed: int, other: int) -> None:
    number, table = given
    one, two = Knockout(range(number), seed), Knockout(range(number), seed)
    played = play(one, table, random.Random(1))
    assert {*played} == {*play(two, table, random.Random(other))}
    assert one.order() == two.order()
    assert len(played) == number - 1
    assert max(match.level for match in played) + 1 == (number - 1).bit_length()
    # Each candidate but the winner loses one match, or is second in a draw.
    out = []
    for match in played:
        named = {table[order] for order in match.orders}
        winner = named.pop() if len(named) == 1 else match.left
        out.append(match.left + match.right - winner)
    assert sorted([*out, one.order()[0]]) == list(range(number))


@given(st.permutations(range(7)), st.integers(0, 99))
@settings(max_examples=100)
def test_a_consistent_judge_gets_the_best_in_both(strength: list[int], seed: int) -> None:
    table = {(a, b): max((a, b), key=strength.__getitem__) for a in range(7) for b in range(7) if a != b}
    for tournament in (Knockout(range(7), seed), Pairs(range(7))):
        play(tournament, table, random.Random(seed))
        assert tournament.order()[0] == strength.index(6)
        assert tournament.draws == 0


@pytest.mark.parametrize("place", [0, 1])
def test_a_judge_that_names_a_place_decides_nothing(place: int) -> None:
    table = {(a, b): (a, b)[place] for a in range(6) for b in range(6) if a != b}
    for seed in range(20):
        for tournament in (Knockout(range(6), seed), Pairs(range(6))):
            play(tournament, table, random.Random(seed))
            assert tournament.order()[0] == 0
            assert tournament.draws == tournament.matches


def ran(rule: str, method: str, number: int, name: Any) -> Run:
    def script(request: Request, at: int) -> str:
        left, right = re.findall(r"c\d+", request.messages[-1].text)
        return str(name(left, right))

    text = f'reduce {rule}(judge: ask "Better? {{{{ results }}}}", method: {method})'
    return stage(f"flow f(xs: [text]) {{ v = map x in xs {{ x }} {text} return v }}", script,
                 {"xs": [f"c{at}" for at in range(number)]})  # fmt: skip


def later(left: str, right: str) -> int:
    return 1 if int(left[1:]) > int(right[1:]) else 2


@pytest.mark.parametrize("number", range(1, 8))
def test_the_calls_of_a_run_are_those_of_the_plan(number: int) -> None:
    for method, calls in (("knockout", 2 * (number - 1)), ("pairs", number * (number - 1))):
        run = ran("best", method, number, later)
        assert run.outcome.value == f"c{number - 1}"
        assert len(run.provider.calls) == calls
        items = ", ".join(f'"c{at}"' for at in range(number))
        judge = f'judge: ask "Better? {{{{ results }}}}", method: {method}'
        text = f"flow f() {{ v = map x in [{items}] {{ x }} reduce best({judge}) with retries: 0 return v }}"
        bounds = bounds_of(make_plan(check_flow(Source(text), catalog())), {n: r.spec for n, r in REDUCERS.items()})
        assert (bounds.calls.least, bounds.calls.most) == (calls, calls)


def test_the_account_says_how_sure() -> None:
    account = ran("best", "pairs", 4, later).outcome.tallies["v"].contest
    assert account is not None
    assert account.text == "x 4 of 4 won 3 of 3 matches, 6 of 6 alike in both orders, margin 1"
    account = ran("best", "knockout", 4, lambda left, right: 1).outcome.tallies["v"].contest
    assert account is not None
    assert account.text == "x 1 of 4 won 1 of 2 matches, 0 of 3 alike in both orders"
    assert account.as_json() | {"agreed": 0, "matches": 3, "at": 1} == account.as_json()


def test_rank_has_all_in_order() -> None:
    assert ran("rank", "pairs", 5, later).outcome.value == ["c4", "c3", "c2", "c1", "c0"]
