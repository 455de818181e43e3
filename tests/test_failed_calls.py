"""Calls that go wrong: answers that are none, providers and listeners with bugs, and runs that are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Reply, Request
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, RefusedError, UsageError
from flowrun.runtime.vocabulary.tally import Tally
from support.harness import Run
from support.state_runs import BROKEN, QUICK, by_prompt

# Answers that are none


def test_a_malformed_answer_is_asked_again_and_counted() -> None:
    run = Run('flow f() { a = ask "a" -> 1..5 return a }', ["no idea", "9", "3"])  # type: ignore[arg-type]
    assert run.go().value == 3
    assert len(run.of(e.RequestFinished)) == 3


def test_a_malformed_answer_is_asked_again_only_so_often() -> None:
    run = Run('flow f() { a = ask "a" -> 1..5 with retries: 1 return a }', lambda request, number: "no idea")
    (failure,) = run.go().failures
    assert failure.reason.startswith('expected 1..5, and the answer is "no idea"')
    assert failure.reason.endswith("(2 times)")
    assert len(run.prompts) == 2


@pytest.mark.parametrize("body", ['ask "b" -> aye | nay', 'chain { x = "c" ask "b {{ x }}" -> aye | nay }'])
def test_a_malformed_ballot_is_discarded_and_spends_one(body: str) -> None:
    replies = iter(["what", "nay", "aye", "aye"])
    run = Run(
        f"flow f() {{ v = repeat 3 {{ {body} }} reduce majority return v }}", lambda request, number: next(replies)
    )
    outcome = run.go()
    assert outcome.value == "nay"
    assert outcome.tallies["v"] == Tally(
        "nay", (("nay", 1), ("aye", 1)), 3, 1, asked=3, counted=2, first="nay", of=2, values=("nay", "aye"), stands=0
    )
    assert len(run.prompts) == 3


def test_a_vote_that_cannot_be_held_tells_its_cause() -> None:
    run = Run('flow f() { v = repeat 3 { ask "b" -> aye | nay } reduce majority return v }', by_prompt({"b": BROKEN}))
    (failure,) = run.go().failures
    assert failure.path == "v"
    assert failure.reason.startswith("the vote has 0 of 3 ballots")
    assert failure.reason.endswith("the last: the key is wrong")


def test_a_refused_request_is_sent_again_by_itself() -> None:
    replies: Iterator[str | CallError] = iter([RefusedError("busy"), RefusedError("busy"), "x"])
    run = Run('flow f() { a = ask "a" return a }', lambda request, number: Scripted(next(replies)))
    assert run.go().value == "x"
    assert len(run.of(e.RequestRetried)) == 2
    assert [event.number for event in run.of(e.RequestStarted)] == [1, 1, 1]


def test_a_reply_without_answers_is_no_answer() -> None:
    class Mute(ScriptedProvider):
        async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
            await super().complete(request, samples)
            return Reply(())

    run = Run('flow f() { a = ask "a" return a }', None)
    run.provider = Mute(lambda request, number: "x")
    (failure,) = run.go().failures
    assert isinstance(failure.error, AnswerError)
    assert failure.reason == "the reply has no answer (3 times)"
    assert not run.scheduler.busy


# Providers and listeners that go wrong


class NoStart(ScriptedProvider):
    def __init__(self, error: Exception, seconds: float = 1.0) -> None:
        super().__init__(lambda request, number: "x")
        self.error = error
        self.seconds = seconds
        self.closed = 0

    async def start(self) -> None:
        await asyncio.sleep(self.seconds)
        raise self.error

    async def close(self) -> None:
        self.closed += 1


def test_a_provider_that_does_not_start_fails_each_of_its_calls_once() -> None:
    run = Run('flow f() { a = ask "a" b = ask "b" c = ask "c {{ a }}" return { a, b, c } }', None)
    run.provider = NoStart(UsageError("there is no such model"))
    outcome = run.go()
    assert [(one.path, one.reason) for one in outcome.failures] == [
        ("a", "there is no such model"),
        ("b", "there is no such model"),
    ]
    assert run.provider.calls == []
    assert len(run.of(e.RequestStarted)) == len(run.of(e.RequestFailed)) == 0
    assert run.seconds == pytest.approx(1)


def test_a_start_that_is_still_running_ends_with_its_endpoint() -> None:
    run = Run('flow f() { a = ask "a" return a }', None)
    run.provider = NoStart(UsageError("never seen"), 100)
    with pytest.raises(asyncio.CancelledError):
        run.go(cancel_at=5)
    assert run.of(e.RequestCancelled) == []
    assert run.provider.closed == 1
    assert not run.left


class Flawed(ScriptedProvider):
    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        if len(self.calls) == 3:
            raise ZeroDivisionError("a bug")
        return await super().complete(request, samples)


def test_a_bug_in_a_provider_is_told_of_and_fails_its_calls_alone() -> None:
    run = Run(
        'flow f() { m = map e in ["1", "2", "3", "4", "5"] { ask "{{ e }}" } reduce collect with errors: skip '
        "return m }",
        None,
        limit=2,
    )
    run.provider = Flawed(lambda request, number: Scripted("x", 1 + number))
    outcome = run.go()
    assert outcome.value == ["x"] * 3
    assert len(outcome.losses) == 2
    assert all("its provider failed (ZeroDivisionError: a bug" in loss.reason for loss in outcome.losses)
    assert not run.left
    assert not run.scheduler.busy


@pytest.mark.parametrize(
    "kind", [e.RunStarted, e.StepStarted, e.RequestStarted, e.RequestFinished, e.StepFinished, e.ElementFinished]
)
@pytest.mark.parametrize("error", [KeyError("listener"), UsageError("listener")])
def test_a_listener_that_fails_ends_the_run(kind: type, error: Exception) -> None:
    run = Run(
        'flow f() { m = map e in ["1", "2", "3", "4"] { s = ask "{{ e }}" } reduce collect return m }',
        by_prompt({}),
        limit=2,
    )
    seen = 0

    def publish(event: e.Event) -> None:
        nonlocal seen
        seen += isinstance(event, kind)
        if isinstance(event, kind) and seen == (1 if kind is e.RunStarted else 2):
            raise error

    run.publish = publish
    with pytest.raises(type(error), match="listener"):
        run.go()
    assert not run.left
    assert not run.scheduler.busy


# Cancelling


@given(st.integers(0, 80), st.integers(1, 5), st.integers(1, 3))
@QUICK
def test_cancelling_leaves_nothing_running(tenths: int, limit: int, samples: int) -> None:
    run = Run(
        """flow f() {
          a = ask "a"
          m = map e in ["1", "2", "3", "4", "5"] {
            v = repeat 3..7 { ask "v {{ e }}" -> aye | nay } reduce majority
            w = ask "w {{ e }} {{ a }} {{ v }}"
          } reduce by 2 ask "t {{ results }}" with concurrency: 3
          return m
        }""",
        lambda request, number: Scripted(("aye", "nay")[number % 2] if request.choices else "x", 0.25 + number % 3 / 2),
        limit=limit,
        samples=samples,
    )
    try:
        run.go(cancel_at=tenths / 10)
    except asyncio.CancelledError:
        started = len(run.of(e.RequestStarted))
        ended = sum(len(run.of(kind)) for kind in (e.RequestFinished, e.RequestFailed, e.RequestCancelled))
        assert started == ended
        assert run.seconds == pytest.approx(tenths / 10, abs=1e-3)
    assert run.provider.open == 0
    assert run.endpoint.limiter.active == 0
    assert not run.left
    assert not run.scheduler.busy
