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
from flowrun.runtime.vocabulary.errors import PermanentError
from support.bank import MODEL, PRICE, Bank, history, stretch
from support.staged import stage


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
