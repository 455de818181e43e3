"""The further options of asks in the body of each API, against a server of the test: the exact fields that are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowrun.runtime.providers import open_provider, own_names, traits_of
from flowrun.runtime.providers.anthropic import MOST_WRITTEN
from flowrun.runtime.providers.embedded.models import DEFAULT
from flowrun.runtime.providers.embedded.provider import EmbeddedProvider
from flowrun.runtime.providers.option_bodies import api_of, fields, refusals
from flowrun.runtime.providers.option_names import APIS
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.hosted import HELLO, LIST, ask, chat, claude, google, rejection

LINES: list[str] = []
ANSWERS = {"openai": chat("a"), "anthropic": claude("a"), "gemini": google("a")}
BASE = {"openai": {"model", "messages"}, "anthropic": {"model", "messages", "system"}, "gemini": {"contents"}}


@pytest.fixture
def opened(faults: Any) -> Callable[[str], Provider]:
    environ = {
        "OPENAI_BASE_URL": f"{faults.url}/v1",
        "ANTHROPIC_BASE_URL": faults.url,
        "ANTHROPIC_API_KEY": "ant-key-0123456789",
        "GOOGLE_GEMINI_BASE_URL": f"{faults.url}/",
        "GEMINI_API_KEY": "gem-key-0123456789",
    }
    LINES.clear()
    return lambda model: open_provider(model, Surroundings(environ, LINES.append))


async def sent(faults: Any, opened: Callable[[str], Provider], model: str, **parameters: Any) -> dict[str, Any]:
    """The fields of a request beside those that every request has."""
    kind = model.partition(":")[0]
    faults.json(ANSWERS[kind])
    served = opened(model)
    try:
        await ask(served, **parameters)
    finally:
        await served.close()
    (body,) = faults.seen
    return {name: value for name, value in body.items() if name not in {*BASE[kind], "systemInstruction"}}


CHAT = [
    ({"top_p": 0.9}, {"top_p": 0.9}),
    ({"stop": "END"}, {"stop": ["END"]}),
    ({"stop": ["a", "b"]}, {"stop": ["a", "b"]}),
    ({"presence_penalty": -1}, {"presence_penalty": -1}),
    ({"frequency_penalty": 0.5}, {"frequency_penalty": 0.5}),
    ({"service_tier": "flex"}, {"service_tier": "flex"}),
    ({"verbosity": "low"}, {"verbosity": "low"}),
    ({"logprobs": True}, {"logprobs": True, "top_logprobs": 5}),
    ({"user": "u1"}, {"user": "u1"}),
    ({"reasoning": "none"}, {"reasoning_effort": "none"}),
    ({"reasoning": "minimal"}, {"reasoning_effort": "minimal"}),
    ({"reasoning": "high"}, {"reasoning_effort": "high"}),
    ({"extra": {"top_k": 4, "deep": {"a": [1, None]}}}, {"top_k": 4, "deep": {"a": [1, None]}}),
]


@pytest.mark.parametrize(("options", "body"), CHAT)
async def test_chat_completions(faults: Any, opened: Any, options: dict[str, Any], body: dict[str, Any]) -> None:
    assert await sent(faults, opened, "openai:m", options=options) == body


THOUGHT = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
SHOWN = {"thinking": {"type": "adaptive", "display": "summarized"}}
MESSAGES = [
    ("claude-haiku-4-5", {"top_p": 0.9}, {"top_p": 0.9}),
    ("claude-haiku-4-5", {"stop": "END"}, {"stop_sequences": ["END"]}),
    ("claude-haiku-4-5", {"service_tier": "standard_only"}, {"service_tier": "standard_only"}),
    ("claude-haiku-4-5", {"user": "u1"}, {"metadata": {"user_id": "u1"}}),
    ("claude-haiku-4-5", {"reasoning": "none"}, {}),
    ("claude-haiku-4-5", {"reasoning": "low"}, THOUGHT),
    ("claude-sonnet-4-20250514", {"reasoning": "low"}, THOUGHT),
    ("claude-3-7-sonnet-latest", {"reasoning": {"tokens": 1024}}, THOUGHT),
    ("claude-opus-4-6", {"reasoning": {"tokens": 1024}}, THOUGHT),
    ("claude-opus-4-6", {"reasoning": "low"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
    ("claude-opus-4-7", {"reasoning": "minimal"}, {**SHOWN, "output_config": {"effort": "low"}}),
    ("claude-opus-4-8", {"reasoning": "none"}, {}),
    ("claude-opus-5", {"reasoning": "none"}, {"thinking": {"type": "disabled"}}),
    ("claude-opus-5", {"reasoning": "high"}, {**SHOWN, "output_config": {"effort": "high"}}),
    ("claude-3-5-haiku-latest", {"reasoning": "none"}, {}),
    ("claude-haiku-4-5", {"extra": {"top_k": 4, "metadata": {"x": 1}}}, {"top_k": 4, "metadata": {"x": 1}}),
]


@pytest.mark.parametrize(("model", "options", "body"), MESSAGES)
async def test_messages(faults: Any, opened: Any, model: str, options: Any, body: dict[str, Any]) -> None:
    assert await sent(faults, opened, f"anthropic:{model}", options=options) == {"max_tokens": 4096, **body}


def config(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": fields}


def thinking(**fields: Any) -> dict[str, Any]:
    return config(thinkingConfig={"includeThoughts": True, **fields})


GENERATE = [
    ("gemini-2.5-flash", {"top_p": 0.9}, config(topP=0.9)),
    ("gemini-2.5-flash", {"stop": "END"}, config(stopSequences=["END"])),
    (
        "gemini-2.5-flash",
        {"presence_penalty": 1, "frequency_penalty": 2},
        config(presencePenalty=1, frequencyPenalty=2),
    ),
    ("gemini-2.5-flash", {"logprobs": True}, config(responseLogprobs=True, logprobs=5)),
    ("gemini-2.5-flash", {"service_tier": "flex"}, {"service_tier": "flex"}),
    ("gemini-2.5-flash", {"service_tier": "default"}, {"service_tier": "standard"}),
    ("gemini-2.5-flash", {"reasoning": "none"}, config(thinkingConfig={"thinkingBudget": 0})),
    ("gemini-2.5-flash", {"reasoning": "medium"}, thinking(thinkingBudget=8192)),
    ("gemini-2.5-pro", {"reasoning": {"tokens": 500}}, thinking(thinkingBudget=500)),
    ("gemini-3-flash-preview", {"reasoning": "minimal"}, thinking(thinkingLevel="minimal")),
    ("gemini-3.1-pro-preview", {"reasoning": "minimal"}, thinking(thinkingLevel="low")),
    ("gemini-2.0-flash", {"reasoning": "none"}, {}),
    ("gemini-2.5-flash", {"extra": {"generationConfig": {"topK": 4}}, "top_p": 0.5}, config(topP=0.5, topK=4)),
]


@pytest.mark.parametrize(("model", "options", "body"), GENERATE)
async def test_generate_content(faults: Any, opened: Any, model: str, options: Any, body: dict[str, Any]) -> None:
    assert await sent(faults, opened, f"gemini:{model}", options=options) == body


async def test_a_form_and_an_effort_share_their_object(faults: Any, opened: Any) -> None:
    fields = await sent(faults, opened, "anthropic:claude-opus-5", options={"reasoning": "low"}, schema=LIST)
    assert set(fields["output_config"]) == {"format", "effort"}


async def test_a_model_that_thinks_is_not_made_to_call_a_tool(faults: Any, opened: Any) -> None:
    open_object = {"type": "object", "additionalProperties": True}
    fields = await sent(faults, opened, "anthropic:claude-haiku-4-5", options={"reasoning": "low"}, schema=open_object)
    assert "tools" not in fields and "tool_choice" not in fields


REFUSED = [
    ("openai:m", {"reasoning": {"tokens": 500}}, "`reasoning`: it takes no number of tokens"),
    ("openai:m", {"service_tier": "standard_only"}, "`service_tier`: the tiers of Chat Completions are"),
    ("openai:gpt-4.1-mini", {"reasoning": "low"}, "`reasoning`: it does not reason"),
    ("openai:gpt-4.1-mini", {"verbosity": "low"}, "`verbosity`"),
    ("openai:gpt-5-mini", {"reasoning": "none"}, "`reasoning`: it always reasons"),
    ("openai:gpt-5-mini", {"top_p": 0.5}, "`top_p`: models that reason do not take it"),
    ("openai:o3", {"stop": "END"}, "`stop`"),
    ("openai:gpt-5.4", {"reasoning": "minimal"}, "`reasoning`: it takes `none`, `low`, `medium` or `high`"),
    ("openai:gpt-5.4", {"reasoning": "low", "top_p": 0.5}, "`top_p`: `gpt-5.4` takes it only without reasoning"),
    ("openai:gpt-5.4", {"stop": list("abcde")}, "`stop`: it takes at most 4 texts"),
    ("anthropic:claude-haiku-4-5", {"presence_penalty": 1}, "`presence_penalty`: Messages has no such option"),
    ("anthropic:claude-haiku-4-5", {"service_tier": "flex"}, "`service_tier`: the tiers of Messages are `auto` or"),
    ("anthropic:claude-haiku-4-5", {"reasoning": {"tokens": 99}}, "`reasoning`: it takes tokens from 1,024 up"),
    ("anthropic:claude-haiku-4-5", {"reasoning": {"tokens": 4096}}, "with more than 4,096"),
    ("anthropic:claude-haiku-4-5", {"reasoning": "low", "top_p": 0.5}, "`top_p`: with reasoning it must be from 0.95"),
    ("anthropic:claude-opus-4-7", {"top_p": 0.9}, "`top_p`"),
    ("anthropic:claude-opus-4-6", {"reasoning": "low", "top_p": 0.5}, "`top_p`: with reasoning it must be from 0.95"),
    ("anthropic:claude-opus-4-7", {"reasoning": {"tokens": 2048}}, "`reasoning`: it takes no number of tokens"),
    ("anthropic:claude-3-5-haiku-latest", {"reasoning": "low"}, "`reasoning`: it does not reason"),
    ("gemini:gemini-2.5-flash", {"user": "me"}, "`user`"),
    ("gemini:gemini-2.5-flash", {"stop": list("abcdef")}, "`stop`: it takes at most 5 texts"),
    ("gemini:gemini-2.5-pro", {"reasoning": "none"}, "`reasoning`: it always reasons"),
    ("gemini:gemini-2.5-pro", {"reasoning": {"tokens": 99}}, "`reasoning`: it takes tokens from 128 to 32,768"),
    ("gemini:gemini-3-pro-preview", {"reasoning": "medium"}, "`reasoning`: it takes `minimal`, `low` or `high`"),
    ("gemini:gemini-3-flash-preview", {"reasoning": {"tokens": 99}}, "`reasoning`: it takes no number of tokens"),
]


@pytest.mark.parametrize(("model", "options", "why"), REFUSED)
async def test_nothing_is_sent_that_the_api_has_not(
    faults: Any, opened: Any, model: str, options: Any, why: str
) -> None:
    served = opened(model)
    with pytest.raises(PermanentError) as refused:
        await ask(served, options=options)
    await served.close()
    assert str(refused.value).startswith(f"{model} does not take `")
    assert why in str(refused.value)
    assert faults.seen == []


async def test_temperature_and_reasoning_exclude_each_other(faults: Any, opened: Any) -> None:
    served = opened("anthropic:claude-haiku-4-5")
    with pytest.raises(PermanentError, match="`temperature`"):
        await ask(served, options={"reasoning": "low"}, temperature=0.5)
    with pytest.raises(PermanentError, match="`top_p`: it takes `temperature` or `top_p`"):
        await ask(served, options={"top_p": 0.9}, temperature=0.5)
    faults.json(claude("a"))
    await ask(served, options={"reasoning": "low"}, temperature=1)
    await served.close()
    assert len(faults.seen) == 1


FIRM = [
    ("openai:m", {"reasoning": "low"}, "Unrecognized request argument supplied: reasoning_effort"),
    ("openai:m", {"stop": "END"}, "Unsupported parameter: 'stop' is not supported with this model."),
    ("openai:m", {"top_p": 0.5}, "Unsupported parameter: 'top_p' is not supported with this model."),
    ("openai:m", {"extra": {"top_k": 4}}, "top_k: Extra inputs are not permitted"),
    ("anthropic:claude-opus-5", {"reasoning": "low"}, "output_config.effort: this model does not support effort"),
    ("gemini:gemini-3-flash", {"reasoning": "low"}, "Thinking level is not supported for this model."),
]


@pytest.mark.parametrize(("model", "options", "said"), FIRM)
async def test_an_option_with_a_meaning_is_never_dropped(
    faults: Any, opened: Any, model: str, options: Any, said: str
) -> None:
    faults.json(*rejection(said))
    served = opened(model)
    with pytest.raises(PermanentError) as refused:
        await ask(served, options=options, temperature=1, choices=("yes", "no"))
    await served.close()
    assert said.rstrip(".") in str(refused.value)
    assert len(faults.seen) == 1
    assert LINES == []


async def test_a_common_word_in_a_sentence_names_no_option(faults: Any, opened: Any) -> None:
    faults.json(*rejection("The provider has no response_format in a call like this, so we stop here."))
    faults.json(chat("yes"))
    served = opened("openai:m")
    options = {"stop": "END", "extra": {"provider": {"only": ["x"]}, "a": 1}}
    assert (await ask(served, choices=("yes", "no"), options=options))[0].text == "yes"
    await served.close()
    assert len(faults.seen) == 2


@pytest.mark.parametrize("name", ["verbosity", "user"])
async def test_a_run_goes_on_without_an_option_that_changes_no_meaning(faults: Any, opened: Any, name: str) -> None:
    faults.json(*rejection(f"Unsupported parameter: '{name}' is not supported.", name))
    faults.json(chat("a"))
    served = opened("openai:m")
    for _ in range(2):
        await ask(served, options={name: "low", "top_p": 0.5})
    await served.close()
    assert [sorted(set(seen) - BASE["openai"]) for seen in faults.seen] == [
        sorted(["top_p", name]),
        ["top_p"],
        ["top_p"],
    ]
    assert [line.split(" (")[0] for line in LINES] == [f"openai:m: continuing without {name}"]


ROUTED = [
    ("reasoning", {"tokens": 500}, {"reasoning": {"max_tokens": 500}}),
    ("reasoning", "low", {"reasoning": {"effort": "low"}}),
    ("reasoning", "none", {"reasoning": {"effort": "none"}}),
    ("user", "u1", {"user": "u1"}),
]


@pytest.mark.parametrize(("name", "value", "body"), ROUTED)
def test_openrouter_has_words_of_its_own(name: str, value: Any, body: dict[str, Any]) -> None:
    api = api_of("openai", "openrouter.ai")
    assert refusals(api, "openai/gpt-5", {name: value}) == {}
    assert fields(api, "openai/gpt-5", {name: value}) == body


def test_openai_has_another_name_for_the_user() -> None:
    for host in ("api.openai.com", "eu.api.openai.com"):
        assert fields(api_of("openai", host), "gpt-5.4", {"user": "u1"}) == {"safety_identifier": "u1"}
    assert fields(api_of("openai", "notopenai.com"), "gpt-5.4", {"user": "u1"}) == {"user": "u1"}


def embedded_body(**options: Any) -> dict[str, Any]:
    provider = EmbeddedProvider(DEFAULT, Surroundings({}))
    return provider._body(Request(HELLO, options=options), 1)


def test_the_embedded_model() -> None:
    plain = embedded_body()
    options = {"top_p": 0.9, "stop": "END", "presence_penalty": 1, "frequency_penalty": 2, "logprobs": True}
    more = {"reasoning": "none", "extra": {"top_k": 4}}
    body = embedded_body(**options, **more)
    assert {name: value for name, value in body.items() if name not in plain} == {
        **options,
        "stop": ["END"],
        "top_logprobs": 5,
        "top_k": 4,
    }


@pytest.mark.parametrize(("name", "value"), [("reasoning", "low"), ("service_tier", "flex"), ("user", "me")])
async def test_the_embedded_model_refuses(name: str, value: Any) -> None:
    provider = EmbeddedProvider(DEFAULT, Surroundings({}))
    with pytest.raises(PermanentError, match=f"embedded does not take `{name}`"):
        await provider.complete(Request(HELLO, options={name: value}))


def test_both_tables_name_the_usual_length_of_an_answer() -> None:
    assert APIS["anthropic"].written == MOST_WRITTEN == traits_of("anthropic:m").most_written
    assert {traits_of(name).api for name in (*own_names(), "vertex:claude-haiku-4-5")} - {"", "any"} == APIS.keys()
