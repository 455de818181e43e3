"""Faults that a rebuilt engine could have, each as a small run: what is counted, given back, cancelled and reported."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import CallError, PermanentError, RefusedError
from flowrun.runtime.vocabulary.tokens import estimate
from flowrun.runtime.vocabulary.usage import Usage
from support.bank import MODEL, PRICE, Bank, history, stretch
from support.failing_runs import Staged
from support.harness import stage


def planned(text: str) -> p.Plan:
    return make_plan(check_flow(Source(f'model m = "openai:m" {MODEL}\n' + text), catalog()))


def bank(faults: dict[str, str], times: dict[str, float] | None = None, **more: Any) -> Bank:
    """Make a server whose ``faults`` and ``times`` are by the prompt; other prompts take a second and go well."""

    def seconds(request: Request) -> float:
        return (times or {}).get(request.messages[-1].text, 1.0)

    return Bank(random.Random(1), rate=0.0, seconds=seconds, fault_of=lambda prompt: faults.get(prompt, ""), **more)


@pytest.mark.parametrize("fault", ["permanent", "refused", "overloaded"])
def test_a_refused_call_gives_its_money_back(fault: str, tmp_path: Path) -> None:
    """The budget holds the worst of one call at a time: the second is sent only if the first has cost nothing."""
    text = """flow f() {
      a = map x in ["one"] { ask m "{{ x }}" with retries: 0 } reduce collect with errors: skip
      z = ask m "end" after a
      return z
    }"""
    worst = PRICE.worst(3 + 32, 40)
    assert worst is not None
    at = bank({"one": fault})
    ran = stretch(tmp_path / "j.db", at, Budget(None, 1.0001 * worst), plan=planned(text))
    assert ran.result is not None
    assert [prompt for prompt, _ in at.asked] == ["one", "end"]
    assert ran.result.value is not None


def test_samples_of_nested_votes_have_a_number_each_however_many_are_sent() -> None:
    """An inner vote sends as many as it needs; the numbers of each outer sample leave room for all of them."""
    text = """flow f() {
      v = repeat 3 {
        w = repeat 5 { ask "w" -> aye | nay with seed: 100 } reduce majority
      } reduce collect
      return v
    }"""
    # Three samples of each inner vote go out at once; they do not agree, so that each vote sends more.
    ran = stage(text, lambda request, number: Scripted(("aye", "nay")[number % 2], 1.0))
    seeds = [request.seed for request in ran.provider.calls]
    assert len(seeds) > 9
    assert sorted(set(seeds)) == sorted(seeds)
    assert {0, 5, 10} <= {(seed or 0) - 100 for seed in seeds} <= set(range(15))


def test_a_vote_of_votes_counts_the_tokens_of_all_answers() -> None:
    text = """flow f() {
      v = repeat 3 { w = repeat 3 { ask "one two" -> aye | nay } reduce majority } reduce majority
      return v
    }"""
    ran = stage(text.replace("reduce majority", "reduce majority with launch: together"), lambda request, number: "aye")
    told = {event.path: event.used for event in ran.of(e.VoteCounted)}
    answers = len(ran.of(e.RequestFinished))
    assert answers > 3
    assert told.pop("v") == {"m": (2 * answers, answers)}
    assert set(told) == {f"v[{place}].w" for place in range(3)}


@pytest.mark.parametrize(
    ("order", "named"),
    [("refuse 1, refuse 2", "refuse 2"), ("refuse 1, malformed", "refuse 1"), ("malformed, refuse 1", "refuse 1")],
)
def test_the_last_loss_is_the_latest_answer_that_is_missing(order: str, named: str) -> None:
    """A resumed run may get a missing answer, so the message names that rather than a bad one."""
    text = """flow f(xs: [text]) {
      sum = map x in xs { ask "{{ x }}" -> int with retries: 0 } reduce mean with errors: skip
      return sum
    }"""
    xs = order.split(", ")

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        said = "no number" if prompt == "malformed" else PermanentError(f"server: {prompt}")
        return Scripted(said, 1.0 + xs.index(prompt))

    ran = stage(text, script, {"xs": xs})
    (failure,) = ran.outcome.failures
    assert failure.reason.endswith(f"; the last: server: {named}")
    assert len(ran.outcome.losses) == 2


def test_a_lost_element_keeps_the_requests_that_are_under_way(tmp_path: Path) -> None:
    """They are paid: the answer goes into the journal, and a run with a better server takes it from there."""
    text = """flow f(xs: [text]) {
      all = map x in xs { a = ask m "bad" b = ask m "slow" [a, b] } reduce collect with errors: skip
      return all
    }"""
    at = bank({"bad": "permanent"}, {"slow": 5.0})
    ran = stretch(tmp_path / "j.db", at, plan=planned(text), values={"xs": ["one"]})
    assert ran.result is not None
    assert ran.result.value == []
    assert at.left == []
    account = history(tmp_path / "j.db").account
    assert (account.answered, account.refused, account.broken_off) == (1, 1, 0)
    at.fault_of = lambda prompt: ""
    again = stretch(tmp_path / "j.db", at, plan=planned(text), values={"xs": ["one"]})
    assert again.result is not None and again.result.ok
    assert [prompt for prompt, _ in at.asked] == ["bad", "slow", "bad"]


def test_a_late_map_begins_at_once_to_merge_what_has_its_place() -> None:
    """Two elements of three are there before the map begins; their merge does not wait for the third."""
    text = """flow f(xs: [text]) {
      gate = ask "gate"
      all = map x in xs { ask "first {{ x }}" } reduce collect
      out = map a in all where a != gate { ask "then {{ a }}" } reduce by 2 ask "merge {{ results }}"
      return out
    }"""
    seconds = {"gate": 2.0, "first c": 100.0}

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        return Scripted(prompt, seconds.get(prompt, 1.0))

    ran = stage(text, script, {"xs": ["a", "b", "c"]})
    assert ran.outcome.complete
    started = [at for event, at in zip(ran.events, ran.at, strict=True) if isinstance(event, e.RequestStarted)]
    merges = [when for prompt, when in zip(ran.prompts, started, strict=True) if prompt.startswith("merge")]
    assert merges == [3.0, 101.0]


BRANCHES = " ".join(f'{name} = ask "{name}" -> aye | nay' for name in ("one", "two", "three"))


def test_a_vote_that_is_given_up_counts_each_of_its_branches_once() -> None:
    """One branch has answered, one is lost, and one is still out when the time is over."""
    text = f"flow f() {{ v = fanout {{ {BRANCHES} }} reduce majority with timeout: 5s return v }}"
    replies: dict[str, Scripted] = {
        "one": Scripted(PermanentError("no"), 1.0),
        "two": Scripted("aye", 2.0),
        "three": Scripted("aye", 60.0),
    }
    ran = stage(text, lambda request, number: replies[request.messages[-1].text])
    assert (ran.outcome.complete, ran.seconds) == (False, 5.0)
    (told,) = ran.of(e.VoteCounted)
    assert (told.tally.counted, told.tally.missing, told.tally.discarded) == (1, 2, 0)
    assert not told.tally.settled


def test_a_branch_whose_answer_does_not_fit_abstains() -> None:
    """It is no missing ballot, so that one vote of three decides."""
    text = f"flow f() {{ v = fanout {{ {BRANCHES} }} reduce majority return v }}"
    ran = stage(text, lambda request, number: "aye" if request.messages[-1].text == "two" else "neither")
    assert ran.outcome.value == "aye"
    tally = ran.outcome.tallies["v"]
    assert (tally.counted, tally.discarded, tally.missing) == (1, 2, 0)


def test_a_lost_ballot_alone_is_no_reason_to_resume() -> None:
    """The element that is lost for good stays lost, and the vote has its value without the ballot."""
    text = """model m = "openai:m"
flow main(xs: [text]) {
  all = map x in xs { ask m "{{ x }}" with retries: 0 } reduce collect with errors: skip
  v = fanout {
    one = ask m "aye" -> aye | nay
    two = ask m "aye" -> aye | nay
    three = ask m "busy" -> aye | nay with retries: 0
  } reduce majority
  return { all, v }
}
"""
    errors = {"bad": PermanentError("no", status=400), "busy": RefusedError("busy", status=503)}
    cases = (["good"], ["good", "bad"], ["good", "busy"])
    outcomes = [Staged(text, lambda r, now: errors.get(r.messages[-1].text, "aye"), xs=xs).outcome for xs in cases]
    assert [outcome.value["v"] for outcome in outcomes] == ["aye"] * 3
    assert [(outcome.status, outcome.resumable) for outcome in outcomes] == [
        ("done", False),
        ("partial", False),
        ("partial", True),
    ]


def test_a_resumed_flow_with_a_budget_counts_the_calls_that_it_made_itself(tmp_path: Path) -> None:
    """Three calls are made outside of it. Inside, one is answered and one in doubt; there is room for one more."""
    text = """flow part() budget 3 calls { a = ask m "a" b = ask m "b" after a return b }
    flow main() {
      first = map x in ["x", "y", "z"] { ask m "{{ x }}" } reduce collect
      got = part() after first
      return got
    }"""
    plan = make_plan(check_flow(Source(f'model m = "openai:m" {MODEL}\n' + text), catalog()), "main")
    at = bank({})
    assert stretch(tmp_path / "j.db", at, plan=plan, kill_at=2.5).result is None
    assert [prompt for prompt, _ in at.asked] == ["x", "y", "z", "a", "b"]
    again = stretch(tmp_path / "j.db", at)
    assert again.result is not None
    assert again.result.ok, again.result.outcome.failures
    assert at.calls == 6


def test_a_model_that_stands_in_gets_the_question_alone() -> None:
    """The first model got a correction of its answer, which the other model has not given."""
    text = """model m = "openai:m" else "openai:spare"
flow main() { x = ask m "how many" -> int return x }
"""
    seen: list[list[str]] = []

    def says(request: Request, now: float) -> CallError | str:
        seen.append([message.role for message in request.messages])
        return ("many", PermanentError("gone"), "7")[len(seen) - 1]

    ran = Staged(text, says)
    assert ran.outcome.value == 7
    assert [model for model, _ in ran.asked] == ["openai:m", "openai:m", "openai:spare"]
    assert seen == [["user"], ["user", "assistant", "user"], ["user"]]


def test_a_correction_is_held_back_at_its_own_worst(tmp_path: Path) -> None:
    """Nothing is billed. The budget has room for the question, and none for the question with its correction."""
    text = 'flow f() { x = ask m "one" -> int return x }'
    for budget, requests in ((PRICE.worst(150, 40), 1), (PRICE.worst(2000, 40), 3)):
        at = bank({}, speak=lambda request: "what " * 10)
        at.bill = lambda request, answers: Usage(0, 0)  # type: ignore[method-assign]
        ran = stretch(tmp_path / f"{requests}.db", at, Budget(None, budget), plan=planned(text))
        assert ran.result is not None
        assert at.requests == requests


@pytest.mark.parametrize("fan_in", [2, 3, 4])
def test_a_merge_by_tokens_fills_each_group_anew(fan_in: int) -> None:
    words = [f"{letter} {'word ' * 8}".strip() for letter in "abcdefghijkl"]
    size = fan_in * estimate(words[0])
    assert len({estimate(word) for word in words}) == 1
    text = f"""flow f(xs: [text]) {{
      out = map x in xs {{ ask "{{{{ x }}}}" }} reduce by tokens({size}) ask "merge: {{{{ results }}}}"
      return out
    }}"""

    def script(request: Request, number: int) -> str:
        prompt = request.messages[-1].text
        # What was merged is too long to be merged with anything but a second one.
        return "long " * 400 if prompt.startswith("merge") else prompt

    ran = stage(text, script, {"xs": words})
    merged = [[word for word in words if word in prompt] for prompt in ran.prompts if prompt.startswith("merge")]
    groups = [group for group in merged if group]
    assert groups == [words[at : at + fan_in] for at in range(0, 12, fan_in)]


def test_a_vote_that_lost_its_race_is_not_counted_when_its_time_is_over() -> None:
    text = """flow f() {
      race = fanout {
        long = chain { v = repeat 3 { ask "vote" -> aye | nay } reduce majority with timeout: 5s text "{{ v }}" }
        short = ask "short"
      } reduce first
      last = ask "last {{ race }}"
      return last
    }"""
    seconds = {"vote": 60.0, "short": 2.0}
    votes = iter([1.0])

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        taken = next(votes, 60.0) if prompt == "vote" else seconds.get(prompt, 20.0)
        return Scripted("aye" if prompt == "vote" else prompt, taken)

    ran = stage(text, script)
    assert (ran.outcome.value, ran.seconds) == ("last short", 22.0)
    assert ran.of(e.VoteCounted) == []
    assert ran.outcome.tallies == {}


def test_a_call_without_money_fails_after_the_answers_that_are_paid_for(tmp_path: Path) -> None:
    """The answers under way are waited for, and only then the run says that its money is gone."""
    text = """flow f(xs: [text]) {
      all = map x in xs { a = ask m "{{ x }}" b = ask m "dear {{ a }}" with max_tokens: 400 b } reduce collect
      return all
    }"""
    at = bank({}, {"slow": 9.0})
    at.bill = lambda request, answers: Usage(3, 40)  # type: ignore[method-assign]
    worst = PRICE.worst(3 + 32, 40)
    assert worst is not None
    ran = stretch(tmp_path / "j.db", at, Budget(None, 4 * worst), plan=planned(text), values={"xs": ["quick", "slow"]})
    assert ran.result is not None
    assert ran.result.status == "budget"
    told = [event for event in ran.events if isinstance(event, (e.RequestFinished, e.StepFailed))]
    assert [event.path for event in told] == ["all[0].a", "all[1].a", "all[0].b"]


def test_a_step_fails_with_the_first_of_its_sources_that_fails() -> None:
    """It does not wait for the other one, and is no failure of its own."""
    text = """flow f() {
      bad = ask "bad"
      slow = ask "slow"
      both = ask "{{ bad }} {{ slow }}"
      return both
    }"""
    replies: dict[str, Scripted] = {"bad": Scripted(PermanentError("no"), 1.0), "slow": Scripted("x", 60.0)}
    ran = stage(text, lambda request, number: replies[request.messages[-1].text])
    assert [(failure.path, failure.reason) for failure in ran.outcome.failures] == [("bad", "no")]
    assert [event.path for event in ran.of(e.StepFailed)] == ["bad"]
    assert ran.outcome.steps == {"slow": "x"}
