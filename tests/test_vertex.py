"""Vertex AI: the addresses of Gemini and Claude models there, access tokens that are renewed, and what is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.providers import open_provider, traits_of
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import CallError, EndpointError, RefusedError, UsageError
from support.hosted import HELLO, checked, claude, google, replied
from support.vertex_server import TOKEN, VertexServer

GIVEN = {"GOOGLE_CLOUD_LOCATION": "global", "GOOGLE_CLOUD_PROJECT": "own-project"}
PLACE = "/v1/projects/own-project/locations/europe-west4"


@pytest.fixture
async def vertex(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VertexServer]:
    alone(monkeypatch)
    async with VertexServer([(200, google("Hello."))]).serving() as server:
        yield server


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Google's chain from this machine's own files and from its network."""
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def provider(server: VertexServer, folder: Path, name: str = "gemini-2.5-flash", **more: str) -> Provider:
    return open_provider(f"vertex:{name}", Surroundings(server.environ(folder, **more)))


async def test_a_gemini_model(vertex: VertexServer, tmp_path: Path) -> None:
    reply = await replied(provider(vertex, tmp_path), temperature=0.5)
    assert reply.answers[0].text == "Hello."
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (7, 3)
    ((path, body),) = vertex.seen
    assert path == f"{PLACE}/publishers/google/models/gemini-2.5-flash:generateContent"
    assert body["systemInstruction"] == {"parts": [{"text": "be brief"}]}
    assert body["generationConfig"] == {"temperature": 0.5}
    assert vertex.wrong == [] and vertex.tokens == 1


async def test_a_gemini_model_that_streams(vertex: VertexServer, tmp_path: Path) -> None:
    vertex.replies = [f"data: {json.dumps(google('Hel'))}\n\ndata: {json.dumps(google('lo.'))}\n\n"]
    reply = await replied(provider(vertex, tmp_path), stream=True)
    assert reply.answers[0].text == "Hello."
    assert vertex.seen[0][0].endswith("/gemini-2.5-flash:streamGenerateContent?alt=sse")


@pytest.mark.parametrize("name", ["claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4-5@20250929"])
async def test_a_claude_model(name: str, vertex: VertexServer, tmp_path: Path) -> None:
    vertex.replies = [(200, claude("Hello."))]
    reply = await replied(provider(vertex, tmp_path, name, GOOGLE_CLOUD_PROJECT="other-project"))
    assert reply.answers[0].text == "Hello."
    ((path, body),) = vertex.seen
    assert path == (
        "/v1/projects/other-project/locations/europe-west4/publishers/anthropic/models/"
        "claude-sonnet-4-5@20250929:rawPredict"
    )
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in body and body["max_tokens"] == 4096


async def test_a_claude_model_that_streams(vertex: VertexServer, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"model": "claude", "id": "m", "usage": {"input_tokens": 4}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    vertex.replies = ["".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)]
    reply = await replied(provider(vertex, tmp_path, "claude-haiku-4-5"), stream=True)
    assert reply.answers[0].text == "Hello."
    assert vertex.seen[0][0].endswith("/models/claude-haiku-4-5:streamRawPredict")
    assert vertex.seen[0][1]["stream"] is True


async def test_an_endpoint_of_ones_own(vertex: VertexServer, tmp_path: Path) -> None:
    await replied(provider(vertex, tmp_path, "endpoints/123"))
    assert vertex.seen[0][0] == f"{PLACE}/endpoints/123:generateContent"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("global", "https://aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("us-central1", "https://us-central1-aiplatform.googleapis.com"),
        ("northamerica-northeast1", "https://northamerica-northeast1-aiplatform.googleapis.com"),
    ],
)
def test_the_host_follows_from_the_location(
    location: str, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone(monkeypatch)
    given = VertexServer(url="http://127.0.0.1:1").environ(
        tmp_path, GOOGLE_VERTEX_BASE_URL="", GOOGLE_CLOUD_LOCATION=location
    )
    assert open_provider("vertex:gemini-2.5-flash", Surroundings(given)).endpoint == url


def test_the_traits_are_those_of_the_maker() -> None:
    assert traits_of("vertex:claude-haiku-4-5").most_written == 4096
    assert not traits_of("vertex:claude-haiku-4-5").shares_prompt
    assert traits_of("vertex:gemini-2.5-flash").most_written is None
    assert traits_of("vertex:gemini-2.5-flash").shares_prompt


# Tokens


async def test_a_token_serves_many_requests_and_is_fetched_once(vertex: VertexServer, tmp_path: Path) -> None:
    vertex.slow = 0.05
    one = provider(vertex, tmp_path)
    try:
        await asyncio.gather(*(one.complete(Request(HELLO), 1) for _ in range(8)))
        await one.complete(Request(HELLO), 1)
    finally:
        await one.close()
    assert vertex.tokens == 1 and len(vertex.seen) == 9 and vertex.wrong == []


async def test_a_token_is_renewed_before_it_expires(vertex: VertexServer, tmp_path: Path) -> None:
    # google-auth renews a token some minutes before its end.
    vertex.lives = [10, 3600]
    one = provider(vertex, tmp_path)
    try:
        for _ in range(3):
            await one.complete(Request(HELLO), 1)
    finally:
        await one.close()
    assert vertex.tokens == 2 and vertex.wrong == []


async def test_the_loop_goes_on_while_a_token_is_fetched(vertex: VertexServer, tmp_path: Path) -> None:
    vertex.slow = 0.4
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    clock = asyncio.get_running_loop().create_task(tick())
    await replied(provider(vertex, tmp_path))
    clock.cancel()
    assert ticks > 10


async def test_a_request_that_is_given_up_leaves_the_others_their_token(vertex: VertexServer, tmp_path: Path) -> None:
    vertex.slow = 0.3
    one = provider(vertex, tmp_path)
    first = asyncio.get_running_loop().create_task(one.complete(Request(HELLO), 1))
    second = asyncio.get_running_loop().create_task(one.complete(Request(HELLO), 1))
    await asyncio.sleep(0.1)
    first.cancel()
    assert (await second).answers[0].text == "Hello."
    await one.close()
    assert vertex.tokens == 1


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ((400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}), EndpointError),
        ((503, {"error": "unavailable"}), RefusedError),
    ],
)
async def test_no_token_no_request(
    refusal: Any, kind: type[CallError], vertex: VertexServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # google-auth tries an unavailable server again, and waits a second and longer in between.
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda seconds: None)
    vertex.refusal = refusal
    with pytest.raises(kind, match="Google gives no access token"):
        await replied(provider(vertex, tmp_path))
    assert vertex.seen == []


async def test_a_server_of_tokens_that_is_not_there(vertex: VertexServer, tmp_path: Path) -> None:
    given = VertexServer(url="http://127.0.0.1:9").environ(tmp_path, GOOGLE_VERTEX_BASE_URL=vertex.url)
    with pytest.raises(RefusedError, match="Google gives no access token yet"):
        await replied(open_provider("vertex:gemini-2.5-flash", Surroundings(given)))


async def test_a_server_of_tokens_that_redirects_gets_no_second_request(vertex: VertexServer, tmp_path: Path) -> None:
    async with VertexServer().serving() as other:
        vertex.moved = f"{other.url}/token"
        with pytest.raises(CallError, match="Google gives no access token"):
            await replied(provider(vertex, tmp_path))
        assert other.visits == 0 and vertex.seen == []


async def test_a_refused_token_is_never_shown(vertex: VertexServer, tmp_path: Path) -> None:
    one = provider(vertex, tmp_path)
    await one.complete(Request(HELLO), 1)
    vertex.tokens += 1  # the server no longer knows the token
    with pytest.raises(EndpointError) as caught:
        await replied(one)
    said = str(caught.value)
    assert "invalid credentials" in said and "application default credentials" in said
    assert TOKEN not in said


async def test_an_answer_with_the_token_is_not_kept(vertex: VertexServer, tmp_path: Path) -> None:
    vertex.replies = [(200, google(f"Here: {TOKEN}1"))]
    reply = await replied(provider(vertex, tmp_path))
    assert (reply.answers[0].text, reply.answers[0].finish) == ("", "filtered")
    assert TOKEN not in repr(reply)


# What is missing


@pytest.mark.parametrize(
    ("name", "environ", "said"),
    [
        ("gemini-2.5-flash", {}, "needs a location: set GOOGLE_CLOUD_LOCATION"),
        ("gemini-2.5-flash", {"GOOGLE_CLOUD_LOCATION": "Belgium!"}, "which is no location such as europe-west4"),
        ("gemini-2.5-flash", {"GOOGLE_CLOUD_LOCATION": "evil.example/"}, "which is no location"),
        ("gemini-2.5-flash", {"GOOGLE_CLOUD_LOCATION": "global"}, "needs a project of Google Cloud"),
        ("gemini-2.5-flash", {**GIVEN, "GOOGLE_CLOUD_PROJECT": "a/b"}, "which is no id of a project"),
        ("gemini-2.5-flash", GIVEN, "run `gcloud auth application-default login`"),
        ("endpoints/", GIVEN, "names no model"),
        ("meta/llama-4", {"GOOGLE_CLOUD_LOCATION": "global"}, "models of Google and Anthropic"),
        (
            "gemini-2.5-flash",
            {"GOOGLE_CLOUD_LOCATION": "global", "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"},
            "which does not exist",
        ),
    ],
)
async def test_what_is_missing_is_told_at_the_start(
    name: str, environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone(monkeypatch)
    with pytest.raises(UsageError) as caught:
        await checked(open_provider(f"vertex:{name}", Surroundings({"HOME": "/nonexistent", **environ})))
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"type": "service_account"}', '{"type": "what"}'])
async def test_a_file_that_holds_no_credentials(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch)
    path = tmp_path / "account.json"
    path.write_text(text, encoding="utf-8")
    given = {**GIVEN, "GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    with pytest.raises(UsageError, match="check the file of GOOGLE_APPLICATION_CREDENTIALS"):
        await checked(open_provider("vertex:gemini-2.5-flash", Surroundings(given)))


async def test_the_bytes_of_a_file_of_credentials_are_never_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An editor of Windows may save the key of an account in UTF-16."""
    alone(monkeypatch)
    path = tmp_path / "account.json"
    path.write_bytes(b"\xff\xfe" + '{"private_key": "planted"}'.encode("utf-16-le"))
    given = {**GIVEN, "GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    with pytest.raises(UsageError, match="is not a valid json file") as caught:
        await checked(open_provider("vertex:gemini-2.5-flash", Surroundings(given)))
    assert "x00" not in str(caught.value)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrun.runtime.providers.google_tokens.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"install flowrun-dsl\[google\]"):
        open_provider("vertex:gemini-2.5-flash", Surroundings({"GOOGLE_CLOUD_LOCATION": "global"}))
