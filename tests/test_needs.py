"""A budget over many votes is spent by need: runs with a scripted model, under a virtual clock."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.api import RunOptions, resume, run
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.summary import losses_lines
from flowrun.runtime.cli.vote_lines import votes_lines
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.usage import Price
from support.harness import Run, stage

Json = Any


def flow(
    budget: str = "", rule: str = "ahead(2, undecided: first)", n: str = "1..9", options: str = "", seen: str = "v"
) -> str:
    limit = f" budget {budget}" if budget else ""
    return (
        f"flow f(qs: [text]){limit} {{ answers = map q in qs {{ "
        f'v = repeat {n} {{ ask "{{{{ q }}}}" -> a | b | c with seed: 1, max_tokens: 1 }} reduce {rule} '
        f"{{ v: {seen}, sure: decided(v) }} }} reduce collect{options} return answers }}"
    )


def names(number: int) -> dict[str, Json]:
    return {"qs": [str(one) for one in range(number)]}


def by_seed(ballots: list[str], seconds: float = 1.0, jitter: int = 0) -> Any:
    """Sample i of question q gives letter i of its ballots."""
    rng = random.Random(jitter)

    def script(request: Request, number: int) -> Scripted:
        mine = ballots[int(request.messages[-1].text)]
        return Scripted(mine[((request.seed or 1) - 1) % len(mine)], seconds + rng.random() * jitter)

    return script


def asked(ran: Run) -> Counter[str]:
    return Counter(ran.prompts)


def eased(seed: int, size: int) -> list[str]:
    """Make ballots of questions of four eases, with two wrong answers, in a random order."""
    rng, shares = random.Random(seed), ((0.98, 6), (0.9, 2), (0.75, 1), (0.55, 1))
    eases = [ease for ease, parts in shares for _ in range(parts * size // 10)]
    rng.shuffle(eases)
    return ["".join("a" if rng.random() < ease else rng.choice("bc") for _ in range(9)) for ease in eases]


@pytest.mark.parametrize("limit", [7, 1000])
def test_made_questions_are_right_more_often_than_first_come_first_served(limit: int) -> None:
    right = served = 0
    for seed in range(5):
        ballots = eased(seed, 50)
        ran = Run(flow("100 calls"), by_seed(ballots, jitter=1), inputs=names(50), limit=limit)
        outcome = ran.go()
        assert len(ran.provider.calls) == 100
        assert outcome.status == "budget"
        assert set(asked(ran)) == set(names(50)["qs"])
        right += sum(one["v"] == "a" for one in outcome.value)
        left = 100
        for mine in ballots:
            votes: Counter[str] = Counter()
            for letter in mine:
                if left and max([0, *(votes[x] - max(votes[y] for y in "abc" if y != x) for x in "abc")]) < 2:
                    votes[letter] += 1
                    left -= 1
            served += bool(votes) and votes.most_common(1)[0][0] == "a"
    assert right >= 0.85 * 250
    assert right >= served + 0.1 * 250


@given(
    ballots=st.lists(st.text("abc", min_size=9, max_size=9), min_size=1, max_size=6),
    limit=st.sampled_from([1, 3, 1000]),
    jitter=st.integers(0, 5),
    rule=st.sampled_from(["ahead(2)", "majority(confidence: 0.9)", "window(3)"]),
)
@settings(max_examples=25, deadline=None)
def test_with_enough_budget_answers_and_calls_are_those_without_one(
    ballots: list[str], limit: int, jitter: int, rule: str
) -> None:
    inputs = names(len(ballots))
    free = Run(flow("", rule), by_seed(ballots, jitter=jitter), inputs=inputs, limit=limit)
    free.go()
    took = len(free.provider.calls)
    for budget in (9 * len(ballots), took):
        ran = Run(flow(f"{budget} calls", rule), by_seed(ballots, jitter=jitter), inputs=inputs, limit=limit)
        ran.go()
        assert ran.outcome.value == free.outcome.value
        assert asked(ran) == asked(free)
        if budget > took:
            assert ran.seconds == free.seconds


@given(
    ballots=st.lists(st.text("abc", min_size=9, max_size=9), min_size=1, max_size=8),
    budget=st.integers(1, 40),
    window=st.sampled_from(["", " with concurrency: 2"]),
    limit=st.sampled_from([1, 4, 1000]),
    rule=st.sampled_from(["ahead(2, undecided: first)", "ahead(3, undecided: none)", "majority(undecided: first)"]),
    jitter=st.integers(0, 5),
)
@settings(max_examples=40, deadline=None)
def test_no_element_has_a_second_sample_before_all_have_a_first(
    ballots: list[str], budget: int, window: str, limit: int, rule: str, jitter: int
) -> None:
    n = "5" if "majority" in rule else "1..9"
    text = flow(f"{budget} calls", rule, n, window)
    ran = Run(text, by_seed(ballots, jitter=jitter), inputs=names(len(ballots)), limit=limit)
    ran.go()
    found = asked(ran)
    assert len(ran.provider.calls) <= budget
    assert all(count <= (5 if "majority" in rule else 9) for count in found.values())
    assert len(found) == min(len(ballots), budget)
    # A body opens before its calls are in line, so the first samples of elements never wait for those of others.
    assert set(ran.prompts[: len(found)]) == set(found) or budget >= 9 * len(ballots) or not ran.of(e.ElementLost)


def test_the_vote_with_the_smallest_lead_is_next() -> None:
    # Question 2 is split after two samples, so its third comes before the second one of question 3.
    ran = Run(flow("7 calls"), by_seed(["aaa", "aaa", "baa", "aaa"]), inputs=names(4), limit=1)
    ran.go()
    assert ran.prompts == ["0", "1", "2", "3", "0", "1", "2"]
    ran = Run(flow("9 calls"), by_seed(["aaa", "baaa", "aaa", "aaa"]), inputs=names(4), limit=1)
    ran.go()
    # Of two votes with the same lead, that with fewer samples is next.
    assert ran.prompts == ["0", "1", "2", "3", "0", "1", "1", "2", "3"]
    assert [one["sure"] for one in ran.outcome.value] == [True, False, True, True]


@pytest.mark.parametrize(("undecided", "value"), [("first", "a"), ("none", None)])
def test_a_vote_that_the_money_leaves_open_does_as_it_says(undecided: str, value: Json) -> None:
    ran = stage(flow("3 calls", f"ahead(3, undecided: {undecided})"), by_seed(["a"] * 2), names(2))
    assert ran.outcome.complete
    assert ran.outcome.status == "budget"
    assert ran.outcome.value == [{"v": value, "sure": False}] * 2
    assert [(one.settled, one.unsent) for one in ran.outcome.tallies.values()] == [(False, 1)] * 2


@pytest.mark.parametrize("rule", ["ahead(3)", "ahead(3, undecided: fail)", "majority(confidence: 0.95)", "window(3)"])
def test_without_a_word_about_it_a_vote_fails_with_the_budget(rule: str) -> None:
    ran = stage(flow("3 calls", rule), by_seed(["a"] * 2), names(2))
    assert (ran.outcome.value, ran.outcome.status) == (None, "budget")
    assert ran.outcome.resumable


def test_an_undecided_vote_at_its_cap() -> None:
    ballots = by_seed(["abababab"])
    assert stage(flow("", "ahead(2)", "1..4"), ballots, names(1)).outcome.value == [{"v": "a", "sure": False}]
    none = stage(flow("", "ahead(2, undecided: none)", "1..4"), ballots, names(1))
    assert none.outcome.value == [{"v": None, "sure": False}]
    failed = stage(flow("", "ahead(2, undecided: fail)", "1..4"), ballots, names(1)).outcome.failures[0].reason
    assert "undecided after 4 samples: a 2, b 2; the leader must be 2 ahead, and is 0 ahead" in failed


def test_money_is_spent_by_need_and_never_exceeded() -> None:
    ballots = eased(1, 20)
    ran = Run(flow("$0.0004"), by_seed(ballots), inputs=names(20), limit=5, price=Price(1e-6, 1e-5))
    ran.go()
    assert set(asked(ran)) == set(names(20)["qs"])
    assert ran.state._machine.calls.budget.spent <= 0.0004
    assert ran.outcome.status == "budget"
    assert ran.outcome.complete


@pytest.mark.parametrize(("one", "two", "shares"), [(1, 1, (8, 8)), (3, 1, (12, 4)), (1, 3, (4, 12))])
def test_blocks_share_a_budget_by_their_weights(one: float, two: float, shares: tuple[int, int]) -> None:
    block = (
        '{} = map q in qs {{ repeat 1..9 {{ ask "{}{{{{ q }}}}" -> a | b with seed: 1 }} '
        "reduce ahead(9, undecided: first) }} reduce collect with weight: {} "
    )
    text = (
        f"flow f(qs: [text]) budget 24 calls {{ {block.format('x', 'x', one)}{block.format('y', 'y', two)} return x }}"
    )
    ran = Run(text, lambda request, number: Scripted("a", 1.0), inputs=names(4), limit=1)
    ran.go()
    found = Counter(prompt[0] for prompt in ran.prompts)
    assert (found["x"] - 4, found["y"] - 4) == shares


def test_a_body_of_several_calls_has_one_turn() -> None:
    text = (
        "flow f(qs: [text]) budget 12 calls { answers = map q in qs { repeat 1..9 { "
        'both = fanout { x = ask "{{ q }}" -> a | b with seed: 1  y = ask "{{ q }}!" -> a | b with seed: 1 } '
        "reduce collect  both.x } reduce ahead(3, undecided: first) } reduce collect return answers }"
    )
    ran = Run(text, lambda request, number: Scripted("a", 1.0), inputs=names(3), limit=2)
    ran.go()
    assert ran.outcome.value == ["a"] * 3
    assert len(ran.provider.calls) == 12
    assert {prompt: count for prompt, count in asked(ran).items() if "!" in prompt} == {"0!": 2, "1!": 2, "2!": 2}


def test_a_resumed_run_repeats_its_samples_and_goes_on(tmp_path: Path) -> None:
    ballots = eased(3, 20)
    provider = ScriptedProvider(by_seed(ballots, 0.01))
    free = stage(flow(), by_seed(ballots), names(20))
    plan = make_plan(check_flow(Source(flow()), catalog()))

    def options(calls: int) -> RunOptions:
        return RunOptions(opener=lambda address, around: provider, budget=Budget(calls, None))

    def again(calls: int) -> Any:
        return resume("last", tmp_path / "journal.db", options=options(calls))

    first = run(plan, names(20), options=replace(options(30), journal=tmp_path / "journal.db"))
    assert (first.status, len(provider.calls)) == ("budget", 30)
    assert again(30).value == first.value
    assert len(provider.calls) == 30
    settled = [line for line in votes_lines(first) if "ended with the budget; 30 of 30 calls" in line]
    assert len(settled) == 1
    assert losses_lines(first) == []
    whole = again(200)
    assert whole.status == "done"
    assert whole.value == free.outcome.value
    assert len(provider.calls) == len(free.provider.calls)


def test_thousands_of_elements_have_their_first_samples_first() -> None:
    ran = Run(flow("2100 calls"), lambda request, number: Scripted("a", 1.0), inputs=names(2000), limit=50)
    ran.go()
    assert len(set(ran.prompts[:2000])) == 2000
    assert len(ran.provider.calls) == 2100


def test_more_elements_than_votes_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrun.runtime.engine.needs.MOST_WAITING", 3)
    text = flow("60 calls", options=" with concurrency: 4")
    ran = Run(text, lambda request, number: Scripted("a", 1.0), inputs=names(60), limit=5)
    ran.go()
    assert len(set(ran.prompts)) == 60
    assert ran.outcome.value == [{"v": "a", "sure": False}] * 60
