"""Faults that a rebuilt dispatcher could have, in small runs: attempts, places, bills, keys, broken-off requests."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from flowrun.dsl import ATTEMPTS, Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import InDoubtError, ModelError, PermanentError
from flowrun.runtime.vocabulary.usage import Usage
from support.bank import MODEL, PRICE, Bank, stretch
from support.failing_runs import Staged
from support.staged import stage


def test_an_outage_takes_an_attempt_for_each_call_of_a_shared_request() -> None:
    """40 answered calls leave 200 attempts, which is 50 requests for four samples each."""
    text = """flow f(xs: [int], ys: [int]) {
      first = map x in xs { ask "fine {{ x }}" } reduce collect
      votes = map y in ys {
        repeat 4 { ask "down {{ y }} {{ first }}" -> aye | nay } reduce majority with launch: together
      } reduce collect with errors: skip
      return votes
    }"""

    def script(request: Request, number: int) -> Scripted:
        down = request.messages[0].text.startswith("down")
        return Scripted(InDoubtError("oops", status=500) if down else "fine", 1.0)

    inputs = {"xs": list(range(40)), "ys": list(range(6))}
    ran = stage(text, script, inputs, limit=20, provider=ScriptedProvider(script, samples=4))
    assert ran.outcome.value == []
    spent = len(ran.provider.calls) - 40
    assert 40 * (ATTEMPTS - 1) < spent <= 40 * (ATTEMPTS - 1) + 24 * ATTEMPTS


def test_a_doubt_that_closes_a_model_takes_no_money_for_calls_that_never_left() -> None:
    text = """model m = "openai:m" with max_tokens: 10
model k = "openai:spare" with max_tokens: 10
flow main(xs: [int]) {
  all = map x in xs { ask m "part {{ x }}" } reduce collect with errors: skip
  last = ask k "last {{ all }}"
  return last
}
"""
    gone = ModelError("the model is gone", status=404)
    gone.doubtful = True
    ran = Staged(
        text,
        lambda request, now: "fine" if "last" in request.messages[0].text else gone,
        limit=1,
        money=25,
        xs=[1, 2, 3, 4],
    )
    assert [prompt for _, prompt in ran.asked] == ["part 1", "last []"]
    assert ran.outcome.value == "fine"


def planned(text: str) -> p.Plan:
    return make_plan(check_flow(Source(f'model m = "openai:m" {MODEL}\n' + text), catalog()))


def test_the_calls_of_a_spoilt_request_share_its_bill(tmp_path: Path) -> None:
    """The four samples are billed together, so that money for another call is left of what was held back."""
    text = """flow f() {
      a = map x in ["one"] {
        repeat 4 { ask m "{{ x }}" -> aye | nay } reduce majority with launch: together
      } reduce collect with errors: skip
      z = ask m "end" after a
      return z
    }"""
    at = Bank(random.Random(1), rate=0.0, samples=4, fault_of=lambda prompt: "spoilt" if prompt == "one" else "")
    at.bill = lambda request, answers: Usage(3, 160)  # type: ignore[method-assign]
    worst = PRICE.worst(120, 40)
    assert worst is not None
    ran = stretch(tmp_path / "j.db", at, Budget(None, 4 * worst), plan=planned(text))
    assert [prompt for prompt, _ in at.asked] == ["one", "end"]
    assert ran.result is not None
    assert ran.result.value is not None


def test_a_race_that_is_over_breaks_off_both_requests_of_a_hedged_call(tmp_path: Path) -> None:
    text = """flow f(items: [text]) {
      out = fanout {
        a = map x in items { ask m "{{ x }}" with hedge: p75 } reduce collect
        b = ask m "short"
      } reduce first
      last = ask m "last" after out
      return last
    }"""
    at = Bank(random.Random(1), rate=0.0)
    times = {"one": 1.0, "slow": 90.0, "short": 20.0, "last": 30.0}
    at.seconds = lambda request: times[request.messages[-1].text]
    ran = stretch(tmp_path / "j.db", at, plan=planned(text), values={"items": ["one"] * 7 + ["slow"]})
    assert ran.result is not None and ran.result.ok
    assert len(ran.of(e.CallHedged)) == 1
    assert at.left == [("slow", 20.0), ("slow", 20.0)]


def test_a_request_whose_hedge_answers_first_counts_as_a_slow_one() -> None:
    """Four of 16 take long and are sent twice. Four more that take 1.8 s are then no slower than most."""
    text = """flow f(rows: [[text]]) {
      all = map row in rows {
        map x in row { ask "{{ x }}" with hedge: p75 } reduce collect
      } reduce flatten with concurrency: 1
      return all
    }"""
    slow = [f"slow {number}" for number in range(4)]
    first = set(slow)

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        if prompt in first:
            first.discard(prompt)
            return Scripted(prompt, 60.0)
        return Scripted(prompt, 1.8 if prompt.startswith("later") else 1.0)

    rows = [["quick"] * 12 + slow, ["later"] * 4]
    ran = stage(text, script, {"rows": rows})
    assert ran.outcome.value == rows[0] + rows[1]
    assert sorted(event.path for event in ran.of(e.CallHedged)) == [f"all[0].line 3[{n}].line 3" for n in range(12, 16)]


@pytest.mark.parametrize("limit", [1, 2])
def test_two_maps_get_every_second_place_each(limit: int) -> None:
    text = """flow f(xs: [int]) {
      a = map x in xs { ask "a {{ x }}" } reduce collect
      b = map x in xs { ask "b {{ x }}" } reduce collect
      return { a, b }
    }"""
    xs = list(range(10))
    ran = stage(text, lambda request, number: Scripted("x", 1.0), {"xs": xs}, limit=limit)
    for count in range(limit, 20):
        ahead = sum(1 if prompt.startswith("a") else -1 for prompt in ran.prompts[:count])
        assert abs(ahead) <= limit + 1
    for letter in "ab":
        assert [prompt for prompt in ran.prompts if prompt.startswith(letter)] == [f"{letter} {x}" for x in xs]


def test_samples_that_wait_for_a_prompt_go_on_when_its_first_call_is_not_needed() -> None:
    """The first sample is lost while its long prompt stands in line; the others must not wait for that for good."""
    long = "word " * 2000
    text = f"""flow f() {{
      v = repeat 3 {{ a = ask "short" b = ask "{long}" -> aye | nay b }} reduce majority
      return v
    }}"""

    def script(request: Request, number: int) -> Scripted:
        return Scripted(PermanentError("no") if number == 0 else "aye", 1.0)

    provider = ScriptedProvider(script, caches_from=1024)
    ran = stage(text, script, limit=1, provider=provider)
    assert ran.outcome.value == "aye", ran.outcome.failures
    assert [loss.path for loss in ran.outcome.losses] == ["v[0].a"]
