"""Bedrock: signed requests, its form of structured answers, its usage, its errors, and what is missing at the start."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import (
    AnswerError,
    CallError,
    EndpointError,
    InDoubtError,
    ModelError,
    PermanentError,
    RefusedError,
    UsageError,
)
from flowrun.runtime.vocabulary.usage import TokenDetail
from support.bedrock_server import KEYS, BedrockServer, converse
from support.hosted import HELLO, checked, replied

SMALL = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
OPEN = {"type": "object", "additionalProperties": {"type": "integer"}}
LINES: list[str] = []


@pytest.fixture
async def bedrock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[BedrockServer]:
    alone(monkeypatch, tmp_path)
    async with BedrockServer([converse({"text": "Hello."})]).serving() as server:
        yield server


def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep AWS's chain from this machine's own files and from its network."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def provider(server: BedrockServer, name: str = "amazon.nova-lite-v1:0", **more: str) -> Provider:
    LINES.clear()
    return open_provider(f"bedrock:{name}", Surroundings(server.environ(**more), LINES.append))


async def test_a_request_is_signed_and_read(bedrock: BedrockServer) -> None:
    reply = await replied(provider(bedrock), temperature=0.5, max_tokens=99)
    assert [answer.text for answer in reply.answers] == ["Hello."]
    assert bedrock.faults == []
    (seen,) = bedrock.seen
    assert seen.body == {
        "system": [{"text": "be brief"}],
        "messages": [{"role": "user", "content": [{"text": "hello"}]}],
        "inferenceConfig": {"temperature": 0.5, "maxTokens": 99},
    }
    # What was read from the cache and written to it is not in inputTokens.
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (9, 3)
    assert reply.usage.detail == TokenDetail(3, 2)
    assert reply.receipt is not None and reply.receipt.id == "id-1"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (
            "us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
        ),
        (
            "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc",
            "/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Aapplication-inference-profile%2Fabc/converse",
        ),
        ("a%2Fb", "/model/a%252Fb/converse"),
    ],
)
async def test_ids_with_signs_keep_them_on_the_wire(name: str, path: str, bedrock: BedrockServer) -> None:
    bedrock.region = "eu-west-1" if "eu-west-1" in name else bedrock.region
    environ = {"AWS_REGION": "us-east-1"}
    await replied(provider(bedrock, name, **environ))
    assert [seen.path for seen in bedrock.seen] == [path]
    assert bedrock.faults == []


def test_the_host_follows_from_the_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone(monkeypatch, tmp_path)
    config = tmp_path / "config"
    config.write_text("[default]\nregion = eu-north-1\n[profile work]\nregion=ap-south-1\n", encoding="utf-8")
    keys = {"AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": KEYS[1]}

    def host(name: str = "m", **environ: str) -> str:
        return open_provider(f"bedrock:{name}", Surroundings({**keys, **environ})).endpoint

    assert host(AWS_REGION="us-west-2") == "https://bedrock-runtime.us-west-2.amazonaws.com"
    assert host(AWS_DEFAULT_REGION="cn-north-1") == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"
    assert host(AWS_REGION="eusc-de-east-1") == "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu"
    assert host(AWS_CONFIG_FILE=str(config)) == "https://bedrock-runtime.eu-north-1.amazonaws.com"
    assert "ap-south-1" in host(AWS_CONFIG_FILE=str(config), AWS_PROFILE="work")
    # An ARN is served in its own region only.
    arn = "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abcdefghijkl"
    assert host(arn, AWS_REGION="us-east-1") == "https://bedrock-runtime.us-west-2.amazonaws.com"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "needs a region: set AWS_REGION"),
        ({"AWS_REGION": "Ireland"}, "AWS_REGION is `Ireland`, which is no region"),
        ({"AWS_REGION": "evil.example/x"}, "which is no region"),
        ({"AWS_REGION": "us-eest-1"}, "which is no region of AWS that botocore knows (did you mean us-"),
        ({"AWS_REGION": "us-east-1"}, "needs AWS credentials: set AWS_PROFILE"),
        ({"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": KEYS[0]}, "AWS_SECRET_ACCESS_KEY is not: set both"),
        ({"AWS_REGION": "us-east-1", "AWS_PROFILE": "nobody"}, "finds no AWS credentials: The config profile (nobody)"),
        (
            {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": "s3cret\nX: y"},
            "AWS_SECRET_ACCESS_KEY has a line break",
        ),
        ({"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "localhost:1", "AWS_REGION": "us-east-1"}, "is not an address"),
    ],
)
async def test_what_is_missing_is_told_at_the_start(
    environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone(monkeypatch, tmp_path)
    files = {name: str(tmp_path / "none") for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
    with pytest.raises(UsageError) as caught:
        await checked(open_provider("bedrock:m", Surroundings({**files, **environ})))
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "modèle", "a\u200bb"])
def test_an_id_that_no_model_has(name: str) -> None:
    with pytest.raises(UsageError):
        open_provider(f"bedrock:{name}", Surroundings({"AWS_REGION": "us-east-1"}))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    monkeypatch.setattr("flowrun.runtime.providers.amazon_keys.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"install flowrun-dsl\[aws\], or set AWS_BEARER_TOKEN_BEDROCK"):
        open_provider("bedrock:m", Surroundings({"AWS_REGION": "us-east-1"}))
    # An API key needs no signature.
    opened = open_provider("bedrock:m", Surroundings({"AWS_REGION": "us-east-1", "AWS_BEARER_TOKEN_BEDROCK": "k"}))
    assert opened.endpoint == "https://bedrock-runtime.us-east-1.amazonaws.com"


async def test_an_api_key_of_bedrock(bedrock: BedrockServer) -> None:
    bedrock.bearer = "bedrock-api-key-YmVkcm9jay5hbWF6b25hd3M9x8y7"
    one = provider(bedrock, AWS_BEARER_TOKEN_BEDROCK=bedrock.bearer)
    bedrock.replies = [(400, {"message": f"no: {bedrock.bearer}"}, "ValidationException")]
    with pytest.raises(CallError) as caught:
        await replied(one)
    assert bedrock.bearer not in str(caught.value)
    assert bedrock.faults == []
    assert "X-Amz-Date" not in bedrock.seen[0].headers


# Structured answers


async def test_a_schema_goes_into_output_config(bedrock: BedrockServer) -> None:
    bedrock.replies = [converse({"text": '{"a": 1}'})]
    reply = await replied(provider(bedrock), schema=SMALL)
    assert json.loads(reply.answers[0].text) == {"a": 1}
    given = bedrock.seen[0].body["outputConfig"]["textFormat"]
    assert given["type"] == "json_schema"
    assert json.loads(given["structure"]["jsonSchema"]["schema"])["required"] == ["a"]


async def test_a_model_without_output_config_calls_a_tool(bedrock: BedrockServer) -> None:
    told = "This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat and try again."
    bedrock.replies = [
        (400, {"message": told}, "ValidationException"),
        converse({"toolUse": {"toolUseId": "t", "name": "answer", "input": {"a": 1}}}, reason="tool_use"),
    ]
    one = provider(bedrock)
    reply = await replied(one, schema=SMALL)
    assert (reply.answers[0].text, reply.answers[0].finish) == ('{"a": 1}', "stop")
    config = bedrock.seen[1].body["toolConfig"]
    assert config["toolChoice"] == {"tool": {"name": "answer"}}
    assert config["tools"][0]["toolSpec"]["inputSchema"]["json"] == SMALL
    assert any("continuing without outputConfig" in line for line in LINES)


async def test_a_model_without_either_is_asked_in_words(bedrock: BedrockServer) -> None:
    bedrock.replies = [
        (400, {"message": "This model doesn't support the outputConfig.textFormat field."}, "ValidationException"),
        (400, {"message": "This model doesn't support the toolConfig.toolChoice.tool field."}, "ValidationException"),
        converse({"text": '```json\n{"a": 1}\n```'}),
    ]
    reply = await replied(provider(bedrock), schema=SMALL)
    assert json.loads(reply.answers[0].text) == {"a": 1}
    last = bedrock.seen[2].body
    assert "toolConfig" not in last and "outputConfig" not in last
    assert len(last["messages"][0]["content"][0]["text"]) > len("hello")


async def test_an_open_schema_goes_to_a_tool(bedrock: BedrockServer) -> None:
    bedrock.replies = [converse({"toolUse": {"name": "answer", "input": {"x": 1}}}, reason="tool_use")]
    reply = await replied(provider(bedrock), schema=OPEN)
    assert json.loads(reply.answers[0].text) == {"x": 1}
    assert "outputConfig" not in bedrock.seen[0].body


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "filtered"),
        ("content_filtered", "filtered"),
        ("tool_use", "other"),
        ("malformed_model_output", "other"),
    ],
)
async def test_the_ends_of_answers(reason: str, finish: str, bedrock: BedrockServer) -> None:
    bedrock.replies = [converse({"text": "Hello."}, reason=reason)]
    reply = await replied(provider(bedrock))
    assert reply.answers[0].finish == finish


# Errors


@pytest.mark.parametrize(
    ("status", "named", "message", "kind"),
    [
        (429, "ThrottlingException", "Too many requests, please wait before trying again.", RefusedError),
        (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", EndpointError),
        (429, "ModelNotReadyException", "Model is not ready for inference", RefusedError),
        (503, "ServiceUnavailableException", "Bedrock is unable to process your request.", RefusedError),
        (400, "ServiceQuotaExceededException", "Your request exceeds the service quota.", RefusedError),
        (408, "ModelTimeoutException", "The request took too long to process.", InDoubtError),
        (424, "ModelErrorException", "The request failed due to an error while processing the model.", InDoubtError),
        (500, "InternalServerException", "The system encountered an unexpected error.", InDoubtError),
        (403, "ExpiredTokenException", "The security token included in the request is expired", EndpointError),
        (403, "UnrecognizedClientException", "The security token included in the request is invalid.", EndpointError),
        (403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", ModelError),
        (403, "AccessDeniedException", "Model access is denied due to INVALID_PAYMENT_INSTRUMENT", ModelError),
        (403, "AccessDeniedException", "User: x is not authorized to perform: bedrock:Other", PermanentError),
        (404, "ResourceNotFoundException", "This model version has reached the end of its life.", ModelError),
        (404, "ResourceNotFoundException", "Model use case details have not been submitted.", ModelError),
        (400, "ValidationException", "The provided model identifier is invalid.", ModelError),
        (
            400,
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn’t supported. Retry your request with the ID or ARN "
            "of an inference profile that contains this model.",
            ModelError,
        ),
    ],
)
async def test_errors_by_their_names(
    status: int, named: str, message: str, kind: type[CallError], bedrock: BedrockServer
) -> None:
    bedrock.replies = [(status, {"message": message}, f"{named}:http://internal.amazon.com/coral/")]
    with pytest.raises(kind) as caught:
        await replied(provider(bedrock))
    assert type(caught.value) is kind
    assert message[:40] in str(caught.value)
    assert len(bedrock.seen) == 1


async def test_a_wrong_signature_shows_neither_key_nor_token_nor_signature(bedrock: BedrockServer) -> None:
    bedrock.keys = (KEYS[0], "other" + KEYS[1], KEYS[2])
    one = provider(bedrock, AWS_SECRET_ACCESS_KEY=KEYS[1])
    with pytest.raises(EndpointError) as caught:
        await replied(one)
    said = str(caught.value)
    assert "signature we calculated" in said and "check the AWS credentials" in said
    sent = bedrock.seen[0].headers["Authorization"]
    assert not [part for part in (*KEYS, sent.rpartition("=")[2]) if part in said]


async def test_an_answer_with_the_session_token_is_not_kept(bedrock: BedrockServer) -> None:
    bedrock.replies = [converse({"text": f"Here: {KEYS[2]}"})]
    reply = await replied(provider(bedrock))
    assert (reply.answers[0].text, reply.answers[0].finish) == ("", "filtered")
    assert KEYS[2] not in repr(reply)


async def test_signing_leaves_nothing_in_logs(bedrock: BedrockServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await replied(provider(bedrock))
    sent = bedrock.seen[0].headers["Authorization"].rpartition("=")[2]
    assert not [part for part in (KEYS[1], KEYS[2], sent) if part in caplog.text]


async def test_a_redirect_is_not_followed(bedrock: BedrockServer) -> None:
    bedrock.replies = [(307, {})]
    with pytest.raises(CallError, match="redirects to"):
        await replied(provider(bedrock))
    assert len(bedrock.seen) == 1


# Credentials that are renewed


def process_profile(tmp_path: Path, script: str) -> dict[str, str]:
    """A profile whose credentials come from a command, as those of AWS IAM Identity Center do from its own."""
    made = tmp_path / "credentials.py"
    made.write_text(script, encoding="utf-8")
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {sys.executable} {made}\n", encoding="utf-8")
    nothing = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")
    return {**nothing, "AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}


def script_of(tmp_path: Path, seconds: float) -> str:
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    keys = {"Version": 1, "AccessKeyId": KEYS[0], "SecretAccessKey": KEYS[1], "Expiration": until}
    return (
        f"import json, pathlib\nlog = pathlib.Path({str(tmp_path / 'calls')!r})\n"
        "number = len(log.read_text()) if log.exists() else 0\nlog.write_text('x' * (number + 1))\n"
        f"print(json.dumps({keys!r} | {{'SessionToken': {KEYS[2]!r}}}))\n"
    )


async def test_credentials_are_renewed_once_for_all_that_wait(bedrock: BedrockServer, tmp_path: Path) -> None:
    # They expire within a quarter of an hour, so botocore renews them before each use, and may use the old ones.
    given = process_profile(tmp_path, script_of(tmp_path, 800))
    one = open_provider("bedrock:m", Surroundings(bedrock.environ(**given)))
    await checked(one)
    before = len((tmp_path / "calls").read_text())
    try:
        await asyncio.gather(*(one.complete(Request(HELLO), 1) for _ in range(5)))
    finally:
        await one.close()
    assert bedrock.faults == [] and len(bedrock.seen) == 5
    assert len((tmp_path / "calls").read_text()) == before + 1


async def test_credentials_that_cannot_be_renewed_stop_the_endpoint(bedrock: BedrockServer, tmp_path: Path) -> None:
    given = process_profile(tmp_path, script_of(tmp_path, 5))
    one = open_provider("bedrock:m", Surroundings(bedrock.environ(**given)))
    await checked(one)
    (tmp_path / "credentials.py").write_text("import sys; sys.exit('the sign-in has ended')", encoding="utf-8")
    with pytest.raises(EndpointError, match="the AWS credentials cannot be renewed"):
        await replied(one)
    assert bedrock.seen == []


async def test_a_run_goes_on_while_credentials_are_renewed(bedrock: BedrockServer, tmp_path: Path) -> None:
    given = process_profile(tmp_path, script_of(tmp_path, 800))
    one = open_provider("bedrock:m", Surroundings(bedrock.environ(**given)))
    await checked(one)
    (tmp_path / "credentials.py").write_text("import time; time.sleep(0.5)\n" + script_of(tmp_path, 9000), "utf-8")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    clock = asyncio.get_running_loop().create_task(tick())
    await replied(one)
    clock.cancel()
    assert ticks > 10


async def test_an_empty_reply_is_spoilt(bedrock: BedrockServer) -> None:
    bedrock.replies = [(200, {"stopReason": "end_turn", "usage": {"inputTokens": 1, "outputTokens": 1}})]
    with pytest.raises(AnswerError, match="sent no content") as caught:
        await replied(provider(bedrock))
    assert caught.value.usage is not None and caught.value.usage.input_tokens == 1
