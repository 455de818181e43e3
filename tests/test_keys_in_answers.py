"""Answers are data: no word of them is cut out for being a key, and an answer that carries a real key is refused."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.secret import Secret
from flowrun.runtime.vocabulary.call import Answer, Message, Request
from flowrun.runtime.vocabulary.errors import CallError
from support.command_line import chat

KEY = "sk-planted/0123456789+abcdefghij"
FAKE = ["ollama", "EMPTY", "none", "test", "1", "lm-studio", "sk-no-key-required", "not-needed", "your-api-key-here"]
FAKE += ["token-abc123", "sk-1234", "not-a-real-key-but-wanted", "xxxxxxxxxxxxxxxxxxxxxxxx1", "abc123def456"]
REAL = [
    KEY,
    "sk-proj-4Rf0aXk2LmZ9Qw81",
    "sk-ant-api03-Zx8bQ2-abc_DEF",
    "AIzaSyD4k3T9xq0_aBcDeFgHiJkLmNoPqRsTuVw",
    "gsk_1a2B3c4D5e6F7g8H9i0J",
    "0f8fad5b-d9cb-469f-a165-70867728950e",
    "b7d03a6947b217efb6f3ec3bd3504582",
    "qwertzuiopasdfghjklyxcvbnm",
]
VARIABLES = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY"}
BASES = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "gemini": "GOOGLE_GEMINI_BASE_URL"}


def reply(name: str, text: str) -> dict[str, Any]:
    if name == "openai":
        return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 7}}
    if name == "anthropic":
        return {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": {"input_tokens": 7}}
    candidate = {"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}
    return {"candidates": [candidate], "usageMetadata": {"promptTokenCount": 7}}


async def asked(faults: Any, key: str, name: str = "openai", **more: Any) -> Answer:
    served = open_provider(f"{name}:m", Surroundings({VARIABLES[name]: key, BASES[name]: faults.url}))
    try:
        (answer,) = (await served.complete(Request((Message("user", "hi"),), **more))).answers
        return answer
    finally:
        await served.close()


@pytest.mark.parametrize("key", FAKE)
async def test_a_key_that_is_a_word_stays_in_answers(key: str, faults: Any, flow: Callable[[str], Path]) -> None:
    path = flow(
        'flow f() {\n  a = ask "Which?"\n  b = repeat 3 { ask "Vote" -> nuts | "' + key + '" } reduce majority\n'
        '  c = ask "Record" -> { name: text }\n  return { a, b, c }\n}\n'
    )
    said = f"Run it with {key}; {key}ed, pre{key}."
    faults.json(chat(said))

    async def answer(request: Any) -> Any:
        from aiohttp import web

        body = await request.json()
        asked_for = body["messages"][-1]["content"]
        text = {"Which?": said, "Vote": json.dumps({"answer": key}), "Record": json.dumps({"name": said})}[asked_for]
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice] * body.get("n", 1)})

    faults.replies[:] = [answer]
    journal = path.parent / "journal.db"
    environ = {"OPENAI_BASE_URL": faults.url, "OPENAI_API_KEY": key}
    result = await run_async(path, options=RunOptions(model="openai:m", environ=environ, journal=journal))
    assert result.value == {"a": said, "b": key, "c": {"name": said}}
    assert faults.headers[0]["Authorization"] == f"Bearer {key}"
    connection = sqlite3.connect(journal)
    bodies = "".join(body for (body,) in connection.execute("SELECT body FROM records WHERE kind = 'answer'"))
    connection.close()
    assert said in bodies and "[key]" not in bodies


@pytest.mark.parametrize("key", FAKE)
async def test_a_key_that_is_a_word_garbles_no_message(key: str, faults: Any) -> None:
    plain = f"model {key} not found; un{key} and {key}s, the {key} itself"
    faults.json({"error": {"message": f"{plain}. Incorrect API key provided: {key}."}}, 400)
    with pytest.raises(CallError) as caught:
        await asked(faults, key)
    shown = key if len(key) < 4 else "[key]"
    assert f"{plain}. Incorrect API key provided: {shown}." in str(caught.value)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda key: f"It is {key}.",
    "escaped": lambda key: json.dumps({"name": key}).replace("p", "\\u0070"),
    "slashes": lambda key: json.dumps({"name": key}).replace("/", "\\/"),
    "address": lambda key: f"https://x.example/?k={quote(key, safe='')}",
    "base64": lambda key: base64.b64encode(f"Bearer {key}!".encode()).decode(),
    "base64 at another place": lambda key: base64.b64encode(f"u:{key}".encode()).decode(),
    "base64 of addresses": lambda key: base64.urlsafe_b64encode(f"{key}??".encode()).decode(),
    "hex": lambda key: key.encode().hex(),
}


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("form", FORMS)
async def test_an_answer_with_a_real_key_is_refused_by_name(form: str, name: str, faults: Any) -> None:
    text = FORMS[form](KEY)
    faults.json(reply(name, text))
    answer = await asked(faults, KEY, name)
    assert (answer.text, answer.finish) == ("", "filtered")
    assert f"contains your key, so it is not saved ({len(text)} characters, SHA-256 " in answer.said


async def test_a_key_in_pieces_is_found(faults: Any) -> None:
    lines = []
    for at in range(0, len(KEY), 5):
        delta = {"choices": [{"index": 0, "delta": {"content": KEY[at : at + 5]}}]}
        lines.append(f"data: {json.dumps(delta)}\n\n")
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    faults.raw("".join([*lines, f"data: {json.dumps(end)}\n\n"]).encode(), kind="text/event-stream")
    assert "contains your key" in (await asked(faults, KEY, stream=True)).said
    parts = [{"type": "text", "text": KEY[:9]}, {"type": "text", "text": KEY[9:]}]
    faults.json({"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]})
    assert "contains your key" in (await asked(faults, KEY)).said


async def test_other_samples_of_the_request_are_kept_and_thoughts_are_nobodys(faults: Any) -> None:
    choices = [
        {"message": {"content": text, "reasoning_content": f"the key is {KEY}"}, "finish_reason": "stop"}
        for text in ("fine", KEY)
    ]
    faults.json({"choices": choices})
    served = open_provider("openai:m", Surroundings({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": faults.url}))
    reply = await served.complete(Request((Message("user", "hi"),)), 2)
    await served.close()
    assert reply.answers == (Answer("fine"), Answer("", "filtered"))


SPOILT = {
    "only reasoning": json.dumps({"choices": [{"message": {"reasoning": KEY}, "finish_reason": "stop"}]}).encode(),
    "cut JSON": b'{"choices": [{"message": {"content": "' + KEY.encode(),
    "at the edge of what is kept": b'{"choices": ["' + b"x" * (64 * 1024 - 30) + KEY.encode(),
    "no choices": json.dumps({"headers": {"Authorization": f"Bearer {KEY}"}}).encode(),
}


def artefacts(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]


@pytest.mark.parametrize("name", SPOILT)
async def test_what_is_kept_of_a_spoilt_answer_has_no_key(
    name: str, faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    faults.raw(SPOILT[name])
    journal = tmp_path / "journal.db"
    path = flow('flow f() { a = ask "hi" with retries: 0 return a }\n')
    environ = {"OPENAI_BASE_URL": faults.url, "OPENAI_API_KEY": KEY}
    result = await run_async(path, options=RunOptions(model="openai:m", environ=environ, journal=journal))
    assert "contains your key" in result.failures[0].reason
    assert "SHA-256" in result.failures[0].reason
    connection = sqlite3.connect(journal)
    (body,) = [json.loads(body) for (body,) in connection.execute("SELECT body FROM records WHERE kind = 'answer'")]
    connection.close()
    assert body["text"] == ""
    assert "SHA-256" in body["error"]
    assert b"sk-planted" not in b"".join(artefacts(tmp_path))


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
async def test_messages_never_show_a_real_key(status: int, faults: Any) -> None:
    for form in FORMS.values():
        faults.seen.clear()
        faults.replies.clear()
        faults.json({"error": {"message": f"You sent {form(KEY)}"}}, status)
        with pytest.raises(CallError) as caught:
            await asked(faults, KEY)
        # In whichever form: it is not there, and neither is most of it.
        assert "[key]" in str(caught.value)
        assert not Secret(KEY).carried_by(str(caught.value))


def test_what_a_real_key_is() -> None:
    assert [key for key in REAL if not Secret(key).real] == []
    assert [key for key in FAKE if Secret(key).real] == []


@given(st.sampled_from(REAL), st.text(max_size=20), st.text(max_size=20), st.integers(0, 3))
def test_a_key_is_found_wherever_it_stands(key: str, before: str, after: str, form: int) -> None:
    found = Secret(key)
    raw = f"{before}{key}{after}".encode()
    text = [
        f"{before}{key}{after}",
        json.dumps(before + key + after),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    ][form]
    assert found.carried_by(text)
    assert not found.carried_by(found.hide(text))


@given(st.sampled_from(REAL), st.text(max_size=200))
def test_a_text_without_the_key_is_left_alone(key: str, text: str) -> None:
    assert Secret(key).hide(text) == text
    assert not Secret(key).carried_by(text)
