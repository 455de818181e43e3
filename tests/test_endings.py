"""Why an answer ended: known good ends are answers, any other is a failure that names it; servers that name none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.providers.silence import Silence
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer, Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError

BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}
LINES: list[str] = []
GONE = "no field"


def chat(text: Any, reason: Any = "stop", *, more: dict[str, Any] | None = None, **message: Any) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "message": {"content": text, **message}, **(more or {})}
    if reason != GONE:
        choice["finish_reason"] = reason
    return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}


def claude(text: str, reason: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "stop_reason": reason}


def google(text: str, reason: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": reason}]}


BODIES: dict[str, Callable[[str, Any], dict[str, Any]]] = {"openai": chat, "anthropic": claude, "gemini": google}


def opened(name: str, url: str, model: str = "m") -> Provider:
    LINES.clear()
    return open_provider(f"{name}:{model}", Surroundings({BASES[name]: url}, LINES.append))


async def asked(faults: Any, name: str, body: Any, samples: int = 1, **more: Any) -> tuple[Answer, ...]:
    if isinstance(body, dict):
        faults.json(body)
    else:
        faults.raw(body, kind="text/event-stream")
    served = opened(name, faults.url)
    try:
        return (await served.complete(Request((Message("user", "hi"),), **more), samples)).answers
    finally:
        await served.close()


ENDS = {
    "openai": {
        "stop": "stop eos end_turn stop_sequence STOP eos_token COMPLETE",
        "length": "length max_tokens model_length MAX_TOKENS model_context_window_exceeded",
        "filtered": "content_filter SAFETY RECITATION safety sensitive refusal guardrail_intervened",
        "other": "tool_calls function_call error abort insufficient_system_resource unknown whatever network_error",
    },
    "anthropic": {
        "stop": "end_turn stop_sequence",
        "length": "max_tokens model_context_window_exceeded",
        "filtered": "refusal",
        "other": "tool_use pause_turn stop STOP compaction whatever",
    },
    "gemini": {
        "stop": "STOP",
        "length": "MAX_TOKENS",
        "filtered": "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII IMAGE_SAFETY",
        "other": "LANGUAGE OTHER MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL FINISH_REASON_UNSPECIFIED stop NEW_ONE",
    },
}
CASES = [
    (name, finish, word) for name, ends in ENDS.items() for finish, words in ends.items() for word in words.split()
]


def events(name: str, text: str, word: Any) -> bytes:
    if name == "anthropic":
        said = [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "message_delta", "delta": {"stop_reason": word}},
            {"type": "message_stop"},
        ]
    elif name == "gemini":
        said = [google(text, None), google("", word)]
    else:
        said = [{"choices": [{"delta": {"content": text}}]}, {"choices": [{"delta": {}, "finish_reason": word}]}]
    return "".join(f"data: {json.dumps(event)}\n\n" for event in said).encode()


@pytest.mark.parametrize(("name", "finish", "word"), CASES)
async def test_every_end_is_known_for_good_or_named(faults: Any, name: str, finish: str, word: str) -> None:
    (plain,) = await asked(faults, name, BODIES[name]("x", word))
    (streamed,) = await asked(faults, name, events(name, "x", word), stream=True)
    for answer in (plain, streamed):
        assert (answer.text, answer.finish) == ("x", finish)
        assert (f"`{word}`" in answer.said) == (finish != "stop")
        assert ("filter" in answer.said.replace(f"`{word}`", "")) == (finish == "filtered")
    assert plain.said == streamed.said


@pytest.mark.parametrize("word", [7, True, ["stop"], {"type": "stop"}, "x" * 500, "stop\x1b[31m"])
async def test_an_end_of_another_kind_is_none(faults: Any, word: Any) -> None:
    (answer,) = await asked(faults, "openai", chat("x", word))
    assert answer.finish == "other"
    assert answer.said.isprintable() and len(answer.said) < 200


@pytest.mark.parametrize(
    "error", [{"code": 502, "message": "Upstream died"}, "Upstream died", {"error": "Upstream died"}]
)
async def test_a_choice_with_an_error_of_its_own_fails_alone(faults: Any, error: Any) -> None:
    body = chat("half", "stop", more={"error": error})
    body["choices"].append(chat("whole")["choices"][0])
    broken, whole = await asked(faults, "openai", body, 2)
    assert (broken.finish, whole) == ("other", Answer("whole"))
    assert "reports an error in place of an answer: Upstream died" in broken.said


async def test_a_choice_with_an_error_in_a_stream(faults: Any) -> None:
    last = {"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 429, "message": "slow"}}]}
    body = events("openai", "half", None) + b"data: " + json.dumps(last).encode() + b"\n\n"
    (answer,) = await asked(faults, "openai", body, stream=True)
    assert (answer.text, answer.finish) == ("half", "other")
    assert answer.said.endswith("slow")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("openai", chat(None, "tool_calls", tool_calls=[{"function": {"name": "f"}}])),
        ("openai", chat("Let me look.", "function_call")),
        ("anthropic", {"content": [{"type": "tool_use", "name": "f", "input": {}}], "stop_reason": "tool_use"}),
    ],
)
async def test_a_call_of_a_tool_has_a_sentence_of_its_own(faults: Any, name: str, body: Any) -> None:
    (answer,) = await asked(faults, name, body)
    assert answer.finish == "other"
    assert answer.said.startswith("the model asked for a tool (`")


THOUGHT = [
    ("openai", chat("", reasoning_content="hm")),
    ("openai", chat(None, reasoning="hm")),
    ("openai", chat([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}])),
    ("openai", chat("<think>hm")),
    ("openai", chat("<think>hm</think>\n")),
    ("anthropic", {"content": [{"type": "thinking", "thinking": "hm"}], "stop_reason": "end_turn"}),
    ("gemini", {"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}]}, "finishReason": "STOP"}]}),
]


@pytest.mark.parametrize(("name", "body"), THOUGHT)
async def test_reasoning_alone_is_an_empty_answer_and_told(faults: Any, name: str, body: Any) -> None:
    with pytest.raises(AnswerError, match="an empty answer: the model sent only reasoning, and no answer") as caught:
        await asked(faults, name, body)
    assert "hm" in caught.value.text


async def test_reasoning_that_was_cut_off_is_told_apart(faults: Any) -> None:
    (answer,) = await asked(faults, "openai", chat("<think>hm", "length"))
    assert (answer.text, answer.finish) == ("", "length")
    assert answer.said.startswith("the model sent only reasoning before its greatest length was reached")


async def test_the_sentence_of_an_end_is_that_of_the_failure_also_after_a_resume(
    faults: Any, flow: Callable[[str], Path]
) -> None:
    faults.json(chat("half", "insufficient_system_resource"))
    path = flow('flow f() { a = ask "hi" with retries: 0 return a }\n')
    environ = {"OPENAI_BASE_URL": faults.url}
    journal = path.parent / "journal.db"
    first = await run_async(path, options=RunOptions(model="openai:m", environ=environ, journal=journal))
    again = await resume_async("last", journal, options=RunOptions(environ=environ))
    assert len(faults.seen) == 1
    for result in (first, again):
        assert "`insufficient_system_resource`" in result.failures[0].reason


# Servers that never say why an answer ended

NAMELESS = [None, GONE, ""]


@pytest.mark.parametrize("reason", NAMELESS)
async def test_two_whole_answers_without_a_reason_are_both_used(
    faults: Any, reason: Any, flow: Callable[[str], Path]
) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return web.json_response(chat(body["messages"][0]["content"], reason))

    faults.replies.append(reply)
    path = flow('flow f(xs: [text]) { a = map x in xs { ask "{{ x }}" } reduce collect return a }\n')
    rows = [f"row {number}" for number in range(12)]
    told: list[e.Event] = []
    environ = {"OPENAI_BASE_URL": faults.url}
    result = await run_async(
        path, {"xs": rows}, options=RunOptions(model="openai:m", environ=environ, on_event=[told.append])
    )
    assert result.value == rows
    assert len(faults.seen) == len(rows)
    notices = [event.text for event in told if isinstance(event, e.Notice)]
    assert len([line for line in notices if "never tells why an answer ended" in line]) == 1


async def test_one_that_is_alone_counts_where_the_server_has_no_field_for_a_reason(faults: Any) -> None:
    faults.json(chat("whole", GONE))
    assert await asked(faults, "openai", chat("whole", GONE)) == (Answer("whole"),)


async def test_a_null_one_that_is_alone_is_asked_again_once(faults: Any, flow: Callable[[str], Path]) -> None:
    faults.json(chat("whole", None))
    path = flow('flow f() { a = ask "hi" b = ask "{{ a }}" c = ask "{{ b }}" return c }\n')
    result = await run_async(path, options=RunOptions(model="openai:m", environ={"OPENAI_BASE_URL": faults.url}))
    assert result.value == "whole"
    assert len(faults.seen) == 4


async def test_one_whose_server_names_reasons_is_no_answer(faults: Any) -> None:
    faults.json(chat("whole"))
    faults.json(chat("half", None))
    faults.json(chat("half", GONE))
    served = opened("openai", faults.url)
    ends = [(await served.complete(Request((Message("user", "hi"),)))).answers[0].finish for _ in range(3)]
    await served.close()
    assert ends == ["stop", "unterminated", "unterminated"]


async def test_a_held_one_fails_when_its_server_names_a_reason_after_all(faults: Any) -> None:
    second = asyncio.Event()

    async def reply(request: web.Request) -> web.StreamResponse:
        if (await request.json())["messages"][0]["content"] == "first":
            return web.json_response(chat("half", GONE))
        await second.wait()
        return web.json_response(chat("whole"))

    faults.replies.append(reply)
    served = opened("openai", faults.url)
    first = asyncio.create_task(served.complete(Request((Message("user", "first"),))))
    other = asyncio.create_task(served.complete(Request((Message("user", "other"),))))
    await asyncio.sleep(0.1)
    assert not first.done()
    second.set()
    assert (await other).answers == (Answer("whole"),)
    assert (await first).answers == (Answer("half", "unterminated"),)
    await served.close()


@pytest.mark.parametrize("end", ["fails", "cancelled"])
async def test_a_held_one_is_let_go_when_nothing_else_is_under_way(faults: Any, end: str) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        if (await request.json())["messages"][0]["content"] == "first":
            return web.json_response(chat("whole", GONE))
        if end == "cancelled":
            await faults.closing.wait()
        await asyncio.sleep(0.1)
        return web.json_response({"error": {"message": "no"}}, status=500)

    faults.replies.append(reply)
    served = opened("openai", faults.url)
    first = asyncio.create_task(served.complete(Request((Message("user", "first"),))))
    other = asyncio.create_task(served.complete(Request((Message("user", "other"),))))
    await asyncio.sleep(0.05)
    if end == "cancelled":
        other.cancel()
    assert (await first).answers == (Answer("whole"),)
    await asyncio.gather(other, return_exceptions=True)
    await served.close()


async def test_a_held_one_keeps_its_own_deadline_and_can_be_cancelled() -> None:
    silence, loop, told = Silence(), asyncio.get_running_loop(), []

    async def takes(seconds: float, *, fieldless: bool) -> bool:
        return await silence.takes("m", loop.time() + seconds, lambda: told.append(1), fieldless=fieldless)

    with silence.asking(), silence.asking():
        waiting = asyncio.create_task(takes(60, fieldless=True))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        # It is forgotten: the next one is the first of its kind, and the one after that the second.
        assert not await takes(0.01, fieldless=False)
        assert told == []
        assert await takes(60, fieldless=False)
        assert await takes(60, fieldless=False)
        assert told == [1]


async def test_a_streamed_one_without_a_reason_is_cut(faults: Any) -> None:
    for _ in range(3):
        (answer,) = await asked(faults, "openai", events("openai", "half", None), stream=True)
        assert answer.finish == "unterminated"


async def test_a_server_of_two_models_is_learnt_once_and_a_naming_model_stays_one(faults: Any) -> None:
    faults.json(chat("a", GONE))
    one, other = opened("openai", faults.url, "one"), opened("openai", faults.url, "other")
    ask = Request((Message("user", "hi"),))
    assert (await one.complete(ask)).answers == (Answer("a"),)
    assert (await other.complete(ask)).answers == (Answer("a"),)
    faults.replies.clear()
    faults.json(chat("b", "stop"))
    assert (await one.complete(ask)).answers == (Answer("b"),)
    faults.replies.clear()
    faults.json(chat("c", None))
    assert (await one.complete(ask)).answers == (Answer("c", "unterminated"),)
    assert (await other.complete(ask)).answers == (Answer("c"),)
    await one.close()
    await other.close()


async def test_a_null_one_of_a_model_that_names_reasons_says_nothing_of_others() -> None:
    silence, end = Silence(), asyncio.get_running_loop().time() + 60

    async def takes(model: str) -> bool:
        with silence.asking():
            return await silence.takes(model, end, lambda: None, fieldless=False)

    assert not await takes("one")
    silence.named("one")
    assert not await takes("other")
    assert await takes("other")
