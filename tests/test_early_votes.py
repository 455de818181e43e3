"""A vote that is decided early ends as all its ballots would have it, and its samples go out as they are needed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.engine.decisions import Call, Cancel, Decision, Finish, Launch, Outcome
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.harness import Run
from support.state_runs import QUICK, state_of

WORDS = ("aye", "nay", "none of it")
BALLOTS = st.lists(st.sampled_from([*WORDS, "no answer at all"]), min_size=1, max_size=9)


def vote(text: str, ballots: Sequence[str], rng: random.Random) -> tuple[Outcome, int, int]:
    """Runs a vote by hand: ballots by their sample, in a random order of arrival. Gives the outcome, the number of
    answers that were used, and of calls that were taken back."""
    state = state_of(text)
    flying: list[tuple[int, int]] = []
    answered = cancelled = 0

    def take(decisions: list[Decision]) -> Outcome | None:
        nonlocal cancelled
        for decision in decisions:
            match decision:
                case Launch(Call(number, path)):
                    flying.append((number, int(path.split("[")[1].split("]")[0])))
                case Cancel(number):
                    cancelled += 1
                    flying[:] = [one for one in flying if one[0] != number]
                case Finish(outcome):
                    return outcome
        return None

    outcome = take(state.begin())
    while outcome is None:
        number, index = flying.pop(rng.randrange(len(flying)))
        answered += 1
        if ballots[index] == "broken":
            outcome = take(state.failed(number, PermanentError("broken")))
        else:
            outcome = take(state.answered(number, Answer(ballots[index])))
    assert flying == []
    assert not state._machine.calls._pending
    return outcome, answered, cancelled


def repeat(count: str, launch: str, rule: str = "majority") -> str:
    options = f" with launch: {launch}" if launch else ""
    return (
        f'flow f() {{ v = repeat {count} {{ ask "?" -> aye | nay | "none of it" }} reduce {rule}{options} return v }}'
    )


@given(BALLOTS, st.integers(0, 2**32), st.sampled_from(["", "(at_least: 2)", "(ties: error)", "(at_least: 4)"]))
@settings(QUICK, max_examples=60)
def test_stopping_early_gives_the_winner_of_all(ballots: list[str], seed: int, args: str) -> None:
    rng = random.Random(seed)
    count = str(len(ballots))
    if args.startswith("(at_least") and int(args[-2]) > len(ballots):
        args = f"(at_least: {count})"
    full, used, _ = vote(repeat(count, "together", "majority" + args), ballots, rng)
    assert used == len(ballots)
    outcomes = [vote(repeat(count, launch, "majority" + args), ballots, rng) for launch in ("cost", "cost", "latency")]
    for outcome, _, _ in outcomes:
        assert outcome.value == full.value
        assert outcome.complete == full.complete
    first, second, _ = outcomes
    # By cost no ballot is asked for that could be wasted, so nothing depends on the order of arrival.
    assert first[1:] == second[1:]
    assert first[2] == 0
    assert first[0].tallies == second[0].tallies


@given(st.lists(st.sampled_from([*WORDS, "??", "broken"]), min_size=12, max_size=12), st.integers(0, 2**32))
@QUICK
def test_an_adaptive_vote_does_not_depend_on_the_order_of_arrival(ballots: list[str], seed: int) -> None:
    rng = random.Random(seed)
    first, again = (vote(repeat("3..12", ""), ballots, rng) for _ in range(2))
    assert first[0].tallies == again[0].tallies
    assert first[0].value == again[0].value
    assert first[1:] == again[1:]
    assert first[1] >= 3


class Stingy(ScriptedProvider):
    """Gives fewer answers than it is asked for, one at least."""

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        reply = await super().complete(request, samples)
        return Reply(reply.answers[: max(1, samples - 2)], reply.usage)


@given(BALLOTS, st.integers(1, 8), st.integers(1, 4), st.booleans(), st.sampled_from(["cost", "latency", "together"]))
@QUICK
def test_batched_samples_make_the_same_vote(
    ballots: list[str], samples: int, limit: int, stingy: bool, launch: str
) -> None:
    most = len(ballots)
    run = Run(repeat(str(most), launch), None, limit=limit)
    kind = Stingy if stingy else ScriptedProvider
    run.provider = kind(lambda request, number: Scripted(ballots[number % most], 1.0), samples=samples)
    outcome = run.go()
    used = most
    if outcome.complete:
        tally = outcome.tallies["v"]
        used = tally.counted + tally.discarded
        first, second = ([count for _, count in tally.ballots] + [0])[:2]
        assert dict(tally.ballots)[outcome.value] == first
        assert used == most or (used < most and first - second > most - used)
    if not stingy:
        assert len(run.provider.calls) <= most
    if launch == "together":
        assert used == most
        assert stingy or len(run.of(e.RequestStarted)) == -(-most // samples)
    assert not run.left


def test_answers_that_nobody_needs_any_more_are_not_asked_for() -> None:
    run = Run(repeat("5", "latency").replace("return v", 'other = ask "other" return v'), None)
    run.provider = Stingy(lambda request, number: Scripted("aye", 1 if request.choices else 9), samples=5)
    assert run.go().value == "aye"
    assert sorted(event.calls for event in run.of(e.RequestStarted)) == [1, 5]


def test_a_decided_vote_gives_its_places_back() -> None:
    run = Run(
        """flow f() {
          v = repeat 3 { ask "v" -> aye | nay } reduce majority with launch: latency
          m = map e in ["1", "2", "3"] { ask "m {{ e }} {{ v }}" } reduce collect
          return m
        }""",
        lambda request, number: Scripted("aye", 1 if number else 100),
        limit=3,
    )
    assert run.go().value == ["aye"] * 3
    assert run.seconds == pytest.approx(2)
    assert len(run.of(e.RequestCancelled)) == 1


def test_samples_differ_by_their_seed_wherever_the_ask_stands() -> None:
    run = Run(
        """flow f() {
          v = repeat 2 {
            c = chain { x = ask "x" with seed: 10 }
            w = repeat 3 { ask "w" -> aye | nay with seed: 100 } reduce collect
            m = map e in ["1"] { ask "{{ e }}" with seed: 20 } reduce (ask "r {{ results }}" with seed: 30)
          } reduce collect
          return v
        }""",
        lambda request, number: "aye",
    )
    run.go()
    assert sorted(request.seed for request in run.provider.calls if request.seed is not None) == [
        10, 11, 20, 21, 30, 31, 100, 101, 102, 103, 104, 105,
    ]  # fmt: skip


def test_a_huge_repeat_opens_only_some_of_its_bodies() -> None:
    state = state_of('flow f() { a = repeat 1000000 { ask "x" } reduce collect with launch: "together"\n return a }')
    assert sum(isinstance(one, Launch) for one in state.begin()) == 1024


def test_a_vote_on_an_empty_list_says_so() -> None:
    text = 'flow f(rows: [text]) { a = map row in rows { ask "{{ row }}" -> "a" | "b" } reduce majority\n return a }'
    (end,) = [one for one in state_of(text, {"rows": []}).begin() if isinstance(one, Finish)]
    assert end.outcome.failures[0].reason == "the vote has no ballots: the list is empty"
