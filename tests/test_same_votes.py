"""Votes that compare their answers: the same classes as by hand, whatever the order of arrival and the launch."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from support.judged_votes import Judge, Meaning, asked, flow, meaning, run, samples

WORDS = ["Paris", "paris, France", "the capital", "Lyon", "Lyon!", "Nice", "in Nice", "Bern"]
KINDS = dict(zip(WORDS, [0, 0, 0, 1, 1, 2, 2, 3], strict=True))


def by_kind(one: str, other: str) -> bool:
    """Judge by an equivalence: four kinds of words."""
    return KINDS[one] == KINDS[other]


def ahead(lead: int, least: int) -> Callable[[list[int]], bool]:
    def holds(sizes: list[int]) -> bool:
        first, second = (sorted([*sizes, 0, 0], reverse=True))[:2]
        return sum(sizes) >= least and first - second >= lead

    return holds


def majority(most: int) -> Callable[[list[int]], bool]:
    def holds(sizes: list[int]) -> bool:
        first, second = (sorted([*sizes, 0, 0], reverse=True))[:2]
        return first - second > most - sum(sizes)

    return holds


def quorum(votes: int, most: int) -> Callable[[list[int]], bool]:
    def holds(sizes: list[int]) -> bool:
        first = max(sizes)
        return first >= votes or first + most - sum(sizes) < votes

    return holds


RULES = [
    ("ahead(2, {same})", "2..9", ahead(2, 2)),
    ("ahead(3, {same})", "3..9", ahead(3, 3)),
    ("majority({same})", "9", majority(9)),
    ("majority({same})", "4", majority(4)),
    ("quorum(5, {same})", "9", quorum(5, 9)),
]


def winner(found: Meaning) -> str:
    sizes = [len(one) for one in found.classes]
    return found.classes[sizes.index(max(sizes))][0]


@pytest.mark.parametrize("launch", ["cost", "latency", "together"])
@pytest.mark.parametrize(("rule", "number", "holds"), RULES)
def test_a_vote_has_the_classes_of_its_ballots_in_their_order(
    rule: str, number: str, holds: Callable[[list[int]], bool], launch: str
) -> None:
    most = int(number.rsplit("..", maxsplit=1)[-1])
    text = flow(rule, number, launch)
    for seed in range(20):
        random = Random(f"{rule}{seed}")
        ballots = random.choices(WORDS, [5, 4, 3, 2, 2, 1, 1, 1], k=most)
        ran = run(text, ballots, by_kind, [random.random() * 9 for _ in ballots])
        whole = meaning(ballots, by_kind, holds)
        all_count = launch == "together" and ".." not in number
        told = meaning(ballots if all_count else ballots[: whole.ended or most], by_kind, holds)
        assert asked(ran) == told.questions
        if rule.startswith("quorum") and max(map(len, told.classes)) < 5:
            assert "no answer" in ran.outcome.failures[0].reason or "quorum" in ran.outcome.failures[0].reason
            continue
        assert ran.outcome.value == {"v": winner(told)}, (seed, ballots)
        (tally,) = ran.outcome.tallies.values()
        assert [count for _, count in tally.ballots] == sorted(map(len, told.classes), reverse=True)
        assert tally.classes is not None
        assert tally.classes.questions == len(told.questions)
        if launch == "cost":
            assert samples(ran) == (whole.ended or most)


@pytest.mark.parametrize("most", [3, 5, 6, 9])
def test_an_exact_vote_stops_with_the_value_of_all_its_ballots(most: int) -> None:
    never = majority(10**9)
    for seed in range(60):
        random = Random(seed)
        ballots = random.choices(WORDS, k=most)
        ran = run(flow("majority({same})", str(most)), ballots, by_kind)
        assert ran.outcome.value == {"v": winner(meaning(ballots, by_kind, never))}


@pytest.mark.parametrize("launch", ["cost", "latency", "together"])
def test_a_judge_without_reason_neither_hangs_nor_decides_differently_by_arrival(launch: str) -> None:
    for seed in range(60):
        random = Random(seed)
        answers = {(one, other): random.random() < 0.6 for one in WORDS for other in WORDS}
        judge: Judge = lambda one, other, known=answers: known[one, other]  # type: ignore[misc] # noqa: E731
        ballots = random.choices(WORDS, k=9)
        told = meaning(ballots, judge, ahead(2, 2))
        whole = meaning(ballots[: told.ended or 9], judge, ahead(2, 2))
        ran = run(flow("ahead(2, {same})", "2..9", launch), ballots, judge, [random.random() * 9 for _ in ballots])
        assert asked(ran) == whole.questions
        assert len(whole.questions) <= 9 * 8
        (tally,) = ran.outcome.tallies.values()
        assert tally.classes is not None
        assert (tally.classes.asymmetric, tally.classes.intransitive) == (whole.asymmetric, whole.intransitive)


def test_a_lead_of_two_needs_few_questions() -> None:
    """With samples that are right with a probability of 0.8, and two wordings of each answer."""
    questions = taken = 0
    for seed in range(300):
        random = Random(seed)
        ballots = [f"{'right' if random.random() < 0.8 else 'wrong'} {random.random()}" for _ in range(20)]
        ran = run(flow("ahead(2, {same})", "2..20"), ballots, lambda one, other: one[0] == other[0])
        questions += len(asked(ran))
        taken += samples(ran)
    assert 2.8 < taken / 300 < 3.1
    assert 3.4 < questions / 300 < 3.8
