"""Faults that a rebuilt dispatcher could have, in small runs: attempts, places, bills, keys, broken-off requests."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from flowrun.dsl import ATTEMPTS, Source, check_flow, make_plan
from flowrun.dsl import plan as p
from flowrun.runtime import Result, RunOptions, run_async
from flowrun.runtime.api import resume_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Reply, Request
from flowrun.runtime.vocabulary.errors import CallError, InDoubtError, ModelError, PermanentError, RefusedError
from flowrun.runtime.vocabulary.usage import Rate, Rates, Usage
from flowrun.testing import VirtualLoop
from support import harness
from support.bank import MODEL, PRICE, Bank, stretch
from support.failing_runs import Staged
from support.harness import stage
from support.written import read_journal


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


async def test_a_resumed_run_takes_the_answer_that_was_there_when_it_began(tmp_path: Path) -> None:
    """Three runs: an answer, a flow that fails before it needs that answer, and another answer to the same question."""
    alone = 'flow alone() { x = ask "same" return x }'
    both = 'flow both() { a = ask "first" b = ask "same" after a return [a, b] }'
    journal = tmp_path / "j.db"
    broken = True

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        if prompt == "first" and broken:
            return Scripted(PermanentError("no"))
        asked.append(prompt)
        return Scripted(f"{prompt} {len(asked)}")

    def opener(model: str, surroundings: Surroundings) -> Provider:
        return ScriptedProvider(script, model=model)

    async def go(text: str, *, fresh: bool = False) -> Result:
        plan = make_plan(check_flow(Source(text), catalog()))
        return await run_async(plan, options=RunOptions(opener=opener, journal=journal, fresh=fresh))

    asked: list[str] = []
    assert (await go(alone)).value == "same 1"
    failed = await go(both)
    assert failed.status == "failed"
    assert (await go(alone, fresh=True)).value == "same 2"
    broken = False
    again = await resume_async(failed.run, journal, options=RunOptions(opener=opener))
    assert again.value == ["first 3", "same 1"]


MAP = """model m = "openai:m"
flow main(xs: [text]) { all = map x in xs { ask m "{{ x }}" } reduce collect with errors: skip return all }
"""


def test_the_time_in_line_is_no_time_of_the_attempts() -> None:
    """The last of 20 calls leaves after 19 s; from then on it may be tried again for ten seconds."""
    refused: list[float] = []

    def says(request: Request, now: float) -> CallError | str:
        if request.messages[0].text == "19" and not refused:
            refused.append(now)
            return RefusedError("busy", status=503)
        return "fine"

    xs = [str(n) for n in range(20)]
    ran = Staged(MAP, says, limit=1, seconds=1.0, policy=RetryPolicy(total=10.0), xs=xs)
    assert refused == [19.0]
    assert ran.outcome.losses == ()
    assert ran.calls == 21


@pytest.mark.parametrize("launch", ["latency", "cost"])
def test_no_request_takes_the_place_of_one_whose_answer_decides(launch: str) -> None:
    text = f'flow f() {{ v = repeat 5 {{ ask "?" -> aye | nay }} reduce majority with launch: {launch} return v }}'
    ran = stage(text, lambda request, number: Scripted("aye", 1.0), limit=1)
    assert (ran.outcome.value, ran.seconds) == ("aye", 3.0)
    assert len(ran.provider.calls) == len(ran.of(e.RequestStarted)) == 3


def test_a_call_that_fails_in_the_moment_in_which_its_model_closes_waits_for_nothing() -> None:
    errors = {"busy": RefusedError("busy", status=503), "closes": ModelError("gone", status=404)}

    def says(request: Request, now: float) -> CallError | str:
        return errors.get(request.messages[0].text, "fine")

    ran = Staged(MAP, says, limit=20, seconds=1.0, xs=["fine", "busy", "closes"])
    assert ran.outcome.value == ["fine"]
    assert (ran.calls, ran.seconds) == (3, 1.0)
    assert {loss.reason for loss in ran.outcome.losses} == {"gone"}


class Counted(ScriptedProvider):
    """Allows four requests in each minute of the clock, and says with each answer how many are left."""

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        reply = await super().complete(request, samples, idempotency_key)
        now = asyncio.get_running_loop().time()
        left = -len(self.calls) % 4
        return replace(reply, rates=Rates(Rate(limit=4, remaining=left, reset=60.0 - now % 60.0)))


def test_a_limit_that_an_answer_tells_of_is_kept() -> None:
    text = 'flow f(xs: [int]) { all = map x in xs { ask "{{ x }}" } reduce collect return all }'
    provider = Counted(lambda request, number: Scripted("x", 1.0))
    ran = stage(text, lambda request, number: "", {"xs": list(range(10))}, limit=1, provider=provider)
    started = [at for event, at in zip(ran.events, ran.at, strict=True) if isinstance(event, e.RequestStarted)]
    assert started == [0, 1, 2, 3, 60, 61, 62, 63, 120, 121]


def test_a_paid_request_that_outlasts_the_end_of_its_run_is_in_doubt(tmp_path: Path) -> None:
    """The run waits for its answer for a while. Then nobody knows whether it was paid, and a resumed run says so."""
    text = 'flow f(xs: [text]) { all = map x in xs { ask m "{{ x }}" } reduce collect return all }'
    times = {"bad": 1.0, "slow": 500.0}
    at = Bank(random.Random(1), rate=0.0, fault_of=lambda prompt: "permanent" if prompt == "bad" else "")
    at.seconds = lambda request: times[request.messages[-1].text]
    journal = tmp_path / "j.db"
    ran = stretch(journal, at, plan=planned(text), values={"xs": ["bad", "slow"]})
    assert ran.result is not None and ran.result.status == "failed"
    assert [prompt for prompt, _ in at.left] == ["slow"]
    assert 1.0 < at.left[0][1] < 60.0
    index = read_journal(journal)
    [run] = index.runs
    assert len(index.in_doubt(run)) == 1


class Creeping(VirtualLoop):
    """A loop in which every turn takes a hundredth of a second, as in a process with much to do."""

    def _run_once(self) -> None:
        self.now += 0.01
        super()._run_once()  # type: ignore[misc]


def test_an_answer_that_has_come_counts_before_a_time_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the moment in which the time is over, the flow has each answer whose end was told, or none came."""
    monkeypatch.setattr(harness, "VirtualLoop", Creeping)
    ends = set()
    for hundredths in range(95, 130):
        text = f'flow f() {{ v = chain {{ x = ask "?" x }} with timeout: {hundredths * 10}ms return v }}'
        ran = stage(text, lambda request, number: Scripted("fine", 1.0))
        assert ran.outcome.complete is bool(ran.of(e.RequestFinished)), hundredths
        ends.add(ran.outcome.complete)
    assert ends == {True, False}
