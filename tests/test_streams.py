"""Streamed answers: the same as those that come at once, whatever the pieces; cut, broken and endless ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.providers.streams import ChatStream, GenerateStream, MessagesStream, Stream
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Answer, Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, InDoubtError, PermanentError, RefusedError
from flowrun.runtime.vocabulary.usage import Usage
from support.patience import PATIENCE

LIST = {"type": "array", "items": {"type": "string"}}


def sse(*events: Any, named: bool = False, end: str = "\n\n") -> bytes:
    lines = []
    for event in events:
        text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        lines.append((f"event: {event['type']}\n" if named else "") + f"data: {text}{end}")
    return "".join(lines).encode()


def chunk(text: str = "", reason: str | None = None, index: int = 0) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text} if text else {}, "finish_reason": reason}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
CHAT = sse(chunk("Grüß "), chunk("Gott, "), chunk("世界"), chunk(reason="stop"), USAGE, "[DONE]")
MESSAGES = sse(
    {"type": "message_start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Grüß "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Gott, 世界"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
    {"type": "message_stop"},
    named=True,
)
GENERATE = sse(
    {"candidates": [{"content": {"parts": [{"text": "hm", "thought": True}, {"text": "Grüß "}]}}]},
    {"candidates": [{"content": {"parts": [{"text": "Gott, 世界"}]}, "finishReason": "STOP"}]},
    {"usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3}},
    end="\r\n\r\n",
)
BODIES = {"openai": CHAT, "anthropic": MESSAGES, "gemini": GENERATE}
FOLDS: dict[str, Callable[[], Stream]] = {"openai": ChatStream, "anthropic": MessagesStream, "gemini": GenerateStream}
BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}


def provider(name: str, url: str) -> Provider:
    return open_provider(f"{name}:m", Surroundings({BASES[name]: url}))


async def ask(served: Provider, **more: Any) -> Any:
    try:
        return await served.complete(Request((Message("user", "hi"),), stream=True, **{"timeout": PATIENCE, **more}))
    finally:
        await served.close()


def events(faults: Any, body: bytes, *, cut: bool = False) -> None:
    async def reply(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(body)
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return response

    faults.replies.append(reply)


@pytest.mark.parametrize("name", BODIES)
async def test_pieces_come_to_the_whole(name: str, faults: Any) -> None:
    events(faults, BODIES[name])
    heard: list[int] = []
    reply = await ask(provider(name, faults.url), hear=heard.append)
    assert reply.answers == (Answer("Grüß Gott, 世界"),)
    assert reply.usage == Usage(7, 3)
    assert heard[-1] >= len("Grüß Gott, 世界")
    assert "stream" in faults.paths[0] or faults.seen[0]["stream"] is True


@pytest.mark.parametrize("name", BODIES)
@given(st.lists(st.integers(1, 40), min_size=1))
@settings(max_examples=60, database=None)
def test_where_the_bytes_are_cut_changes_nothing(name: str, sizes: list[int]) -> None:
    body, one, other = BODIES[name], FOLDS[name](), FOLDS[name]()
    one.feed(body)
    at = number = 0
    while at < len(body):
        size = sizes[number % len(sizes)]
        other.feed(body[at : at + size])
        at, number = at + size, number + 1
    assert other.whole() == one.whole()
    assert other.text() == "Grüß Gott, 世界"


async def test_samples_of_one_request_are_kept_apart(faults: Any) -> None:
    events(faults, sse(chunk("a", None, 1), chunk("b"), chunk("c", "stop"), chunk("d", "stop", 1), USAGE, "[DONE]"))
    served = provider("openai", faults.url)
    reply = await served.complete(Request((Message("user", "hi"),), stream=True), 2)
    await served.close()
    assert [answer.text for answer in reply.answers] == ["bc", "ad"]


@pytest.mark.parametrize("name", BODIES)
async def test_a_server_that_sends_it_at_once_is_read_all_the_same(name: str, faults: Any) -> None:
    stream = FOLDS[name]()
    stream.feed(BODIES[name])
    faults.json(stream.whole())
    assert (await ask(provider(name, faults.url))).answers == (Answer("Grüß Gott, 世界"),)


async def test_one_that_ends_too_early_is_no_answer(faults: Any) -> None:
    events(faults, sse(chunk("Half of "), chunk("it")))
    reply = await ask(provider("openai", faults.url))
    assert reply.answers == (Answer("Half of it", "unterminated"),)


BROKEN: dict[str, tuple[bytes, type[CallError]]] = {
    "no JSON": (sse(chunk("paid"), '{"choices": [') + b"\n\n", AnswerError),
    "too deep": (sse(chunk("paid"), "[" * 100_000), AnswerError),
    "busy": (sse(chunk("a"), {"error": {"message": "busy", "code": "rate_limit_exceeded"}}), RefusedError),
    "its own error": (sse(chunk("a"), {"error": {"message": "oh", "code": 502}}), InDoubtError),
    "a wrong request": (sse({"error": {"message": "no", "type": "invalid_request_error"}}), PermanentError),
    "nothing": (b"", AnswerError),
    "only comments": (b": hello\n\n: hello\n\n", AnswerError),
    "odd events": (sse([1], "3", "null", {"choices": 7}, {"choices": [{"delta": 1}]}), AnswerError),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_stream_ends_in_its_class(name: str, faults: Any) -> None:
    body, kind = BROKEN[name]
    events(faults, body)
    if name == "odd events":
        assert (await ask(provider("openai", faults.url))).answers[0].finish == "unterminated"
        return
    with pytest.raises(kind) as caught:
        await ask(provider("openai", faults.url))
    if body.startswith(sse(chunk("paid"))):
        assert isinstance(caught.value, AnswerError)
        assert caught.value.text == "paid"


async def test_one_that_is_cut_off_is_in_doubt(faults: Any) -> None:
    events(faults, sse(chunk("Half")), cut=True)
    with pytest.raises(InDoubtError):
        await ask(provider("openai", faults.url))


async def test_an_endless_one_ends_at_the_cap_and_a_slow_one_at_the_deadline(faults: Any) -> None:
    faults.endless(sse(chunk("x" * (1 << 20))), Content_Type="text/event-stream")
    with pytest.raises(AnswerError, match="32 MiB"):
        await ask(provider("openai", faults.url), timeout=PATIENCE)
    faults.hang()
    with pytest.raises(InDoubtError):
        await ask(provider("openai", faults.url), timeout=0.5)


async def test_a_shape_that_is_whole_ends_the_answer(faults: Any) -> None:
    """A server that knows no structured output is told in words, and may talk on behind the value: nobody waits."""

    async def talkative(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if "response_format" in body:
            return web.json_response({"error": {"message": "response_format is not supported"}}, status=400)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(sse(chunk('["a", '), chunk('"b"]')))
        await faults.closing.wait()
        return response

    faults.replies.append(talkative)
    reply = await ask(provider("openai", faults.url), schema=LIST)
    assert reply.answers == (Answer('["a", "b"]'),)


async def test_a_server_that_knows_no_stream_is_asked_without(faults: Any) -> None:
    faults.json({"error": {"message": "stream_options: extra fields not permitted"}}, 400)
    faults.json({"error": {"message": "stream is not supported by this model", "param": "stream"}}, 400)
    faults.json({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]})
    assert (await ask(provider("openai", faults.url))).answers == (Answer("yes"),)
    assert ["stream" in body for body in faults.seen] == [True, True, False]


async def test_a_flow_says_so_and_is_told_how_far_it_is(faults: Any, tmp_path: Path) -> None:
    events(faults, CHAT)
    path = tmp_path / "a.flow"
    path.write_text('model m = "openai:x" with stream: true\nflow f() { a = ask m "hi" return a }\n')
    told: list[e.Event] = []
    result = await run_async(path, options=RunOptions(environ={"OPENAI_BASE_URL": faults.url}, on_event=[told.append]))
    assert result.value == "Grüß Gott, 世界"
    grown = [event.characters for event in told if isinstance(event, e.AnswerGrew)]
    assert grown[-1] == len("Grüß Gott, 世界")
    assert result.summary.growing == {}
