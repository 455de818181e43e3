"""Votes and reducers in whole runs: under a virtual clock, with answers whose time depends on what they say."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.harness import Run, stage

Json = Any
LAUNCH = st.sampled_from(["cost", "latency", "together"])
SLOW = {"a": 1.0, "b": 5.0, "c": 9.0, "?": 0.1}
"""Seconds that an answer takes: the short ones are there first, and so is what is no answer."""


def by_sample(ballots: list[str], slow: dict[str, float] = SLOW, jitter: int = 0) -> Any:
    """Each sample gives its own ballot, known by the seed that it asks with."""
    rng = random.Random(jitter)

    def script(request: Request, number: int) -> Scripted:
        ballot = ballots[(request.seed or 0) - 1]
        return Scripted(ballot, slow[ballot] + rng.random() * jitter)

    return script


def voting(rule: str, samples: str, launch: str, seen: str = "votes(v)") -> str:
    return (
        f'flow f() {{ v = repeat {samples} {{ ask "?" -> a | b | c with seed: 1 }} reduce {rule} '
        f"with launch: {launch} return {{ v, seen: {seen} }} }}"
    )


ADAPTIVE = [
    "majority(confidence: 0.9)",
    "majority(risk: 0.2, undecided: none)",
    "ahead(2)",
    "ahead(2, undecided: none)",
    "window(3, undecided: fail)",
    "majority(confidence: 0.9, undecided: none)",
    "ahead(target: 0.99, right: 0.75)",
    "window(3)",
]


@pytest.mark.parametrize("rule", ADAPTIVE)
@given(ballots=st.lists(st.sampled_from("abc?"), min_size=9, max_size=9), jitter=st.integers(0, 9))
@settings(max_examples=12)
def test_answers_that_come_sooner_do_not_count_for_more(rule: str, ballots: list[str], jitter: int) -> None:
    at_once = dict.fromkeys(SLOW, 1.0)
    expected = stage(voting(rule, "2..9", "cost"), by_sample(ballots, at_once)).outcome
    for launch in ("cost", "latency", "together"):
        ran = stage(voting(rule, "2..9", launch), by_sample(ballots, jitter=jitter))
        assert ran.outcome.value == expected.value
        assert len(ran.provider.calls) <= 9


@pytest.mark.parametrize("rule", ["majority", "quorum(2)", "unanimous"])
@given(ballots=st.lists(st.sampled_from("abc?"), min_size=7, max_size=7), launch=LAUNCH, jitter=st.integers(0, 9))
@settings(max_examples=20)
def test_what_a_flow_sees_of_a_vote_is_no_matter_of_time(
    rule: str, ballots: list[str], launch: str, jitter: int
) -> None:
    at_once = dict.fromkeys(SLOW, 1.0)
    plain = stage(voting(rule, "7", launch), by_sample(ballots, at_once)).outcome
    timed = stage(voting(rule, "7", launch), by_sample(ballots, jitter=jitter)).outcome
    assert timed.value == plain.value
    assert timed.complete == plain.complete


def test_a_vote_whose_tally_is_looked_at_asks_all() -> None:
    text = 'flow f() { v = repeat 5 { ask "?" -> a | b } reduce majority return { v, share: agreement(v) } }'
    ran = stage(text, lambda request, number: "a")
    assert len(ran.provider.calls) == 5
    assert ran.outcome.value == {"v": "a", "share": 1.0}
    panel = 'flow f() { v = map x in [1, 2, 3] { ask "{{ x }}" -> a | b } reduce majority return votes(v) }'
    assert stage(panel, lambda request, number: "a").outcome.value["counted"] == 3


# What launching takes


@pytest.mark.parametrize(("launch", "calls", "seconds"), [("cost", 3, 1.0), ("latency", 5, 1.0), ("together", 5, 9.0)])
def test_three_ways_to_launch(launch: str, calls: int, seconds: float) -> None:
    text = voting("majority", "5", launch, "v")
    ran = stage(text, by_sample(["a", "a", "a", "c", "c"]))
    assert ran.outcome.value["v"] == "a"
    assert len(ran.provider.calls) == calls
    assert ran.seconds == seconds
    cancelled = sum(event.calls for event in ran.of(e.RequestCancelled))
    assert cancelled == (2 if launch == "latency" else 0)
    (vote,) = ran.of(e.VoteCounted)
    assert vote.tally.saved == 5 - calls


def test_a_batch_is_one_request_where_the_provider_serves_it() -> None:
    ran = stage(voting("ahead(2)", "1..9", "cost"), lambda request, number: "a", samples=8)
    assert [event.calls for event in ran.of(e.RequestStarted)] == [2] or len(ran.of(e.RequestStarted)) == 2
    text = 'flow f() { v = repeat 5 { ask "?" -> a | b } reduce majority return v }'
    ran = stage(text, lambda request, number: "a", samples=8)
    assert [event.calls for event in ran.of(e.RequestStarted)] == [3]


def test_an_unreachable_quorum_asks_nothing() -> None:
    text = 'flow f(n: int) { v = repeat 3 { ask "?" -> a | b } reduce quorum(n) return v }'
    ran = stage(text, lambda request, number: "a", {"n": 4})
    assert not ran.outcome.complete
    assert ran.provider.calls == []
    assert "an answer cannot have 4 votes in a vote of 3" in ran.outcome.failures[0].reason


# Ties and judges that ask


def test_a_tie_is_put_to_an_ask() -> None:
    text = (
        'flow f() { v = repeat 4 { ask "?" -> a | b with seed: 1 } '
        'reduce majority(ties: ask "Which of {{ results }}?") return v }'
    )
    asked = by_sample(["a", "b", "b", "a"])

    def script(request: Request, number: int) -> Scripted | str:
        return "b" if request.choices == ("a", "b") and "Which" in request.messages[-1].text else asked(request, number)

    ran = stage(text, script)
    assert ran.outcome.value == "b"
    assert ran.prompts[-1] == 'Which of ["a", "b"]?'
    assert ran.outcome.tallies["v"].winner == "b"
    assert len(ran.provider.calls) == 5
    ran = stage(text, by_sample(["a", "b", "a", "a"]))
    assert ran.outcome.value == "a"
    assert len(ran.provider.calls) == 4


def test_a_tie_that_cannot_be_asked_about_fails_the_vote() -> None:
    text = (
        'flow f() { v = repeat 2 { ask "?" -> a | b with seed: 1 } '
        'reduce majority(ties: ask "W? {{ results }}") return v }'
    )
    asked = by_sample(["a", "b"])

    def script(request: Request, number: int) -> Scripted | str:
        return Scripted(PermanentError("no")) if "W?" in request.messages[-1].text else asked(request, number)

    outcome = stage(text, script).outcome
    assert not outcome.complete
    assert [failure.path for failure in outcome.failures] == ["v.reduce"]


def test_a_judge_chooses_among_drafts() -> None:
    text = (
        'flow f() { v = repeat 3 { ask "draft" with seed: 1 } '
        'reduce best(judge: ask "{% for r in results %}{{ loop.index }}. {{ r }}\\n{% endfor %}") return v }'
    )

    def script(request: Request, number: int) -> str:
        prompt = request.messages[-1].text
        if prompt == "draft":
            return f"draft {request.seed}"
        assert request.schema is not None
        lines = prompt.splitlines()
        return json.dumps(next(int(line[0]) for line in lines if line.endswith("draft 2")))

    ran = stage(text, script)
    assert ran.outcome.value == "draft 2"
    first, second = (prompt.splitlines() for prompt in ran.prompts[-2:])
    assert [line[3:] for line in first] == [line[3:] for line in reversed(second)]
    assert ran.seconds == 0


def test_a_judge_out_of_range_is_asked_again() -> None:
    text = 'flow f() { v = repeat 2 { ask "draft" with seed: 1 } reduce best(judge: ask "W {{ results }}") return v }'

    def script(request: Request, number: int) -> str:
        return f"d{request.seed}" if request.messages[-1].text == "draft" else "7" if number < 4 else "1"

    assert stage(text, script).outcome.complete


# Races


def test_in_a_race_the_losers_are_closed() -> None:
    text = 'flow f() { v = fanout { x = ask "slow" y = ask "quick" z = ask "broken" } reduce first return v }'

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        if prompt == "broken":
            return Scripted(PermanentError("no"), 0.1)
        return Scripted(prompt, {"slow": 9.0, "quick": 1.0}[prompt])

    ran = stage(text, script)
    assert ran.outcome.value == "quick"
    assert ran.seconds == 1.0
    assert len(ran.of(e.RequestCancelled)) == 1
    assert ran.outcome.status == "partial"


@pytest.mark.parametrize("block", ['fanout { x = ask "1" y = ask "2" }', 'repeat 2 { ask "1" }'])
def test_a_race_that_nobody_ends_fails(block: str) -> None:
    ran = stage(
        f"flow f() {{ v = {block} reduce first return v }}", lambda request, number: Scripted(PermanentError("no"))
    )
    assert not ran.outcome.complete
    assert "none of the 2 samples gave an answer" in ran.outcome.failures[0].reason


# Trees and folds


def words(request: Request, number: int) -> Scripted:
    """The parts of a prompt in brackets, one call a second."""
    return Scripted(request.messages[-1].text.replace("merge ", ""), 1.0)


def tree(by: str) -> str:
    return (
        f'flow f(items: [text]) {{ v = map x in items {{ ask "{{{{ x }}}}" }} '
        f"reduce {by} ask \"merge {{{{ join(results, '') }}}}\" return v }}"
    ).replace("join(results, '')", "results | join('')")


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 26])
@pytest.mark.parametrize("fan_in", [2, 3, 8])
def test_a_tree_takes_as_many_rounds_as_it_has_levels(count: int, fan_in: int) -> None:
    items = [chr(97 + place) for place in range(count)]
    ran = stage(tree(f"by {fan_in}"), words, {"items": items})
    assert ran.outcome.value == "".join(items)
    levels, width = 0, 1
    while width < count:
        levels, width = levels + 1, width * fan_in
    assert ran.seconds == 1 + levels


def test_a_merge_waits_for_its_own_children_alone() -> None:
    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text.replace("merge ", "")
        return Scripted(prompt, 100.0 if prompt == "d" else 1.0)

    ran = stage(tree("by 2"), script, {"items": ["a", "b", "c", "d"]})
    began = [event.path for event in ran.of(e.RequestStarted)]
    assert ran.outcome.value == "abcd"
    assert ran.seconds == 102.0
    assert began.count("v.reduce") == 3
    finished = [event.seconds for event in ran.of(e.RequestFinished) if event.path == "v.reduce"]
    assert finished == [1.0, 1.0, 1.0]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(1, 40), st.integers(0, 2**32))
@settings(max_examples=60)
def test_a_tree_by_tokens_keeps_the_order_and_fills_its_merges(lengths: list[int], size: int, seed: int) -> None:
    items = [f"<{place} {'word ' * length}>" for place, length in enumerate(lengths)]
    rng = random.Random(seed)
    seconds = [rng.random() for _ in range(1000)]

    def script(request: Request, number: int) -> Scripted:
        return Scripted(request.messages[-1].text.removeprefix("merge "), seconds[number])

    ran = stage(tree(f"by tokens({size})"), script, {"items": items})
    assert ran.outcome.value == "".join(items)
    merges = sorted(prompt for prompt in ran.prompts if prompt.startswith("merge "))
    again = stage(
        tree(f"by tokens({size})"),
        lambda request, number: request.messages[-1].text.removeprefix("merge "),
        {"items": items},
    )
    assert sorted(prompt for prompt in again.prompts if prompt.startswith("merge ")) == merges


def test_a_tree_by_tokens_that_holds_all_is_one_merge() -> None:
    ran = stage(tree("by tokens(100000)"), words, {"items": list("abcdefgh")})
    assert ran.seconds == 2
    assert len(ran.provider.calls) == 9


@pytest.mark.parametrize("by", ["by 2", "by 3", "by tokens(1)", "by tokens(50)"])
def test_a_tree_does_without_what_was_lost(by: str) -> None:
    text = tree(by).replace("return v", "with errors: skip return v")

    def script(request: Request, number: int) -> Scripted | str:
        prompt = request.messages[-1].text
        return Scripted(PermanentError("no")) if prompt in "bd" else prompt.removeprefix("merge ")

    assert stage(text, script, {"items": list("abcde")}).outcome.value == "ace"


FOLD = (
    'flow f(items: [text]) { v = map x in items { ask "{{ x }}" } reduce fold ask "{{ so_far }}+{{ next }}" return v }'
)


def echo(request: Request, number: int) -> Scripted:
    prompt = request.messages[-1].text
    return Scripted(prompt, 1.0 + len(prompt) / 100)


@pytest.mark.parametrize("items", [["a"], ["a", "b"], list("abcde")])
def test_a_fold_goes_in_order(items: list[str]) -> None:
    ran = stage(FOLD, echo, {"items": items})
    assert ran.outcome.value == "+".join(items)
    assert len(ran.provider.calls) == 2 * len(items) - 1


def test_a_fold_begins_with_what_it_is_told() -> None:
    text = FOLD.replace("reduce fold", 'reduce fold(from: "start")')
    assert stage(text, echo, {"items": ["a", "b"]}).outcome.value == "start+a+b"
    assert stage(text, echo, {"items": []}).outcome.value == "start"
    assert stage(FOLD, echo, {"items": []}).outcome.value == ""


def test_a_fold_begins_as_soon_as_it_can() -> None:
    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(prompt, 50.0 if prompt == "c" else 1.0)

    ran = stage(FOLD, script, {"items": ["a", "b", "c"]})
    assert ran.outcome.value == "a+b+c"
    assert ran.seconds == 51.0


def test_a_fold_does_without_what_was_lost() -> None:
    text = FOLD.replace("return v", "with errors: skip return v")

    def script(request: Request, number: int) -> Scripted | str:
        prompt = request.messages[-1].text
        return Scripted(PermanentError("no")) if prompt in "ac" else prompt

    assert stage(text, script, {"items": list("abcd")}).outcome.value == "b+d"


def test_branches_are_folded_in_the_order_they_are_written() -> None:
    text = (
        'flow f() { v = fanout { x = ask "slow" y = ask "quick" } reduce fold ask "{{ so_far }}+{{ next }}" return v }'
    )

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(prompt, 9.0 if prompt == "slow" else 1.0)

    assert stage(text, script).outcome.value == "slow+quick"


def test_branches_go_into_a_tree() -> None:
    text = (
        'flow f() { v = fanout { x = ask "1" y = ask "2" z = ask "3" } '
        "reduce by 2 ask \"{{ results | join('') }}\" return v }"
    )
    assert stage(text, echo).outcome.value == "123"


def escalated(ran: Run) -> bool:
    return any("sure" in prompt for prompt in ran.prompts)


@pytest.mark.parametrize(("ballots", "asks"), [(["a", "a", "a"], False), (["a", "b", "a"], True)])
def test_an_escalation_is_paid_for_where_the_cheap_ones_differ(ballots: list[str], asks: bool) -> None:
    text = (
        'flow f() { quick = repeat 3 { ask "?" -> a | b with seed: 1 } reduce majority '
        'final = ask "be sure" -> a | b with seed: 1 when agreement(quick) < 0.8 else quick return final }'
    )
    ran = stage(text, by_sample(ballots))
    assert escalated(ran) == asks
    assert ran.outcome.value == "a"


def test_a_fold_begins_with_what_another_step_made() -> None:
    ran = stage(
        """
        flow f(names: [text]) {
          start = ask "start"
          xs = map n in names { ask "{{ n }}" } reduce fold(from: start) ask "{{ so_far }} {{ next }}"
          return xs
        }
        """,
        lambda request, number: Scripted(request.messages[-1].text, 3 if number == 0 else 1),
        {"names": ["a", "b"]},
    )
    assert ran.outcome.value == "start a b"
    assert ran.seconds == 6
