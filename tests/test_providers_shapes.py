"""What each hosted provider sends, against the forms that the APIs document, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowrun.runtime.providers.lengths import without_text_lengths
from flowrun.runtime.providers.protocol import Provider
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import AnswerError, PermanentError, RefusedError
from flowrun.runtime.vocabulary.usage import Usage
from support.hosted import HELLO, LIST, ask, chat, claude, google, opening, rejection

POINT = {
    "type": "object",
    "properties": {"x": {"type": "integer", "minimum": 1}, "label": {"type": "string", "minLength": 2}},
    "required": ["x"],
}
OPEN = {"type": "object", "additionalProperties": {"type": "integer"}}


@pytest.fixture
def provider(faults: Any) -> Callable[[str], Provider]:
    return opening(faults.url)


GOOD: dict[str, Callable[..., dict[str, Any]]] = {"openai": chat, "anthropic": claude, "gemini": google}


@pytest.mark.parametrize("name", GOOD)
async def test_plain_text_and_usage(faults: Any, provider: Any, name: str) -> None:
    faults.json(GOOD[name]("hi"))
    served = provider(name)
    reply = await served.complete(Request(HELLO))
    await served.close()
    assert reply.answers == (Answer("hi"),)
    assert reply.usage == Usage(7, 3)


async def test_openai_request(faults: Any, provider: Any) -> None:
    faults.json(chat("a", "b", "c"))
    served = provider("openai")
    answers = await ask(served, 3, temperature=0.5, max_tokens=9, seed=4)
    await served.close()
    assert [answer.text for answer in answers] == ["a", "b", "c"]
    assert faults.paths == ["/v1/chat/completions"]
    assert faults.seen[0] == {
        "model": "m",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "n": 3,
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 4,
    }
    assert "Authorization" not in faults.headers[0]


async def test_anthropic_request(faults: Any, provider: Any) -> None:
    faults.json(claude("a"))
    served = provider("anthropic")
    assert served.samples == 1
    assert len(await ask(served, 3, temperature=0.5, seed=4)) == 1
    await served.close()
    assert faults.paths == ["/v1/messages"]
    assert faults.headers[0]["x-api-key"] == "ak"
    assert faults.headers[0]["anthropic-version"] == "2023-06-01"
    assert faults.seen[0] == {
        "model": "m",
        "max_tokens": 4096,
        "system": "be brief",
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.5,
    }


async def test_gemini_request(faults: Any, provider: Any) -> None:
    faults.json(google("a", "b"))
    served = provider("gemini")
    assert len(await ask(served, 2, temperature=0.5, seed=4, max_tokens=9)) == 2
    await served.close()
    assert faults.paths == ["/v1beta/models/m:generateContent"]
    assert faults.headers[0]["x-goog-api-key"] == "gk"
    assert faults.seen[0] == {
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}],
        "systemInstruction": {"parts": [{"text": "be brief"}]},
        "generationConfig": {"candidateCount": 2, "maxOutputTokens": 9, "temperature": 0.5, "seed": 4},
    }


WRAPPED_LIST = {
    "type": "object",
    "properties": {"answer": LIST},
    "required": ["answer"],
    "additionalProperties": False,
}


async def test_openai_strict_schemas(faults: Any, provider: Any) -> None:
    faults.json(chat('{"x": 1, "label": null}'))
    faults.json(chat('{"answer": ["ä", "b"]}'))
    faults.json(chat('{"answer": "no"}'))
    faults.json(chat('{"k": 1}'))
    served = provider("openai")
    texts = [(await ask(served, schema=schema))[0].text for schema in (POINT, LIST)]
    texts += [(await ask(served, choices=("yes", "no")))[0].text, (await ask(served, schema=OPEN))[0].text]
    await served.close()
    assert texts == ['{"x": 1}', '["ä", "b"]', "no", '{"k": 1}']
    sent = [seen["response_format"]["json_schema"] for seen in faults.seen]
    assert [schema["strict"] for schema in sent] == [True, True, True, False]
    assert sent[0]["schema"] == {
        "type": "object",
        "properties": {
            "x": {"type": "integer", "minimum": 1},
            "label": {"anyOf": [{"type": "string", "description": "minLength: 2"}, {"type": "null"}]},
        },
        "required": ["x", "label"],
        "additionalProperties": False,
    }
    assert sent[1]["schema"] == WRAPPED_LIST
    assert sent[2]["schema"]["properties"]["answer"] == {"type": "string", "enum": ["yes", "no"]}
    assert sent[3]["schema"] == OPEN


async def test_lone_surrogates_inside_a_shape(faults: Any, provider: Any) -> None:
    faults.json(chat('{"answer": "a\\ud800"}'))
    served = provider("openai")
    assert (await ask(served, schema={"type": "string"}))[0].text == '"a\ufffd"'
    await served.close()


async def test_anthropic_structured(faults: Any, provider: Any) -> None:
    tool = {"content": [{"type": "tool_use", "name": "answer", "input": {"k": 1}}], "stop_reason": "tool_use"}
    faults.json(claude('{"x": 2, "label": "ab"}'))
    faults.json(tool)
    served = provider("anthropic")
    assert (await ask(served, schema=POINT))[0].text == '{"x": 2, "label": "ab"}'
    assert (await ask(served, schema=OPEN))[0].text == '{"k": 1}'
    await served.close()
    form = faults.seen[0]["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert form["schema"]["properties"]["x"] == {"type": "integer", "description": "minimum: 1"}
    assert faults.seen[1]["tools"][0]["input_schema"] == OPEN
    assert faults.seen[1]["tool_choice"] == {"type": "tool", "name": "answer"}


async def test_gemini_structured(faults: Any, provider: Any) -> None:
    for text in ("no", '["a"]'):
        faults.json(google(text))
    faults.json(*rejection("response_json_schema: unsupported keyword"))
    faults.json(google('{"x": 1}'))
    served = provider("gemini")
    assert (await ask(served, choices=("yes", "no")))[0].text == "no"
    assert (await ask(served, schema=LIST))[0].text == '["a"]'
    assert (await ask(served, schema=POINT))[0].text == '{"x": 1}'
    await served.close()
    configs = [seen.get("generationConfig") for seen in faults.seen]
    enum = {"type": "STRING", "enum": ["yes", "no"]}
    assert configs == [
        {"responseMimeType": "text/x.enum", "responseSchema": enum},
        {"responseMimeType": "application/json", "responseJsonSchema": LIST},
        {"responseMimeType": "application/json", "responseJsonSchema": without_text_lengths(POINT)},
        None,
    ]
    assert faults.seen[3]["contents"][0]["parts"][0]["text"].startswith("hello\n\nAnswer with JSON")


FINISHES = [
    ("openai", chat("cut", reason="length"), Answer("cut", "length")),
    ("openai", chat("cut", reason=None), Answer("cut", "unterminated")),
    ("openai", chat("", reason="length"), Answer("", "length")),
    ("openai", chat("x", reason="content_filter"), Answer("x", "filtered")),
    ("openai", chat(None, refusal="I will not"), Answer("I will not", "filtered")),
    ("openai", chat("x", reason="eos"), Answer("x", "stop")),
    ("anthropic", claude("cut", "max_tokens"), Answer("cut", "length")),
    ("anthropic", claude("cut", "model_context_window_exceeded"), Answer("cut", "length")),
    ("anthropic", claude("", "refusal"), Answer("", "filtered")),
    ("anthropic", claude("x", "stop_sequence"), Answer("x", "stop")),
    ("gemini", google("cut", reason="MAX_TOKENS"), Answer("cut", "length")),
    ("gemini", google("x", reason="SAFETY"), Answer("x", "filtered")),
    ("gemini", {"candidates": [{"finishReason": "RECITATION"}]}, Answer("", "filtered")),
]


@pytest.mark.parametrize(("name", "body", "answer"), FINISHES)
async def test_why_a_model_stopped(faults: Any, provider: Any, name: str, body: Any, answer: Answer) -> None:
    faults.json(body)
    served = provider(name)
    assert await ask(served) == (answer,)
    await served.close()


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("gemini", {"promptFeedback": {"blockReason": "SAFETY"}}, "SAFETY"),
        ("gemini", {"candidates": []}, "no candidates"),
        ("gemini", google(""), "empty"),
        ("anthropic", {"content": None}, "no content"),
        ("anthropic", {"content": [], "stop_reason": "end_turn"}, "empty"),
        ("openai", {"choices": [None, 3]}, "no choices"),
        ("openai", chat("", ""), "empty"),
    ],
)
async def test_no_answer_is_a_failure(faults: Any, provider: Any, name: str, body: Any, said: str) -> None:
    faults.json(body)
    served = provider(name)
    with pytest.raises(AnswerError, match=said):
        await ask(served)
    await served.close()


async def test_gemini_says_when_to_come_back(faults: Any, provider: Any) -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.4s"}
    minute = {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}]}
    day = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    error = {"code": 429, "message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED"}
    faults.json({"error": {**error, "details": [minute, retry]}}, 429)
    faults.json({"error": {**error, "details": [day, retry]}}, 429)
    served = provider("gemini")
    with pytest.raises(RefusedError) as refused:
        await ask(served)
    with pytest.raises(PermanentError):
        await ask(served)
    await served.close()
    assert refused.value.retry_after == 36.4


async def test_anthropic_overload_and_billing(faults: Any, provider: Any) -> None:
    faults.json({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529)
    low = "Your credit balance is too low to access the Anthropic API."
    faults.json({"type": "error", "error": {"type": "invalid_request_error", "message": low}}, 400)
    faults.json({"type": "error", "error": {"type": "billing_error", "message": "pay"}}, 402)
    served = provider("anthropic")
    for kind, words in ((RefusedError, "Overloaded"), (PermanentError, "credit"), (PermanentError, "used up")):
        with pytest.raises(kind, match=words):
            await ask(served)
    await served.close()
