"""Whole runs with models of clouds: what is said before anything is sent, what is kept, and what is loaded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from test_bedrock import alone

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.costs.prices import price
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.environment_keys import keys_in
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.records import NoRecords, Record
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.telemetry.names import provider_name
from flowrun.runtime.vocabulary.errors import UsageError
from support.bedrock_server import KEYS, BedrockServer, converse
from support.command_line import command
from support.hosted import chat, google
from support.vertex_server import TOKEN, VertexServer

VOTE = """\
model m = "bedrock:us.amazon.nova-lite-v1:0" with temperature: 0.5
flow judged(mails: [text]) {
  verdicts = map mail in mails {
    verdict = repeat 3 { ask m "Spam or not? {{ mail }}" -> SPAM | NOT } reduce majority
  } reduce collect
  return verdicts
}
"""
BOTH = """\
model a = "openai:one"
model b = "bedrock:two"
flow both() {
  first = ask a "hi"
  second = ask b "so: {{ first }}"
  return second
}
"""


@pytest.fixture
async def bedrock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[BedrockServer]:
    alone(monkeypatch, tmp_path)
    async with BedrockServer([converse({"text": '{"answer": "SPAM"}'})]).serving() as server:
        yield server


def secrets_in(folder: Path, *secrets: str) -> list[str]:
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert kept
    return [secret for secret in secrets if secret.encode() in kept]


async def test_a_run_and_its_resumption(bedrock: BedrockServer, flow: Callable[[str], Path], tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    environ = bedrock.environ(FLOWRUN_CACHE=str(folder / "cache"))
    options = RunOptions(environ=environ, journal=folder / "runs")
    path = flow(VOTE)
    result = await run_async(path, {"mails": ["buy", "hello"]}, options=options)
    assert result.value == ["SPAM", "SPAM"]
    assert bedrock.faults == []
    sent = len(bedrock.seen)
    # A majority of three is decided by two.
    assert 4 <= sent <= 6
    assert {seen.path for seen in bedrock.seen} == {"/model/us.amazon.nova-lite-v1%3A0/converse"}
    again = await run_async(path, {"mails": ["buy", "hello"]}, options=options)
    assert again.value == ["SPAM", "SPAM"] and len(bedrock.seen) == sent
    signatures = [seen.headers["Authorization"].rpartition("=")[2] for seen in bedrock.seen]
    assert secrets_in(folder, KEYS[1], KEYS[2], *signatures) == []


async def test_a_run_that_is_resumed_with_other_credentials(
    bedrock: BedrockServer, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    bedrock.replies = [
        converse({"text": '{"answer": "SPAM"}'}),
        (403, {"message": "The security token included in the request is expired"}, "ExpiredTokenException"),
    ]
    path = flow(VOTE)
    options = RunOptions(environ=bedrock.environ(), journal=tmp_path / "runs")
    ended = await run_async(path, {"mails": ["buy", "hello"]}, options=options)
    assert ended.status == "failed" and "expired" in str(ended.outcome.stopped or ended.outcome.failures)
    bedrock.keys = ("ASIAIOSFODNN7EXAMPLE", "another+SecretKey/0123456789abcdefghijkl", "another.S3ssionT0ken/01234567")
    bedrock.replies = [converse({"text": '{"answer": "SPAM"}'})]
    options = RunOptions(environ=bedrock.environ())
    assert (await resume_async("last", tmp_path / "runs", options=options)).value == ["SPAM", "SPAM"]
    assert bedrock.faults == []


async def test_missing_credentials_are_told_before_another_model_is_paid(
    faults: Any, flow: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone(monkeypatch, tmp_path)
    faults.json(chat("hello"))
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": faults.url}
    with pytest.raises(UsageError, match="needs AWS credentials"):
        await run_async(flow(BOTH), options=RunOptions(environ={**environ, "AWS_REGION": "us-east-1"}))
    assert faults.seen == []


@pytest.mark.parametrize(
    ("model", "environ", "host"),
    [
        ("bedrock:m", {"AWS_REGION": "eu-west-1"}, "bedrock-runtime.eu-west-1.amazonaws.com"),
        (
            "vertex:gemini-2.5-flash",
            {"GOOGLE_CLOUD_LOCATION": "global", "GOOGLE_CLOUD_PROJECT": "p"},
            "aiplatform.googleapis.com",
        ),
    ],
)
async def test_a_host_of_a_cloud_is_asked_for_before_credentials_are_looked_for(
    model: str, environ: dict[str, str], host: str, flow: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sought(*args: object) -> None:
        raise AssertionError("credentials were looked for")

    monkeypatch.setattr("flowrun.runtime.providers.amazon_keys._from_chain", sought)
    monkeypatch.setattr("flowrun.runtime.providers.google_tokens._credentials", sought)
    path = flow(f'model m = "{model}"\nflow f() {{ a = ask m "hi" return a }}\n')
    with pytest.raises(UsageError, match="may not yet send prompts") as caught:
        await run_async(path, options=RunOptions(environ=environ))
    assert f"--allow-host {host}" in str(caught.value)


async def test_the_command_with_bedrock(bedrock: BedrockServer, flow: Callable[[str], Path], tmp_path: Path) -> None:
    bedrock.replies = [converse({"text": "Hello."})]
    path = flow('flow f() { a = ask "hi" return a }\n')
    ran = await command(str(path), "--model", "bedrock:m", folder=tmp_path, **bedrock.environ())
    assert (ran.code, ran.out.strip()) == (0, "Hello."), ran.err
    assert not [secret for secret in KEYS if secret in ran.out + ran.err]


async def test_the_command_with_vertex(flow: Callable[[str], Path], tmp_path: Path) -> None:
    path = flow('flow f() { a = ask "hi" return a }\n')
    async with VertexServer([(200, google("Hello."))]).serving() as server:
        given = {**server.environ(tmp_path), "NO_GCE_CHECK": "true"}
        ran = await command(str(path), "--model", "vertex:gemini-2.5-flash", folder=tmp_path, **given)
        assert (ran.code, ran.out.strip()) == (0, "Hello."), ran.err
        assert server.wrong == []
    assert secrets_in(tmp_path, TOKEN) == []


async def test_the_command_tells_what_is_missing(flow: Callable[[str], Path], tmp_path: Path) -> None:
    path = flow('flow f() { a = ask "hi" return a }\n')
    for model, said in [
        ("bedrock:m", "needs a region: set AWS_REGION"),
        ("vertex:gemini-2.5-flash", "needs a location: set GOOGLE_CLOUD_LOCATION"),
        ("azure:m", "set AZURE_OPENAI_ENDPOINT"),
    ]:
        ran = await command(str(path), "--model", model, folder=tmp_path)
        assert ran.code == 2 and said in ran.err and ran.out == "", ran.err


def test_the_keys_of_clouds_are_kept_out_of_notes() -> None:
    given = {"AWS_SECRET_ACCESS_KEY": KEYS[1], "AWS_SESSION_TOKEN": KEYS[2], "AWS_BEARER_TOKEN_BEDROCK": f"b{KEYS[1]}"}
    given |= {"AZURE_OPENAI_API_KEY": "9f8e7d6c5b4a39281706f5e4d3c2b1a0", "AZURE_OPENAI_AD_TOKEN": f"e{KEYS[1]}"}
    for value in given.values():
        assert any(key.carried_by(f"x {value} y") for key in keys_in({**given, "AWS_PROFILE": "p"}))
    assert len(keys_in(given)) == 5


def test_what_is_learnt_is_kept_apart_for_each_account(tmp_path: Path) -> None:
    class Noted(NoRecords):
        def record(self, address: str, account: str, model: str) -> Record:
            accounts.append(account)
            return Record()

    accounts: list[str] = []
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    for given in (
        dict(zip(names, KEYS, strict=True)),
        dict(zip(names, ("ASIAOTHER", *KEYS[1:]), strict=True)),
        {"AWS_PROFILE": "work"},
        {"AWS_BEARER_TOKEN_BEDROCK": "b"},
    ):
        open_provider("bedrock:m", Surroundings({**given, "AWS_REGION": "us-east-1"}, records=Noted()))
    assert len(set(accounts)) == 4
    assert not [secret for secret in KEYS[1:] for account in accounts if secret in account]


def test_the_prices_of_clouds() -> None:
    pytest.importorskip("genai_prices")
    usual = price("bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0", {})
    assert usual is not None and 0 < usual.input < usual.output
    assert price("bedrock:arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", {}) is not None
    gemini, claude = price("vertex:gemini-2.5-flash", {}), price("vertex:claude-haiku-4-5@20251001", {})
    assert gemini is not None and claude is not None and claude.sent == 4096
    # A deployment may have the name of its model, or any other.
    assert price("azure:gpt-4o", {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}) is not None
    assert price("azure:ours", {}) is None
    assert price("bedrock:amazon.nova-lite-v1:0", {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:1"}) is None


@pytest.mark.parametrize(
    ("model", "name"),
    [("bedrock:m", "aws.bedrock"), ("vertex:m", "gcp.vertex_ai"), ("azure:m", "azure.ai.openai")],
)
def test_traces_name_clouds_as_the_conventions_do(model: str, name: str) -> None:
    assert provider_name(model) == name


async def test_an_ended_sign_in_is_told_before_another_model_is_paid(
    faults: Any, flow: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    alone(monkeypatch, tmp_path)
    faults.json(chat("hello"))
    config = tmp_path / "config"
    config.write_text(
        "[profile work]\nsso_session = ours\nsso_account_id = 123456789012\nsso_role_name = asks\n"
        "[sso-session ours]\nsso_start_url = http://127.0.0.1:9/start\nsso_region = us-east-1\n",
        encoding="utf-8",
    )
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": faults.url}
    environ |= {"AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "work"}
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UsageError, match="run `aws sso login --profile work`"):
        await run_async(flow(BOTH), options=RunOptions(environ=environ))
    assert faults.seen == []


async def test_an_account_that_google_refuses_is_told_before_another_model_is_paid(
    faults: Any, flow: Callable[[str], Path], tmp_path: Path
) -> None:
    faults.json(chat("hello"))
    async with VertexServer(
        refusal=(400, {"error": "invalid_grant", "error_description": "Expired."})
    ).serving() as one:
        environ = one.environ(tmp_path, OPENAI_BASE_URL=f"{faults.url}/v1")
        with pytest.raises(UsageError, match=r"Google gives no access token.*invalid_grant"):
            await run_async(flow(BOTH.replace("bedrock:two", "vertex:two")), options=RunOptions(environ=environ))
    assert faults.seen == []


@pytest.mark.parametrize("check", [None, 5, lambda: 5, lambda one: None], ids=["none", "number", "no coroutine", "two"])
async def test_a_provider_of_somebody_elses_that_checks_wrongly_is_told(
    check: Any, flow: Callable[[str], Path]
) -> None:
    class Odd(ScriptedProvider):
        check_access = check

    path = flow('flow f() { a = ask "hi" return a }\n')
    options = RunOptions(model="x:y", opener=lambda name, around: Odd(["Hello."]))
    if check is None:
        assert (await run_async(path, options=options)).value == "Hello."
        return
    with pytest.raises(UsageError, match="its provider cannot check its access"):
        await run_async(path, options=options)
