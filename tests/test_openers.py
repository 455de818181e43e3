"""Providers of a caller's own `opener`: whatever they do wrong is told in a sentence, and takes no answer away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun import (
    Answer,
    InputError,
    Reply,
    RetryPolicy,
    RunError,
    RunOptions,
    Source,
    Usage,
    UsageError,
    events,
    load,
    plan_of,
    resume,
    run,
    run_async,
)
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from support.patience import PATIENCE

CHECKED = load(Source('flow part(x: text) { y = ask "p {{ x }}" return y }\nflow f() { y = ask "q" return y }\n'))
ONCE = RetryPolicy(attempts=1)
Json = Any


class Returning(ScriptedProvider):
    """A provider that returns one object for each request, whatever that is."""

    def __init__(self, reply: Json) -> None:
        super().__init__([])
        self.reply = reply

    async def complete(self, request: object, samples: int = 1, idempotency_key: str = "") -> Json:
        return self.reply


class Unclosable(ScriptedProvider):
    async def close(self) -> None:
        raise ValueError("the door is stuck")


class Cancelled(ScriptedProvider):
    """A provider whose own work is cancelled, and not by flowrun."""

    async def complete(self, request: object, samples: int = 1, idempotency_key: str = "") -> Reply:
        raise asyncio.CancelledError


class CancelledStart(ScriptedProvider):
    async def start(self) -> None:
        raise asyncio.CancelledError


def with_member(member: str, value: Json) -> Json:
    def opener(model: str, surroundings: object) -> ScriptedProvider:
        provider = ScriptedProvider([])
        setattr(provider, member, value)
        return provider

    return opener


def needs_more(model: str) -> ScriptedProvider:
    return ScriptedProvider([])


def fails(model: str, surroundings: object) -> ScriptedProvider:
    raise ValueError("no such thing")


@pytest.mark.parametrize(
    ("opener", "said"),
    [
        (lambda model, around: None, "the `opener` opens no provider for `x:y`: what it opens has no model, endpoint"),
        (lambda model, around: ScriptedProvider, "the `opener` opens no provider for `x:y`"),
        (needs_more, "the `opener` cannot open `x:y`: TypeError: needs_more"),
        (fails, r"the `opener` cannot open `x:y`: ValueError: no such thing, in test_openers.py, line \d+"),
        (with_member("endpoint", ["a"]), "the `opener` opens no provider for `x:y`: its `endpoint` is no text"),
        (with_member("model", None), "its `model` is no text"),
        (with_member("samples", "5"), "its `samples` is no whole number from 1"),
        (with_member("concurrency", 0), "its `concurrency` is no whole number from 1"),
    ],
)
def test_an_opener_that_opens_nothing_is_refused(opener: Json, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        run(CHECKED, options=RunOptions(model="x:y", opener=opener))


def test_an_error_of_flowrun_from_an_opener_is_told_as_it_is() -> None:
    def refuses(model: str, surroundings: object) -> ScriptedProvider:
        raise UsageError("there is no key")

    with pytest.raises(UsageError, match=r"^there is no key$"):
        run(CHECKED, options=RunOptions(model="x:y", opener=refuses))


WRONG_REPLIES: list[tuple[Json, str]] = [
    (None, "it returned no Reply, but an object of the type NoneType"),
    ("q", "it returned no Reply, but an object of the type str"),
    (Answer("q"), "it returned no Reply, but an object of the type Answer"),
    (Reply("q"), "the answers of its Reply are no tuple, but of the type str"),  # type: ignore[arg-type]
    (Reply(("q",)), "an answer of its Reply is no Answer with a text"),  # type: ignore[arg-type]
    (Reply((Answer(None),)), "an answer of its Reply is no Answer with a text"),  # type: ignore[arg-type]
    (Reply((Answer("q"),), None), "the usage of its Reply is no Usage, but of the type NoneType"),  # type: ignore[arg-type]
    (Reply((Answer("q"),), Usage("5", 1)), "the tokens of its Reply are no number, but of the type str"),  # type: ignore[arg-type]
    (Reply((Answer("q"),), Usage(5, 1), {"rpm": 5}), "the rates of its Reply are no Rates"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("reply", "said"), WRONG_REPLIES)
@pytest.mark.parametrize("kept", [False, True])
def test_a_reply_of_the_wrong_shape_fails_its_call(reply: Json, said: str, kept: bool, tmp_path: Path) -> None:
    journal = tmp_path / "j.db" if kept else None
    options = RunOptions(model="x:y", opener=lambda *given: Returning(reply), policy=ONCE, journal=journal)
    with pytest.raises(RunError) as caught:
        run(CHECKED, options=options)
    assert f"its provider failed ({said}" in str(caught.value)
    assert "it may have been paid" in str(caught.value)


@pytest.mark.parametrize(("kind", "said"), [(Cancelled, "failed"), (CancelledStart, "did not start")])
async def test_a_provider_that_cancels_itself_fails_its_call(
    kind: Callable[[list[str]], ScriptedProvider], said: str
) -> None:
    options = RunOptions(model="x:y", opener=lambda *given: kind([]), policy=ONCE)
    result = await asyncio.wait_for(run_async(CHECKED, options=options), PATIENCE)
    assert f"its provider {said} (RuntimeError: it was cancelled by itself" in result.failures[0].reason


async def test_a_run_that_is_cancelled_meanwhile_ends_as_cancelled() -> None:
    options = RunOptions(model="x:y", opener=lambda *given: ScriptedProvider(lambda *asked: Scripted("q", 60)))
    running = asyncio.ensure_future(run_async(CHECKED, options=options))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("usage", [Usage(), Usage(-5, 1), Usage(5, 10**12)])
def test_a_paid_answer_counts_whatever_its_usage_is(usage: Usage) -> None:
    reply = Reply((Answer("q"), Answer("one too many")), usage)
    assert run(CHECKED, options=RunOptions(model="x:y", opener=lambda *given: Returning(reply))).value == "q"


def test_a_provider_that_cannot_be_closed_takes_no_answer_away() -> None:
    seen: list[object] = []
    options = RunOptions(model="x:y", opener=lambda *given: Unclosable(["q"]), on_event=seen.append)
    assert run(CHECKED, options=options).value == "q"
    told = [event.text for event in seen if isinstance(event, events.Notice)]
    assert len(told) == 1
    assert told[0].startswith("x:y: its provider did not close (ValueError: the door is stuck, in test_openers.py")


def test_an_error_of_run_shows_no_error_before_it() -> None:
    """Nothing is told of the search for a running loop, which finds none."""
    with pytest.raises(InputError) as caught:
        run(CHECKED, {"nobody": 1})
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("f.flow",), "found the text `f.flow`"),
        ((None,), "found nothing"),
        ((plan_of(CHECKED),), "found a Python Plan"),
        ((CHECKED, 5), "found a Python Checked and the number 5"),
        ((CHECKED, b"f"), "found a Python Checked and a Python bytes"),
    ],
)
def test_a_plan_of_something_else_is_refused(given: tuple[Json, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan_of(*given)


def test_resuming_from_a_journal_that_is_not_there_makes_none(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    with pytest.raises(UsageError, match="there is no journal at"):
        resume("last", path)
    assert not list(tmp_path.iterdir())


def test_an_async_opener_gets_no_advice_for_listeners() -> None:
    async def opener(model: str, surroundings: object) -> ScriptedProvider:
        return ScriptedProvider([])

    given: Json = opener
    with pytest.raises(UsageError) as caught:
        RunOptions(opener=given)
    assert "is an `async` function" in str(caught.value)
    assert "Queue" not in str(caught.value)
