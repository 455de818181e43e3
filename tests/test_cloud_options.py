"""Options, images and cache points at the clouds: the exact bodies, and what is refused before anything is sent."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from test_bedrock import alone
from test_bedrock import provider as at_bedrock
from test_vertex import provider as at_vertex

from flowrun.runtime.providers import open_provider, traits_of
from flowrun.runtime.providers.breakpoints import kept_at_bedrock
from flowrun.runtime.providers.images import limits_of
from flowrun.runtime.providers.option_checks import refused_at
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import PermanentError
from flowrun.runtime.vocabulary.image import Image
from flowrun.runtime.vocabulary.image_tokens import most_tokens, reads_images, tokens_of
from support.azure_server import KEY, AzureServer
from support.bedrock_server import BedrockServer, converse, event, streamed
from support.hosted import chat, claude, google
from support.images import png
from support.vertex_server import VertexServer

NOVA, OLD, ADAPTIVE = (
    "amazon.nova-lite-v1:0",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "anthropic.claude-opus-4-7",
)
HELLO = (Message("user", "hello"),)
PICTURE = b64encode(png(4)).decode()
SEEN = Message("user", "See <a>.", (Image("sha256:of-the-cloud", "image/png", 4, 4, len(png(4)), 4, 7, "", PICTURE),))


@pytest.fixture
async def bedrock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[BedrockServer]:
    alone(monkeypatch, tmp_path)
    async with BedrockServer([converse({"text": "Hello."})]).serving() as server:
        yield server


@pytest.fixture
async def vertex(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VertexServer]:
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    async with VertexServer([(200, google("Hello."))]).serving() as server:
        yield server


async def ask(one: Any, messages: tuple[Message, ...] = HELLO, **parameters: Any) -> Any:
    try:
        return await one.complete(Request(messages, **parameters), 1)
    finally:
        await one.close()


def own(**fields: Any) -> dict[str, Any]:
    return {"additionalModelRequestFields": fields}


CONVERSE = [
    (NOVA, {"top_p": 0.9, "stop": "END"}, {"inferenceConfig": {"topP": 0.9, "stopSequences": ["END"]}}),
    (NOVA, {"service_tier": "priority"}, {"serviceTier": {"type": "priority"}}),
    (NOVA, {"extra": {"top_k": 4}}, own(top_k=4)),
    (OLD, {"reasoning": {"tokens": 2000}}, own(thinking={"type": "enabled", "budget_tokens": 2000})),
    (OLD, {"reasoning": "none"}, {}),
    (
        ADAPTIVE,
        {"reasoning": "low", "extra": {"anthropic_beta": ["x"]}},
        own(
            thinking={"type": "adaptive", "display": "summarized"},
            output_config={"effort": "low"},
            anthropic_beta=["x"],
        ),
    ),
    ("openai.gpt-oss-120b-1:0", {"reasoning": "high"}, own(reasoning_effort="high")),
]


@pytest.mark.parametrize(("name", "options", "body"), CONVERSE)
async def test_options_stand_in_the_body_of_converse(
    name: str, options: Any, body: dict[str, Any], bedrock: BedrockServer
) -> None:
    await ask(at_bedrock(bedrock, name), options=options)
    (seen,) = bedrock.seen
    assert {key: value for key, value in seen.body.items() if key != "messages"} == body


REFUSED = [
    (f"bedrock:{NOVA}", {"seed_is_no_option": 1, "presence_penalty": 1}, "presence_penalty"),
    (f"bedrock:{NOVA}", {"user": "u"}, "user"),
    (f"bedrock:{NOVA}", {"verbosity": "low"}, "verbosity"),
    (f"bedrock:{NOVA}", {"service_tier": "standard_only"}, "service_tier"),
    ("bedrock:meta.llama3-3-70b-instruct-v1:0", {"reasoning": "low"}, "reasoning"),
    (f"bedrock:{OLD}", {"reasoning": {"tokens": 2000}, "max_tokens": 1000}, "reasoning"),
    (f"bedrock:{OLD}", {"reasoning": "low", "temperature": 0.5}, "temperature"),
    (f"bedrock:{ADAPTIVE}", {"top_p": 0.9}, "top_p"),
    ("vertex:gemini-2.5-flash", {"service_tier": "flex"}, "service_tier"),
    ("vertex:claude-haiku-4-5", {"service_tier": "auto"}, "service_tier"),
    ("vertex:claude-haiku-4-5", {"frequency_penalty": 1}, "frequency_penalty"),
    ("azure:gpt-4o", {"reasoning": "low"}, "reasoning"),
]


@pytest.mark.parametrize(("address", "options", "name"), REFUSED)
def test_what_a_cloud_cannot_take_is_refused_before_anything_is_sent(address: str, options: Any, name: str) -> None:
    assert set(refused_at(address, options, {})) - {"seed_is_no_option"} == {name}


@pytest.mark.parametrize(
    "model", ["openai:gpt-5-mini", "openai:o4-mini", "gemini:gemini-3-pro", "bedrock:openai.gpt-oss"]
)
def test_a_model_that_always_reasons_takes_other_options(model: str) -> None:
    assert refused_at(model, {"service_tier": "priority", "max_tokens": 9}, {}) == {}


async def test_a_call_whose_options_only_the_run_knows_is_refused_unsent(bedrock: BedrockServer) -> None:
    with pytest.raises(PermanentError, match="does not take `user`: Converse has no such option"):
        await ask(at_bedrock(bedrock), options={"user": "u"})
    assert bedrock.seen == []


async def test_a_model_that_thinks_is_not_made_to_call_a_tool(bedrock: BedrockServer) -> None:
    bedrock.replies = [converse({"text": '{"a": 1}'})]
    open_object = {"type": "object", "additionalProperties": {"type": "integer"}}
    reply = await ask(at_bedrock(bedrock, ADAPTIVE), options={"reasoning": "low"}, schema=open_object)
    assert "toolConfig" not in bedrock.seen[0].body
    assert reply.answers[0].text == '{"a": 1}' and reply.answers[0].more["reasoning"] == "hm"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_reply_names_its_tier_and_its_long_cache_writes(stream: bool, bedrock: BedrockServer) -> None:
    usage = {
        "inputTokens": 4,
        "outputTokens": 3,
        "cacheReadInputTokens": 3,
        "cacheWriteInputTokens": 5,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 2}, {"ttl": "5m", "inputTokens": 3}],
    }
    status, whole = converse({"text": "Hello."}, usage=usage)
    end = event("metadata", usage=usage, metrics={}, serviceTier={"type": "flex"})
    bedrock.replies = [_with_end(end)] if stream else [(status, {**whole, "serviceTier": {"type": "flex"}})]
    reply = await ask(at_bedrock(bedrock), stream=stream)
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.tier) == (12, 3, "flex")
    assert (reply.usage.detail.cached, reply.usage.detail.stored, reply.usage.detail.long_stored) == (3, 5, 2)


def _with_end(end: bytes) -> bytes:
    return b"".join(
        [
            event("messageStart", role="assistant"),
            event("contentBlockDelta", contentBlockIndex=0, delta={"text": "Hello."}),
            event("contentBlockStop", contentBlockIndex=0),
            event("messageStop", stopReason="end_turn"),
            end,
        ]
    )


async def test_the_beginning_of_a_stream_is_told(bedrock: BedrockServer) -> None:
    bedrock.replies = [streamed(["Hel", "lo."])]
    heard: list[int] = []
    await ask(at_bedrock(bedrock, OLD), stream=True, hear=heard.append)
    assert heard[0] == 0


async def test_an_image_stands_between_its_texts_at_bedrock(bedrock: BedrockServer) -> None:
    await ask(at_bedrock(bedrock), (SEEN,))
    assert bedrock.seen[0].body["messages"][0]["content"] == [
        {"text": "See "},
        {"image": {"format": "png", "source": {"bytes": PICTURE}}},
        {"text": "."},
    ]


async def test_bedrock_takes_twenty_images(bedrock: BedrockServer) -> None:
    (image,) = SEEN.images
    many = Message("user", "<a>" * 21, tuple([_moved(image, 3 * at) for at in range(21)]))
    with pytest.raises(PermanentError, match="takes 20 images in a request, and this one has 21"):
        await ask(at_bedrock(bedrock), (many,))
    assert bedrock.seen == []


def _moved(image: Image, at: int) -> Image:
    return Image(image.digest, image.type, image.width, image.height, image.size, at, at + 3, "", image.data)


async def test_images_at_vertex_are_in_the_form_of_the_maker(vertex: VertexServer, tmp_path: Path) -> None:
    await ask(at_vertex(vertex, tmp_path), (SEEN,))
    vertex.replies = [(200, claude("Hello."))]
    await ask(at_vertex(vertex, tmp_path, "claude-haiku-4-5"), (SEEN,))
    (_, gemini), (_, messages) = vertex.seen
    assert gemini["contents"][0]["parts"][1] == {"inlineData": {"mimeType": "image/png", "data": PICTURE}}
    assert messages["messages"][0]["content"][1]["source"]["data"] == PICTURE


async def test_options_at_vertex_are_those_of_the_maker(vertex: VertexServer, tmp_path: Path) -> None:
    await ask(at_vertex(vertex, tmp_path), options={"reasoning": "low", "top_p": 0.9})
    vertex.replies = [(200, claude("Hello."))]
    await ask(at_vertex(vertex, tmp_path, "claude-opus-4-7"), options={"reasoning": "low", "user": "u"})
    (_, gemini), (_, messages) = vertex.seen
    assert gemini["generationConfig"]["topP"] == 0.9
    assert gemini["generationConfig"]["thinkingConfig"] == {"includeThoughts": True, "thinkingBudget": 1024}
    assert messages["thinking"]["type"] == "adaptive" and messages["output_config"] == {"effort": "low"}
    assert messages["metadata"] == {"user_id": "u"}


async def test_azure_takes_the_options_and_images_of_chat_completions() -> None:
    async with AzureServer([(200, chat("Hello."))]).serving() as server:
        given = {"AZURE_OPENAI_ENDPOINT": server.url, "AZURE_OPENAI_API_KEY": KEY}
        one = open_provider("azure:mine", Surroundings(given))
        await ask(one, (SEEN,), options={"reasoning": "low", "verbosity": "low", "service_tier": "priority"})
    ((_, body, _),) = server.seen
    assert (body["reasoning_effort"], body["verbosity"], body["service_tier"]) == ("low", "low", "priority")
    assert body["messages"][0]["content"][1]["image_url"]["url"].endswith(PICTURE)


async def test_a_cut_becomes_a_cache_point(bedrock: BedrockServer) -> None:
    system = Message("system", "The book.", cuts=(9,))
    await ask(at_bedrock(bedrock, OLD), (system, Message("user", "Book two. Why?", cuts=(10,))))
    (seen,) = bedrock.seen
    point = {"cachePoint": {"type": "default"}}
    assert seen.body["system"] == [{"text": "The book."}, point]
    assert seen.body["messages"][0]["content"] == [{"text": "Book two. "}, point, {"text": "Why?"}]


async def test_a_model_that_refuses_cache_points_is_asked_without(bedrock: BedrockServer) -> None:
    said = {"message": "You invoked an unsupported model or your request did not allow prompt caching: cachePoint."}
    bedrock.replies = [(400, said, "ValidationException"), converse({"text": "Hello."})]
    one = at_bedrock(bedrock, OLD)
    for _ in range(2):
        await one.complete(Request((Message("user", "Book. Why?", cuts=(6,)),)), 1)
    await one.close()
    assert ["cachePoint" in json.dumps(seen.body) for seen in bedrock.seen] == [True, False, False]


@pytest.mark.parametrize(
    ("name", "least"),
    [
        (OLD, 4096),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 1024),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", 1024),
        (NOVA, 1024),
        ("anthropic.claude-3-haiku-20240307-v1:0", None),
        ("meta.llama3-3-70b-instruct-v1:0", None),
    ],
)
def test_the_plan_and_the_run_agree_on_the_heads_that_bedrock_keeps(name: str, least: int | None) -> None:
    assert kept_at_bedrock(name) == traits_of(f"bedrock:{name}").least_kept(name) == least


def test_the_plan_and_the_run_agree_on_the_heads_that_vertex_and_azure_keep() -> None:
    for name, least in (("gemini-2.5-flash", 2048), ("google/gemini-3-pro", 4096), ("claude-sonnet-4-5@x", 1024)):
        assert traits_of(f"vertex:{name}").least_kept(name) == least
    assert traits_of("azure:mine").least_kept("mine") == 1024


IMAGES = [
    (f"bedrock:{OLD}", "anthropic:claude-haiku-4-5"),
    (f"bedrock:{ADAPTIVE}", "anthropic:claude-opus-4-7"),
    ("vertex:anthropic/claude-sonnet-4-5@20250929", "anthropic:claude-sonnet-4-5"),
    ("vertex:gemini-2.5-flash", "gemini:gemini-2.5-flash"),
    ("vertex:google/gemini-3-pro", "gemini:gemini-3-pro"),
    ("azure:gpt-4o", "openai:gpt-4o"),
    ("openrouter:anthropic/claude-haiku-4-5", "anthropic:claude-haiku-4-5"),
]


@pytest.mark.parametrize(("cloud", "maker"), IMAGES)
def test_an_image_has_the_tokens_that_its_maker_counts(cloud: str, maker: str) -> None:
    for size in ((100, 100), (3000, 2000), (8000, 400)):
        assert tokens_of(cloud)(*size) == tokens_of(maker)(*size)


def test_an_image_has_the_most_tokens_where_no_rule_is_known() -> None:
    for model in (f"bedrock:{NOVA}", "azure:mine", "lab:claude-haiku-4-5", "vertex:endpoints/123"):
        assert tokens_of(model) is most_tokens


def test_models_that_read_texts_alone() -> None:
    assert not reads_images("bedrock:amazon.nova-micro-v1:0") and reads_images(f"bedrock:{NOVA}")
    assert not reads_images("azure:gpt-35-turbo") and reads_images("azure:mine")


def test_the_limits_of_images() -> None:
    assert limits_of("vertex:claude-haiku-4-5") == limits_of("anthropic:x") != limits_of("vertex:gemini-2.5-flash")
    assert limits_of("bedrock:x").size == 3_932_160 and limits_of("azure:x") == limits_of("openai:x")


@pytest.mark.parametrize("address", ["bedrock:x", "vertex:gemini-2.5-flash", "vertex:claude-haiku-4-5", "azure:x"])
def test_no_cloud_has_a_batch_api_here(address: str) -> None:
    assert "batch" in traits_of(address).lacks


async def test_errors_of_options_are_told(bedrock: BedrockServer) -> None:
    bedrock.replies = [(400, {"message": "The model returned: topP is not allowed"}, "ValidationException")]
    with pytest.raises(PermanentError, match="topP is not allowed"):
        await ask(at_bedrock(bedrock), options={"top_p": 0.5})
    assert len(bedrock.seen) == 1
