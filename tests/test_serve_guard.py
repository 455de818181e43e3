"""`flowrun serve`: who is answered, and the token."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from flowrun.runtime.serve.http_server import HttpServer, Place, hosts_of, token_of
from flowrun.runtime.vocabulary.errors import UsageError
from support.command_line import command
from support.served import FLOWS, TOKEN, Server, environment, serving

NOBODY = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("guarded")
    with serving(folder, environment(folder, NOBODY), "--served-as", "flows.example") as found:
        yield found


async def get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, Any], Any]:
    async with aiohttp.ClientSession(server.address) as client, client.get(path, headers=headers) as response:
        return response.status, await response.json(), response.headers


async def test_a_token_is_needed(server: Server) -> None:
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}):
        status, found, headers = await get(server, "/openapi.json", **given)
        assert status == 401 and "token is missing or wrong" in found["error"]
        assert headers["WWW-Authenticate"] == "Bearer"
    assert (await get(server, "/openapi.json", Authorization=f"bearer {TOKEN}"))[0] == 200
    assert (await get(server, f"/openapi.json?token={TOKEN}"))[0] == 401
    assert (await get(server, "/nowhere"))[0] == 401


async def test_health_needs_none_and_tells_nothing(server: Server) -> None:
    assert (await get(server, "/health"))[:2] == (200, {"status": "ok"})
    assert (await get(server, "/ready"))[:2] == (200, {"status": "ready"})


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1", ""])
async def test_a_host_that_is_not_its_own_is_refused(server: Server, host: str) -> None:
    status, found, _ = await get(server, "/health", Host=host, Authorization=f"Bearer {TOKEN}")
    assert status == 403 and "host is not served" in found["error"]


async def test_its_names_are_answered(server: Server) -> None:
    port = server.address.rpartition(":")[2]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "flows.example", f"LOCALHOST:{port}"):
        assert (await get(server, "/health", Host=host))[0] == 200


async def test_pages_of_other_sites_are_refused_and_there_is_no_cors(server: Server) -> None:
    status, found, headers = await get(server, "/health", Origin="https://evil.example")
    assert status == 403 and "other sites" in found["error"]
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert (await get(server, "/health", Origin="null"))[0] == 403
    assert (await get(server, "/health", Origin=server.address))[0] == 200
    async with (
        aiohttp.ClientSession(server.address) as client,
        client.options("/flows/is_spam", headers={"Origin": "https://evil.example"}) as response,
    ):
        assert response.status == 403


def test_the_hosts_of_a_place() -> None:
    assert "localhost:8484" in hosts_of(Place("127.0.0.1", 0), 8484)
    assert "[::1]:8484" in hosts_of(Place("::1", 0), 8484)
    assert "localhost" in hosts_of(Place("localhost", 0), 80)
    assert hosts_of(Place("0.0.0.0", 0), 8484) == ()
    assert hosts_of(Place("10.0.0.5", 0, ("flows.example",)), 8484) == ("flows.example",)
    assert not Place("0.0.0.0", 0).local and not Place("10.0.0.5", 0).local and Place("::1", 0).local


@pytest.mark.parametrize("host", ["300.1.1.1", "x" * 300, "no host", ""])
def test_a_host_that_is_none_is_a_sentence(host: str) -> None:
    with pytest.raises(UsageError, match=r"is not known|cannot listen|needs an address"):
        HttpServer(Place(host, 0))


def test_a_token_is_made_if_none_is_given(tmp_path: Path) -> None:
    one, other = token_of({}, None), token_of({}, None)
    assert one.made and len(one.text) >= 32 and one.text != other.text
    assert token_of({"FLOWRUN_TOKEN": TOKEN}, None).text == TOKEN


def test_a_token_comes_from_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}-of-a-file\n")
    with pytest.raises(UsageError, match="can be read by others"):
        token_of({"FLOWRUN_TOKEN": TOKEN}, file)
    file.chmod(0o600)
    assert token_of({"FLOWRUN_TOKEN": TOKEN}, file).text == f"{TOKEN}-of-a-file"
    for wrong in ("short", "", "with a blank in it and long", "ümlauts in it, long enough"):
        file.write_text(wrong)
        with pytest.raises(UsageError, match="at least 16"):
            token_of({}, file)
    with pytest.raises(UsageError, match="cannot be read"):
        token_of({}, tmp_path / "nowhere")


async def test_a_made_token_is_printed_once_and_one_that_is_given_never(tmp_path: Path, server: Server) -> None:
    assert TOKEN not in server.told()
    environ = environment(tmp_path, NOBODY)
    del environ["FLOWRUN_TOKEN"]
    with serving(tmp_path, environ) as made:
        assert made.told().count("token: ") == 1
        token = made.told().partition("token: ")[2].split()[0]
        async with made.client(token) as client, client.get("/openapi.json") as response:
            assert response.status == 200
        async with made.client() as client, client.get("/openapi.json") as response:
            assert response.status == 401


async def test_the_port_of_another_is_a_sentence(tmp_path: Path, server: Server) -> None:
    (tmp_path / "flows.flow").write_text(FLOWS)
    port = server.address.rpartition(":")[2]
    ran = await command("serve", "flows.flow", "--port", port, folder=tmp_path, **_without_path(tmp_path))
    assert ran.code == 2 and f"cannot listen at 127.0.0.1:{port}" in ran.err and "choose another --port" in ran.err


def _without_path(folder: Path) -> dict[str, str]:
    return {name: value for name, value in environment(folder, NOBODY).items() if name not in ("PATH", "HOME")}


def test_nobody_sees_the_token_among_the_options() -> None:
    from flowrun.runtime.cli.serve import command as serve

    assert not [one for one in serve.params if "--token" in one.opts]
    assert os.environ.get("FLOWRUN_TOKEN") is None
