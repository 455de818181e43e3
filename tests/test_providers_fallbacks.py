"""What a hosted provider sends next when its server refuses or passes over a part of a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flowrun.runtime.providers.protocol import Provider
from flowrun.runtime.vocabulary.errors import PermanentError
from support.hosted import LINES, LIST, ask, chat, claude, google, opening, rejection


@pytest.fixture
def provider(faults: Any) -> Callable[[str], Provider]:
    return opening(faults.url)


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
        "openai:m: continuing without json_schema",
        "openai:m: continuing without json_object",
    ]


async def test_a_schema_passed_over_in_silence_is_said_in_words_next(faults: Any, provider: Any) -> None:
    faults.json(chat("I think: no"))
    faults.json(chat('{"answer": "no"}'))
    served = provider("openai")
    assert (await ask(served, choices=("yes", "no")))[0].text == "I think: no"
    assert (await ask(served, choices=("yes", "no")))[0].text == "no"
    await served.close()
    assert faults.seen[1]["response_format"] == {"type": "json_object"}


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
