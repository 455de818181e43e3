"""A role of AWS, assumed by AWS's own chain at a stand-in for its Security Token Service on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from test_bedrock import alone

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import EndpointError, RefusedError, UsageError
from support.bedrock_server import KEYS, BedrockServer, converse
from support.hosted import checked
from support.loopback import served

HELLO = Request((Message("user", "hello"),))
MEMBER = "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
END = "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
REFUSED = (
    "<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type>"
    "<Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>"
)


@dataclass
class Tokens:
    """It hands out another key each time. Each lives for ``seconds``."""

    bedrock: BedrockServer
    seconds: list[float]
    status: int = 200
    roles: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.roles.append(str(form["RoleArn"]))
        if self.status != 200:
            return web.Response(text=REFUSED, status=self.status, content_type="text/xml")
        number = len(self.roles)
        keys = (f"ASIAROLE{number:012}", f"{KEYS[1][:-2]}{number:02}", f"{KEYS[2]}{number:02}")
        self.bedrock.keys = keys
        life = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        until = (datetime.now(UTC) + timedelta(seconds=life)).strftime("%Y-%m-%dT%H:%M:%SZ")
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
        parts = "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, (*keys, until), strict=True))
        return web.Response(text=MEMBER + parts + END, content_type="text/xml")


@pytest.fixture
async def tokens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Tokens]:
    alone(monkeypatch, tmp_path)
    async with BedrockServer([converse({"text": "Hello."})]).serving() as bedrock:
        made = Tokens(bedrock, [3600.0])
        app = web.Application()
        app.router.add_post("/", made.answer)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        async with served(app) as url:
            monkeypatch.setenv("AWS_ENDPOINT_URL_STS", url)
            yield made


def environ(tokens: Tokens, folder: Path) -> dict[str, str]:
    config = folder / "config"
    config.write_text(
        "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/asks\nsource_profile = base\nregion = us-east-1\n"
        f"[profile base]\naws_access_key_id = {KEYS[0]}\naws_secret_access_key = {KEYS[1]}\n",
        encoding="utf-8",
    )
    given = {"AWS_PROFILE": "work", "AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none")}
    return {**given, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": tokens.bedrock.url}


async def test_a_role_is_assumed_once_while_its_keys_live(tokens: Tokens, tmp_path: Path) -> None:
    one = open_provider("bedrock:m", Surroundings(environ(tokens, tmp_path)))
    await checked(one)
    for _ in range(3):
        assert (await one.complete(HELLO, 1)).answers[0].text == "Hello."
    await one.close()
    assert tokens.roles == ["arn:aws:iam::123456789012:role/asks"]
    assert tokens.bedrock.faults == []


async def test_a_role_is_assumed_anew_before_its_keys_end(tokens: Tokens, tmp_path: Path) -> None:
    tokens.seconds = [30.0, 30.0, 3600.0]
    one = open_provider("bedrock:m", Surroundings(environ(tokens, tmp_path)))
    await checked(one)
    for _ in range(4):
        await one.complete(HELLO, 1)
    await one.close()
    assert len(tokens.roles) == 3
    assert tokens.bedrock.faults == []
    used = {seen.headers["Authorization"].partition("Credential=")[2].partition("/")[0] for seen in tokens.bedrock.seen}
    assert used == {"ASIAROLE000000000002", "ASIAROLE000000000003"}


async def test_a_role_that_may_not_be_assumed_is_told_at_the_start(tokens: Tokens, tmp_path: Path) -> None:
    tokens.status = 403
    one = open_provider("bedrock:m", Surroundings(environ(tokens, tmp_path)))
    with pytest.raises(UsageError, match=r"AWS credentials of the profile `work` cannot be renewed.*AssumeRole"):
        await checked(one)


async def test_a_role_that_is_taken_away_later_stops_the_endpoint(tokens: Tokens, tmp_path: Path) -> None:
    tokens.seconds = [30.0]
    one = open_provider("bedrock:m", Surroundings(environ(tokens, tmp_path)))
    await checked(one)
    tokens.status = 403
    with pytest.raises(EndpointError, match="cannot be renewed"):
        await one.complete(HELLO, 1)
    await one.close()
    assert tokens.bedrock.seen == []


async def test_a_token_service_that_is_away_is_tried_again(
    tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    one = open_provider("bedrock:m", Surroundings(environ(tokens, tmp_path)))
    await checked(one)
    with pytest.raises(RefusedError, match="cannot be renewed yet"):
        await one.complete(HELLO, 1)
    await one.close()
