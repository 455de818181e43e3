"""What can have no other end is asked and paid for once, and the model that stands in takes over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime import Result, RunOptions, run_async
from flowrun.runtime.api import resume_async

Json = Any
HOME = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}


def chat(text: str | None, reason: str, **message: Json) -> Json:
    return {"choices": [{"index": 0, "message": {"content": text, **message}, "finish_reason": reason}], "usage": {}}


def claude(text: str, reason: str) -> Json:
    return {"content": [{"type": "text", "text": text}], "stop_reason": reason, "usage": {}}


def google(text: str, reason: str) -> Json:
    return {"candidates": [{"index": 0, "content": {"parts": [{"text": text}]}, "finishReason": reason}]}


BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
GOOD = {"openai": chat("ok", "stop"), "anthropic": claude("ok", "end_turn"), "gemini": google("ok", "STOP")}


def events(name: str, body: Json) -> bytes:
    """The same reply as a stream of events."""
    if name == "gemini":
        return f"data: {json.dumps(body)}\n\n".encode()
    if name == "openai":
        (choice,) = body["choices"]
        delta = {"index": 0, "delta": choice["message"], "finish_reason": choice["finish_reason"]}
        return f"data: {json.dumps({'choices': [delta]})}\n\ndata: [DONE]\n\n".encode()
    parts = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": body["content"][0]},
        {"type": "message_delta", "delta": {"stop_reason": body["stop_reason"]}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {part['type']}\ndata: {json.dumps(part)}\n\n" for part in parts).encode()


def answers(faults: Any, name: str, body: Json, status: int = 200) -> None:
    """Give this to each request, plain or streamed as it was asked for; another provider's requests go well."""

    async def reply(request: web.Request) -> web.StreamResponse:
        asked = "anthropic" if "messages" in request.path else "gemini" if "Content" in request.path else "openai"
        if asked != name:
            return web.json_response(GOOD[asked])
        if status == 200 and ("stream" in request.path or faults.seen[-1].get("stream")):
            return web.Response(body=events(name, body), headers={"Content-Type": "text/event-stream"})
        return web.json_response(body, status=status)

    faults.replies.append(reply)


async def ran(faults: Any, path: Path, name: str, journal: Path | None = None) -> Result:
    environ = dict.fromkeys(HOME.values(), faults.url)
    environ |= {"ANTHROPIC_API_KEY": "ak", "GEMINI_API_KEY": "gk"}
    return await run_async(path, options=RunOptions(model=f"{name}:m", environ=environ, journal=journal))


ERROR = {"message": "no", "type": "invalid_request_error"}
CERTAIN = [
    ("openai", chat("", "content_filter"), 200, ""),
    ("openai", chat(None, "stop", refusal="I will not."), 200, ""),
    ("openai", chat("cut", "length"), 200, "temperature: 0, seed: 1, max_tokens: 9"),
    ("openai", chat("cut", "length"), 200, "temperature: 0, max_tokens: 9"),
    ("openai", chat("cut", "length"), 200, "seed: 1, max_tokens: 9"),
    ("openai", {"error": ERROR | {"code": "content_filter"}}, 400, ""),
    ("openai", {"error": ERROR | {"code": "context_length_exceeded"}}, 400, ""),
    ("openai", {"error": ERROR | {"type": "exceed_context_size_error", "code": 400}}, 400, ""),
    ("anthropic", claude("", "refusal"), 200, ""),
    ("anthropic", claude("cut", "model_context_window_exceeded"), 200, ""),
    ("anthropic", claude("cut", "max_tokens"), 200, "temperature: 0"),
    ("anthropic", {"error": ERROR | {"message": "prompt is too long: 300000 tokens > 200000 maximum"}}, 400, ""),
    ("gemini", google("", "SAFETY"), 200, ""),
    ("gemini", google("", "PROHIBITED_CONTENT"), 200, ""),
    ("gemini", BLOCKED, 200, ""),
    ("gemini", google("cut", "MAX_TOKENS"), 200, "temperature: 0, seed: 3"),
    ("gemini", {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "input token count exceeds"}}, 400, ""),
]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(("name", "body", "status", "options"), CERTAIN)
async def test_what_can_have_no_other_end_is_paid_once(
    faults: Any, flow: Any, name: str, body: Json, status: int, options: str, stream: bool
) -> None:
    answers(faults, name, body, status)
    options = ", ".join(filter(None, [options, "stream: true" if stream else ""]))
    path = flow(f'flow f() {{ a = ask "?" {f"with {options}" if options else ""} return a }}')
    result = await ran(faults, path, name)
    assert len(faults.seen) == 1
    (failure,) = result.failures
    assert "times)" not in failure.reason


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize(("name", "body", "status", "options"), CERTAIN)
async def test_the_model_that_stands_in_takes_over(
    faults: Any, flow: Any, name: str, body: Json, status: int, options: str, stream: bool
) -> None:
    answers(faults, name, body, status)
    other = "gemini" if name != "gemini" else "openai"
    options = ", ".join(filter(None, [options, "stream: true" if stream else ""]))
    given = f"with {options}" if options else ""
    path = flow(f'model m = "{name}:m" else "{other}:m"\nflow f() {{ a = ask m "?" {given} return a }}')
    result = await ran(faults, path, name)
    assert result.value == "ok"
    assert len(faults.seen) == 2


@pytest.mark.parametrize(
    ("name", "body", "options"),
    [
        ("openai", chat("cut", "length"), "max_tokens: 9"),
        ("openai", chat("cut", "length"), "temperature: 0.7, max_tokens: 9"),
        ("anthropic", claude("cut", "max_tokens"), "temperature: 1"),
        ("gemini", google("cut", "MAX_TOKENS"), "max_tokens: 9"),
    ],
)
async def test_an_answer_that_may_be_shorter_another_time_is_asked_for_again(
    faults: Any, flow: Any, name: str, body: Json, options: str
) -> None:
    answers(faults, name, body)
    result = await ran(faults, flow(f'flow f() {{ a = ask "?" with {options} return a }}'), name)
    assert len(faults.seen) == 3
    assert result.failures[0].reason.endswith("(3 times)")
    # It was of no other form than was asked for: nothing is said of it.
    assert faults.seen[0] == faults.seen[1] == faults.seen[2]


@pytest.mark.parametrize(("name", "body", "status", "options"), [row for row in CERTAIN if row[0] != "openai"])
async def test_each_ballot_is_paid_once(
    faults: Any, flow: Any, name: str, body: Json, status: int, options: str
) -> None:
    answers(faults, name, body, status)
    given = f"with {options}" if options else ""
    path = flow(f'flow f() {{ v = repeat 3 {{ ask "?" {given} }} reduce majority with launch: together return v }}')
    result = await ran(faults, path, name)
    assert result.failures
    assert len(faults.seen) <= 3


async def test_a_ballot_that_is_held_back_is_cast_by_the_model_that_stands_in(faults: Any, flow: Any) -> None:
    answers(faults, "anthropic", claude("", "refusal"))
    vote = 'repeat 3 { ask m "?" } reduce majority'
    path = flow(f'model m = "anthropic:m" else "openai:m"\nflow f() {{ v = {vote} return votes(v) }}')
    result = await ran(faults, path, "anthropic")
    assert result.value["winner"] == "ok"


@pytest.mark.parametrize(
    ("name", "body"), [("gemini", BLOCKED), ("anthropic", claude("cut", "model_context_window_exceeded"))]
)
async def test_a_resume_knows_that_it_can_have_no_other_end(
    faults: Any, flow: Any, tmp_path: Path, name: str, body: Json
) -> None:
    answers(faults, name, body)
    path = flow('flow f() { a = ask "?" return a }')
    await ran(faults, path, name, tmp_path / "j" / "journal.db")
    environ = {HOME[name]: faults.url, "ANTHROPIC_API_KEY": "ak", "GEMINI_API_KEY": "gk"}
    result = await resume_async("last", journal=tmp_path / "j" / "journal.db", options=RunOptions(environ=environ))
    assert result.failures
    assert len(faults.seen) == 1
