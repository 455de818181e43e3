"""The option `extra` against every field that flowrun writes in a request: refused by the checker, or joined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.embedded.models import DEFAULT
from flowrun.runtime.providers.embedded.provider import EmbeddedProvider
from flowrun.runtime.providers.hosted import ServedProvider
from flowrun.runtime.providers.option_bodies import api_of, fields
from flowrun.runtime.providers.option_checks import refused_at
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.structured import shape
from flowrun.runtime.vocabulary.call import Message, Request

SECRETS = {
    "OPENAI_API_KEY": "k",
    "ANTHROPIC_API_KEY": "k",
    "GEMINI_API_KEY": "k",
    "AWS_REGION": "us-east-1",
    "AWS_BEARER_TOKEN_BEDROCK": "k",
    "GOOGLE_CLOUD_LOCATION": "global",
    "GOOGLE_CLOUD_PROJECT": "own-project",
    "AZURE_OPENAI_ENDPOINT": "https://own.openai.azure.com",
    "AZURE_OPENAI_API_KEY": "k",
}
MODELS = [
    "openai:gpt-4o",
    "openai:gpt-5.4",
    "azure:gpt-4o",
    "anthropic:claude-haiku-4-5",
    "anthropic:claude-opus-5",
    "gemini:gemini-2.5-flash",
    "gemini:gemini-3-flash",
    "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "vertex:gemini-2.5-flash",
    "vertex:claude-haiku-4-5",
    "embedded",
]
MESSAGES = (Message("system", "Be brief."), Message("user", "Hello."))
OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
OPTIONS: dict[str, Any] = {
    "reasoning": "low",
    "top_p": 0.9,
    "stop": "END",
    "presence_penalty": 1,
    "frequency_penalty": 1,
    "service_tier": "auto",
    "verbosity": "low",
    "logprobs": True,
    "user": "u",
}
FREE = {("prompt_cache_key",)}
"""Fields of flowrun in whose place that of `extra` stands."""


def requests(address: str) -> Iterator[Request]:
    """Requests with everything that may stand in one."""
    found: list[dict[str, Any]] = [{}, {"schema": OBJECT}, {"choices": ("yes", "no")}]
    found += [{"temperature": 0.5, "max_tokens": 9000, "seed": 4}, {"stream": True}]
    given = [{name: value} for name, value in OPTIONS.items()]
    found += [{"options": one} for one in given if not refused_at(address, one, SECRETS)]
    yield from (Request(MESSAGES, **one) for one in found)


def bodies(address: str) -> Iterator[dict[str, Any]]:
    if address == "embedded":
        here = EmbeddedProvider(DEFAULT, Surroundings({}))
        yield from (here._body(request, 2) for request in requests(address))
        return
    provider = open_provider(address, Surroundings(SECRETS))
    assert isinstance(provider, ServedProvider)
    for request in requests(address):
        for lacks in (frozenset[str](), frozenset({"output_config", "outputConfig"})):
            yield provider._call(request, shape(request, provider.keywords), provider.samples, lacks).body


def paths(body: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in body.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from paths(value, (*above, name))


def written(path: tuple[str, ...], value: str) -> str:
    for name in reversed(path):
        value = f"{{ {name}: {value} }}"
    return value


def refusal(address: str, extra: str) -> str:
    """The code and the message with which the checker refuses an ask."""
    text = f'model m = "{address}"\nflow f(t: text) {{ a = ask m "Hi {{{{ t }}}}" with extra: {extra} return a }}\n'
    try:
        check_flow(Source(text), catalog())
    except FlowError as error:
        (only,) = error.diagnostics
        return f"{only.code}: {only.message}"
    return ""


@pytest.mark.parametrize("address", MODELS)
def test_no_field_of_flowrun_can_be_set_by_extra(address: str) -> None:
    below = ("additionalModelRequestFields",) if address.startswith("bedrock:") else ()
    found = {path for body in bodies(address) for path in paths(body)}
    found = {path[len(below) :] for path in found if path[: len(below)] == below} - {()} - FREE
    assert found
    for path in found:
        assert refusal(address, written(path, '"x"')).startswith(("F0690: ", "F0692: ")), path


REFUSED = [
    (
        "anthropic:claude-haiku-4-5",
        '{ metadata: { user_id: "x" } }',
        "`metadata.user_id` itself: write the option `user`",
    ),
    ("anthropic:claude-haiku-4-5", '{ metadata: { userId: "x" } }', "`metadata.userId` itself"),
    ("anthropic:claude-haiku-4-5", '{ metadata: "x" }', "writes fields into `metadata`: write an object"),
    ("anthropic:claude-haiku-4-5", "{ output_config: none }", "writes fields into `output_config`"),
    ("vertex:claude-haiku-4-5", '{ anthropic_version: "x" }', "`anthropic_version` itself: flowrun speaks one version"),
    ("gemini:gemini-2.5-flash", "{ generation_config: 5 }", "writes fields into `generation_config`"),
    ("embedded", '{ grammar: "x" }', "`grammar` itself: the type of the answer sets it"),
]


@pytest.mark.parametrize(("address", "extra", "said"), REFUSED)
def test_the_message_names_the_field_and_the_way_out(address: str, extra: str, said: str) -> None:
    assert said in refusal(address, extra)


@pytest.mark.parametrize(
    ("address", "extra"),
    [
        ("openai:llama-3", '{ grammar: "x", metadata: { user_id: "x" } }'),
        ("openai:gpt-4o", '{ metadata: "x", prompt_cache_key: "k" }'),
        ("anthropic:claude-haiku-4-5", '{ metadata: { team: "x" }, top_k: 4 }'),
        ("gemini:gemini-2.5-flash", "{ generation_config: { top_k: 4 } }"),
        ("bedrock:amazon.nova-lite-v1:0", "{ inferenceConfig: { topK: 20 } }"),
    ],
)
def test_other_fields_are_taken(address: str, extra: str) -> None:
    assert refusal(address, extra) == ""


def test_a_model_that_the_run_chooses_refuses_the_same() -> None:
    found = refused_at("anthropic:claude-haiku-4-5", {"extra": {"metadata": {"user_id": "x"}}, "user": "u"}, SECRETS)
    assert found == {"extra": "flowrun writes `metadata.user_id` itself: write the option `user`"}


def test_objects_join_in_any_spelling() -> None:
    body: dict[str, Any] = {"generationConfig": {"maxOutputTokens": 9}}
    extra = {"generation_config": {"topK": 4, "deep": {"a": 1}}, "labels": {"b": {"c": 2}}}
    fields(api_of("gemini", ""), "gemini-2.5-flash", {"top_p": 0.5, "extra": extra}, into=body)
    joined = {"maxOutputTokens": 9, "topP": 0.5, "topK": 4, "deep": {"a": 1}}
    assert body == {"generationConfig": joined, "labels": {"b": {"c": 2}}}
    assert extra["generation_config"] == {"topK": 4, "deep": {"a": 1}}
    body = {}
    fields(api_of("anthropic", ""), "claude-haiku-4-5", {"user": "u", "extra": {"metadata": {"x": 1}}}, into=body)
    assert body == {"metadata": {"user_id": "u", "x": 1}}


def test_a_key_of_a_prompt_head_that_extra_sets_is_sent() -> None:
    provider = open_provider("openai:gpt-4o", Surroundings(SECRETS))
    assert isinstance(provider, ServedProvider)
    messages = (Message("user", "A head. Hello.", cuts=(7,)),)
    for options, key in (({}, "flowrun-"), ({"extra": {"prompt_cache_key": "mine"}}, "mine")):
        body = provider._call(Request(messages, options=options), None, 1, frozenset()).body
        assert body["prompt_cache_key"].startswith(key)
