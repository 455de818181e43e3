"""Events pair up, however a run goes: its flow, its servers, its budget, its journal, a stop, a kill."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from flowrun.dsl import FlowError
from flowrun.runtime import RunOptions, Stop, run_async
from flowrun.runtime.costs.written_budget import Budget
from flowrun.runtime.journal.records import LogRecord
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.providers.scripted import Script, Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import DiskError, RefusedError
from flowrun.runtime.vocabulary.waits import Cause
from support.bank import FAULTS, MODEL, Bank, QuickJournal, stretch
from support.harness import Opener, planned, scripted
from support.journaled_runs import in_virtual_time
from support.oracle import Oracle
from support.paired_events import paired
from support.random_checks import Trial
from support.random_runs import Servers, run, shuffled
from support.soak import share

STOPS = 60
MORE = share(4_000)


def hold(seed: int) -> None:
    """Stop a run in a random turn, while its servers fail in many ways."""
    trial = Trial.drawn(seed)
    try:
        assert trial.plan
    except FlowError:
        return
    dice = random.Random(seed)
    servers = Servers(
        Oracle(seed, spoilt=0.3),
        dice,
        shuffled,
        faults=dice.choice([0.0, 0.3]),
        outage=dice.choice([2, 10**9]),
        samples=dice.choice([1, 4]),
    )
    try:
        ran = run(trial.plan, trial.inputs, servers, stop_turn=dice.choice([0, 1, 2, dice.randint(3, 60)]))
        assert not paired(ran.events).out
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error!r}\n{trial.text}\n{dict(trial.inputs)}") from error


@pytest.mark.parametrize("chunk", range(4))
def test_random_flows_that_are_stopped(chunk: int) -> None:
    for seed in range(chunk * STOPS // 4, (chunk + 1) * STOPS // 4):
        hold(seed)


@pytest.mark.slow
def test_many_random_flows_that_are_stopped() -> None:
    for seed in range(STOPS, STOPS + MORE):
        hold(seed)


TEXT = f"""model m = "openai:m" {MODEL}
flow part(x: text) {{
  one = ask m "part {{{{ x }}}}"
  two = repeat 3 {{ ask m "which {{{{ one }}}}" -> A | B | C }} reduce majority
  return {{ one, two }}
}}
flow f(items: [text]) {{
  parts = map x in items {{ part(x) }} reduce collect with errors: skip
  votes = map x in items {{
    repeat 4 {{ ask m "vote {{{{ x }}}}" -> A | B | C }} reduce majority with launch: together
  }} reduce collect with errors: skip, concurrency: 2
  slow = map x in items {{ ask m "slow {{{{ x }}}}" with hedge: p75 }} reduce collect with errors: skip
  last = ask m "last {{{{ votes }}}} {{{{ slow }}}}" when length(votes) > 0 else "none"
  return {{ parts, last }}
}}"""


@pytest.mark.parametrize("seed", range(8))
def test_runs_that_are_killed_resumed_and_out_of_money(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    bank = Bank(dice, FAULTS if seed % 3 else (), samples=1 + seed % 4)
    budget = dice.choice([None, Budget(dice.randint(8, 60)), Budget(None, dice.uniform(0.1, 1.0))])
    plan, values = planned(TEXT), {"items": list("abcdefgh")}
    turn = dice.randint(2, 150) if seed % 2 else None
    journal = tmp_path / "j.db"
    ran = stretch(journal, bank, budget, plan=plan, values=values, kill_turn=turn, disk=dice.choice([0.0, 0.01]))
    for _ in range(3):
        state = paired(ran.events)
        assert state.over or not ran.events
        assert not state.out
        if not journal.exists() or (ran.result is not None and ran.result.ok):
            break
        ran = stretch(journal, bank)


def test_all_ways_of_a_request_are_tried(tmp_path: Path) -> None:
    seen: set[str] = set()
    for seed in range(6):
        bank = Bank(random.Random(seed), samples=1 + seed % 4)
        ran = stretch(tmp_path / f"{seed}.db", bank, plan=planned(TEXT), values={"items": list("abcdefgh")})
        seen |= {type(one).__name__ for one in ran.events}
        seen |= {one.how for one in ran.events if isinstance(one, e.AttemptFailed)}
    assert {"CallHedged", "RequestRetried", "RequestFailed", "RequestCancelled", "RequestFinished"} <= seen
    assert {"StepFailed", "ElementLost", "BlockClosed", "spoilt", "refused", "doubtful"} <= seen


ONE = f"""model m = "openai:m" {MODEL}
flow f(items: [text]) {{
  all = map x in items {{ ask m "{{{{ x }}}}" }} reduce collect with errors: skip
  return all
}}"""


async def test_a_run_that_is_stopped_before_it_begins() -> None:
    stop, events = Stop(), list[e.Event]()
    stop()
    options = RunOptions(stop=stop, on_event=events.append, opener=scripted(lambda request, number: "x"), model="m")
    result = await run_async(TWO_STEPS, options=options)
    assert result.status == "stopped"
    assert paired(events).over
    told = [type(one) for one in events if not isinstance(one, e.LimitsSet)]
    assert told == [e.RunStarted, e.RunFinished]


TWO_STEPS = planned('flow f() { a = ask "a" b = ask "b {{ a }}" return b }')


@pytest.mark.parametrize("spoilt", [False, True])
@pytest.mark.parametrize("rows", range(5, 16))
def test_a_run_whose_disk_fails(rows: int, spoilt: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full after some rows: then no answer can be used, and each request that was sent still ends."""
    write, left = QuickJournal.write, rows

    def full(journal: QuickJournal, records: Iterable[LogRecord]) -> int:
        nonlocal left
        left -= len(records := list(records))
        if left < 0:
            raise DiskError("the disk is full")
        return write(journal, records)

    def append(journal: QuickJournal, records: Iterable[LogRecord]) -> asyncio.Future[int]:
        done = asyncio.get_running_loop().create_future()
        try:
            done.set_result(journal.write(records))
        except DiskError as error:
            done.set_exception(error)
        return done

    monkeypatch.setattr(QuickJournal, "write", full)
    monkeypatch.setattr(QuickJournal, "append", append)
    monkeypatch.setattr(QuickJournal, "note", append)
    bank = Bank(random.Random(rows), ("spoilt",) if spoilt else (), rate=1.0)
    ran = stretch(tmp_path / "j.db", bank, plan=planned(ONE), values={"items": list("abcdef")})
    assert ran.result is not None
    assert ran.result.status == "disk"
    assert not paired(ran.events).out
    assert ran.of(e.RequestStarted)


async def test_calls_answers_and_causes_are_there_without_a_copy(tmp_path: Path) -> None:
    events: list[e.Event] = []
    failure = RefusedError("no credit here", status=429)

    def script(request: Request, number: int) -> Scripted:
        return Scripted(failure if not number else f"answer {number}")

    text = planned('flow f() { v = repeat 3 { a = ask "which" } reduce collect with launch: together return v }')
    opener = samples_of(script, 3)
    policy = RetryPolicy(wait_initial=0.001, wait_max=0.001)
    options = RunOptions(on_event=events.append, opener=opener, model="m", policy=policy, journal=tmp_path / "j.db")
    await run_async(text, options=options)
    paired(events)
    first, second = (one for one in events if isinstance(one, e.RequestStarted))
    assert [one.place for one in first.carried] == ["v[0].a", "v[1].a", "v[2].a"]
    assert [one.messages[0].text for one in first.carried] == ["which"] * 3
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.waited.keys() <= {Cause.BACKOFF, Cause.RETRY_AFTER}
    [failed] = (one for one in events if isinstance(one, e.AttemptFailed))
    assert (failed.error, failed.reason) == (failure, "no credit here")
    [retried] = (one for one in events if isinstance(one, e.RequestRetried))
    assert retried.error is failure
    [done] = (one for one in events if isinstance(one, e.RequestFinished))
    assert [one.text for one in done.came] == ["answer 3", "answer 4", "answer 5"]
    assert "which" not in repr(events)
    again: list[e.Event] = []
    await run_async(
        text, options=RunOptions(on_event=again.append, opener=opener, model="m", journal=tmp_path / "j.db")
    )
    recalled = [one for one in again if isinstance(one, e.AnswerRecalled)]
    assert sorted(one.answer.text for one in recalled if isinstance(one.answer, Answer)) == [
        "answer 3",
        "answer 4",
        "answer 5",
    ]
    assert {one.call.messages[0].text for one in recalled if one.call is not None} == {"which"}


def samples_of(script: Script, samples: int) -> Opener:
    """Make an opener of a provider that gives several answers to one request."""
    return lambda model, around: ScriptedProvider(script, model=model, samples=samples)


@pytest.mark.parametrize("chunk", range(3))
def test_blocks_of_runs_that_end_by_themselves_are_closed(chunk: int) -> None:
    """Also those that are cancelled, because a race, a vote or a failure around them was decided."""
    cancelled = 0
    for seed in range(chunk * 30, (chunk + 1) * 30):
        trial = Trial.drawn(seed)
        try:
            assert trial.plan
        except FlowError:
            continue
        ran = run(trial.plan, trial.inputs, Servers(Oracle(seed, refused=0.2), random.Random(seed), shuffled))
        state = paired(ran.events)
        assert not +state.blocks, f"seed {seed}: {+state.blocks}\n{trial.text}\n{dict(trial.inputs)}"
        cancelled += any(isinstance(one, e.RequestCancelled) for one in ran.events)
    assert cancelled


RACES = {
    "a map": 'map x in items { ask "slow {{ x }}" } reduce collect',
    "a repeat": 'repeat 3 { ask "slow" } reduce majority',
    "a called flow": "inner(items: items)",
}


@pytest.mark.parametrize("loser", RACES)
def test_a_block_that_loses_a_race_is_closed(loser: str) -> None:
    text = f"""flow inner(items: [text]) {{ a = map x in items {{ ask "slow {{{{ x }}}}" }} reduce collect return a }}
    flow f(items: [text]) {{
      a = fanout {{ quick = ask "quick" slow = {RACES[loser]} }} reduce first
      return a
    }}"""
    slow = scripted(lambda request, number: Scripted("x", 1 if request.messages[-1].text == "quick" else 9))
    events = heard(text, {"items": ["a", "b"]}, slow)
    assert {type(one) for one in events} >= {e.BlockOpened, e.BlockClosed, e.RequestCancelled}
    assert not +paired(events).blocks


def heard(text: str, values: dict[str, object], opener: Opener) -> list[e.Event]:
    """The events of a run in virtual time."""
    events: list[e.Event] = []
    options = RunOptions(model="m", opener=opener, on_event=events.append, learn=False)
    in_virtual_time(run_async(planned(text), values, options=options))
    return events


def test_a_condition_that_fails_has_a_beginning() -> None:
    """The `when` of a step is read before the step begins; its failure is one of the step all the same."""
    text = 'flow f(n: int) { a = ask "a" b = ask "b" when 1 / n > 0 return { a, b } }'
    events = heard(text, {"n": 0}, scripted(lambda request, number: "x"))
    told = [type(one) for one in events if isinstance(one, e.StepStarted | e.StepFailed) and one.path == "b"]
    assert told == [e.StepStarted, e.StepFailed]
    paired(events)
