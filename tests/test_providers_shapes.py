"""What each hosted provider sends, against the forms that the APIs document, and what it makes of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Answer, Message, Request
from flowrun.runtime.vocabulary.errors import AnswerError, PermanentError, RefusedError
from flowrun.runtime.vocabulary.usage import Usage

POINT = {
    "type": "object",
    "properties": {"x": {"type": "integer", "minimum": 1}, "label": {"type": "string", "minLength": 2}},
    "required": ["x"],
}
LIST = {"type": "array", "items": {"type": "string"}}
OPEN = {"type": "object", "additionalProperties": {"type": "integer"}}
HELLO = (Message("system", "be brief"), Message("user", "hello"))
LINES: list[str] = []


@pytest.fixture
def provider(faults: Any) -> Callable[[str], Provider]:
    environ = {
        "OPENAI_BASE_URL": f"{faults.url}/v1",
        "ANTHROPIC_BASE_URL": faults.url,
        "ANTHROPIC_API_KEY": "ak",
        "GOOGLE_GEMINI_BASE_URL": f"{faults.url}/",
        "GEMINI_API_KEY": "gk",
    }
    LINES.clear()
    return lambda name: open_provider(f"{name}:m", Surroundings(environ, LINES.append))


async def ask(provider: Provider, samples: int = 1, **parameters: Any) -> tuple[Answer, ...]:
    return (await provider.complete(Request(HELLO, **parameters), samples)).answers


def chat(*texts: str | None, reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    choices = [{"message": {"content": text, **message}, "finish_reason": reason} for text in texts]
    return {"choices": choices, "usage": {"prompt_tokens": 7, "completion_tokens": 3}}


def claude(text: str, reason: str = "end_turn") -> dict[str, Any]:
    usage = {"input_tokens": 4, "cache_read_input_tokens": 3, "output_tokens": 3}
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": text}]
    return {"content": blocks, "stop_reason": reason, "usage": usage}


def google(*texts: str, reason: str = "STOP") -> dict[str, Any]:
    parts = [[{"text": "hm", "thought": True}, {"text": text}] for text in texts]
    candidates = [{"content": {"parts": part}, "finishReason": reason} for part in parts]
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 1, "thoughtsTokenCount": 2}
    return {"candidates": candidates, "usageMetadata": usage}


GOOD: dict[str, Callable[..., dict[str, Any]]] = {"openai": chat, "anthropic": claude, "gemini": google}


def rejection(message: str, param: str | None = None, status: int = 400) -> tuple[dict[str, Any], int]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param}}, status


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


async def test_openai_falls_back_and_remembers(faults: Any, provider: Any) -> None:
    faults.json(*rejection("This response_format type is unavailable now"))
    faults.json(chat('{"answer": "no"}'))
    faults.json(*rejection("response_format.type `json_object` is not supported", "response_format", 422))
    faults.json(chat('```json\n["a"]\n```'))
    faults.json(chat(" yes\n"))
    served = provider("openai")
    assert (await ask(served, choices=("yes", "no")))[0].text == "no"
    assert (await ask(served, schema=LIST))[0].text == '["a"]'
    assert (await ask(served, choices=("yes", "no")))[0].text == "yes"
    await served.close()
    formats = [seen.get("response_format", {}).get("type") for seen in faults.seen]
    assert formats == ["json_schema", "json_object", "json_object", None, None]
    words = [seen["messages"][-1]["content"] for seen in faults.seen]
    assert words[0] == "hello"
    assert words[1].startswith("hello\n\nAnswer with JSON") and '"answer"' in words[1]
    assert words[3].endswith(json.dumps(LIST))
    assert words[4].endswith('without quotes: "yes", "no"')
    assert [line.split(" (")[0] for line in LINES] == [
        "openai:m: going on without json_schema",
        "openai:m: going on without json_object",
    ]


async def test_a_schema_passed_over_in_silence_is_said_in_words_next(faults: Any, provider: Any) -> None:
    faults.json(chat("I think: no"))
    faults.json(chat('{"answer": "no"}'))
    served = provider("openai")
    assert (await ask(served, choices=("yes", "no")))[0].text == "I think: no"
    assert (await ask(served, choices=("yes", "no")))[0].text == "no"
    await served.close()
    assert faults.seen[1]["response_format"] == {"type": "json_object"}


async def test_lone_surrogates_inside_a_shape(faults: Any, provider: Any) -> None:
    faults.json(chat('{"answer": "a\\ud800"}'))
    served = provider("openai")
    assert (await ask(served, schema={"type": "string"}))[0].text == '"a\ufffd"'
    await served.close()


async def test_parameters_that_a_model_does_not_take(faults: Any, provider: Any) -> None:
    faults.json(*rejection("Unsupported value: 'temperature' does not support 0.2 with this model.", "temperature"))
    faults.json(*rejection("'max_tokens' is not supported. Use 'max_completion_tokens' instead.", "max_tokens"))
    faults.json(chat("a"))
    served = provider("openai")
    for _ in range(2):
        await ask(served, temperature=0.2, max_tokens=9)
    await served.close()
    assert [sorted(set(seen) - {"model", "messages"}) for seen in faults.seen] == [
        ["max_tokens", "temperature"],
        ["max_tokens"],
        ["max_completion_tokens"],
        ["max_completion_tokens"],
    ]


@pytest.mark.parametrize(
    ("name", "message", "param"),
    [
        ("openai", "Invalid 'temperature': decimal above maximum value. Expected <= 2.", "temperature"),
        ("openai", "max_tokens is too large: 99999. This model's maximum context length is 8192 tokens.", None),
        ("openai", "you must provide a model parameter", None),
        ("anthropic", "temperature: range: 0..1", None),
        ("anthropic", "max_tokens: 99999 > 64000, which is the maximum allowed", None),
        ("gemini", "Invalid temperature: must be between 0.0 and 2.0", None),
    ],
)
async def test_a_value_that_is_wrong_is_the_users_to_mend(
    faults: Any, provider: Any, name: str, message: str, param: str | None
) -> None:
    faults.json(*rejection(message, param))
    served = provider(name)
    with pytest.raises(PermanentError, match=message.partition(":")[0]):
        await ask(served, temperature=9, max_tokens=99999)
    await served.close()
    assert len(faults.seen) == 1


async def test_both_names_of_the_bound_refused_is_an_error(faults: Any, provider: Any) -> None:
    faults.json(*rejection("Unsupported parameter: max_tokens"))
    faults.json(*rejection("Unsupported parameter: max_completion_tokens"))
    served = provider("openai")
    with pytest.raises(PermanentError):
        await ask(served, max_tokens=9)
    await served.close()
    assert len(faults.seen) == 2


async def test_samples_that_do_not_come(faults: Any, provider: Any) -> None:
    faults.json(chat("a"))
    served = provider("openai")
    assert served.samples == 8
    assert len(await ask(served, 20)) == 1
    assert served.samples == 1
    await ask(served, 4)
    await served.close()
    assert [seen.get("n") for seen in faults.seen] == [8, None]


@pytest.mark.parametrize(
    ("name", "message", "good"),
    [
        ("openai", "Only one completion choice is allowed", chat("a")),
        ("openai", "Unsupported parameter: 'n'", chat("a")),
        ("gemini", "Multiple candidates is not enabled for this model", google("a")),
    ],
)
async def test_samples_that_are_refused(faults: Any, provider: Any, name: str, message: str, good: Any) -> None:
    faults.json(*rejection(message))
    faults.json(good)
    served = provider(name)
    assert len(await ask(served, 4)) == 1
    await served.close()
    assert served.samples == 1
    assert "candidateCount" not in faults.seen[1].get("generationConfig", {}) and "n" not in faults.seen[1]


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


async def test_anthropic_falls_back_and_remembers(faults: Any, provider: Any) -> None:
    faults.json(*rejection("'claude-3' does not support output_config.format"))
    faults.json(*rejection("tool_choice forces tool use is not compatible with this model"))
    faults.json(*rejection("`temperature` is deprecated for this model."))
    faults.json(claude("no"))
    served = provider("anthropic")
    for _ in range(2):
        assert (await ask(served, choices=("yes", "no"), temperature=0.0))[0].text == "no"
    await served.close()
    asked = [[name for name in ("output_config", "tools", "temperature") if name in seen] for seen in faults.seen]
    assert asked == [["output_config", "temperature"], ["tools", "temperature"], ["temperature"], [], []]


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
        {"responseMimeType": "application/json", "responseJsonSchema": POINT},
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
