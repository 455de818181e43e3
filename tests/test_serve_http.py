"""`flowrun serve`: paths, statuses, streams, runs that go on alone, and the same run for one key."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import aiohttp
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.model_server import Served, model_server
from support.patience import still, until
from support.served import Server, environment, serving


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with model_server(tmp_path_factory.mktemp("models") / "log", seconds=0.05) as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, models: Served) -> Any:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, environment(folder, models.url)) as found:
        assert found.address, found.told()
        yield found


def events(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


async def test_a_call_returns_the_value_and_the_account(server: Server) -> None:
    status, found = await server.ask("/flows/is_spam", {"email": "You have won"})
    assert status == 200 and found["status"] == "done" and found["flow"] == "is_spam"
    assert found["value"] in ("SPAM", "NOT") and found["calls"] in (2, 3)
    again = await server.ask("/flows/is_spam", {"email": "You have won"})
    assert again[1]["calls"] == 0 and again[1]["value"] == found["value"]


async def test_what_it_serves_is_said_at_the_start(server: Server) -> None:
    assert (
        "is_spam(email, tone): 2 to 3 calls without server failures, the budget of a call is 9 calls." in server.told()
    )
    assert "at most 50 calls at the same time; no total budget" in server.told()


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"{broken", 400, "the body is not JSON"),
        (b"[1]", 400, "must be a JSON object"),
        (b'{"email": NaN}', 400, "NaN is no number"),
        (b"[" * 100_000, 400, "the body is not JSON"),
        (b"\xff", 400, "the body is not JSON"),
        (b'{"email": 3}', 422, "expected text, found the number 3"),
        (b"{}", 422, "needs `email`"),
        (b'{"email": "x", "more": 1}', 422, "has no parameter `more`"),
        (b'{"email": "x", "tone": "loud"}', 422, "expected kind | strict"),
    ],
)
async def test_a_wrong_body_is_refused_with_a_sentence(server: Server, body: bytes, status: int, why: str) -> None:
    async with server.client() as client:
        headers = {"Content-Type": "application/json"}
        async with client.post("/flows/is_spam", data=body, headers=headers) as response:
            assert response.status == status
            assert why in (await response.json())["error"]


async def test_a_huge_body_is_refused(server: Server) -> None:
    headers = {"Content-Type": "application/json"}
    async with (
        server.client() as client,
        client.post("/flows/is_spam", data=io.BytesIO(b"x" * (33 * 2**20)), headers=headers) as response,
    ):
        assert response.status == 413 and "too long" in (await response.json())["error"]
    assert (await server.ask("/flows/is_spam", {"email": "after it"}))[0] == 200


async def test_wrong_paths_methods_and_types_are_refused(server: Server) -> None:
    assert (await server.ask("/flows/is_span", {}))[0] == 404
    assert "did you mean `is_spam`" in (await server.ask("/flows/is_span", {}))[1]["error"]
    assert (await server.ask("/nowhere", {}))[0] == 404
    assert (await server.ask("/flows/is_spam", method="GET"))[0] == 405
    assert (await server.ask("/runs/nope", method="GET"))[0] == 404
    assert (await server.ask("/runs/nope", method="DELETE"))[0] == 404
    async with server.client() as client, client.post("/flows/is_spam", data=b"email=x") as response:
        assert response.status == 415


async def test_progress_is_streamed_and_the_result_is_last(server: Server) -> None:
    async with server.client() as client:
        body = {"texts": [f"streamed {at}" for at in range(120)]}
        async with client.post("/flows/each?stream", json=body) as response:
            assert response.content_type == "text/event-stream"
            found = events(await response.text())
        async with client.post("/flows/each", json=body, headers={"Accept": "text/event-stream"}) as response:
            recalled = events(await response.text())
    kinds = [kind for kind, _ in found]
    assert kinds[-1] == "result" and "progress" in kinds and set(kinds) == {"progress", "result"}
    assert len(found[-1][1]["value"]) == 120
    assert recalled[-1][1]["recalled"] == 120


async def test_a_run_that_was_begun_goes_on_alone(server: Server) -> None:
    status, begun = await server.ask("/flows/each/runs", {"texts": [f"alone {at}" for at in range(60)]})
    assert status == 202 and begun["url"] == f"/runs/{begun['run']}"
    status, shown = await server.ask(begun["url"], method="GET")
    assert status == 200 and shown["status"] in ("running", "done")
    async with server.client() as client, client.get(f"{begun['url']}?stream") as response:
        found = events(await response.text())
    assert found[-1][0] == "result" and len(found[-1][1]["value"]) == 60
    assert (await server.ask(begun["url"], method="GET"))[1] == found[-1][1]


async def test_a_run_is_stopped_and_keeps_its_answers(server: Server, models: Served) -> None:
    texts = [f"stopped {at}" for at in range(400)]
    before = models.asked()
    models.hold(10)
    _, begun = await server.ask("/flows/each/runs", {"texts": texts})
    await until(lambda: models.asked() - before > 10)
    ending = asyncio.create_task(server.ask(begun["url"], method="DELETE"))
    # The run has hundreds of calls before it when the server hears of the end.
    await asyncio.sleep(0.3)
    models.go_on()
    status, ended = await ending
    while ended["status"] == "stopping":
        status, ended = await server.ask(begun["url"], method="GET")
    assert status == 200 and ended["status"] == "stopped"
    sent = models.asked() - before
    assert ended["calls"] == sent < 400
    status, again = await server.ask("/flows/each", {"texts": texts})
    assert again["recalled"] == sent and models.asked() - before == 400


@pytest.mark.parametrize("stream", ["", "?stream"])
async def test_a_client_that_hangs_up_stops_its_run(server: Server, models: Served, stream: str) -> None:
    before = models.asked()
    texts = [f"hung up {stream} {at}" for at in range(400)]
    models.hold(10)
    async with server.client() as client:
        call = asyncio.create_task(_read(client, f"/flows/each{stream}", {"texts": texts}))
        await until(lambda: models.asked() - before > 10)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await asyncio.sleep(0.3)
    models.go_on()
    assert await still(models.asked) - before < 400


async def test_one_key_is_one_run(server: Server, models: Served) -> None:
    before = models.asked()
    body = {"texts": ["keyed 1", "keyed 2"]}
    key = {"Idempotency-Key": "a key"}
    calls = [server.ask("/flows/each", body, **key) for _ in range(5)]
    found = await asyncio.gather(*calls)
    assert {status for status, _ in found} == {200}
    assert len({one["run"] for _, one in found}) == 1
    assert models.asked() - before == 2
    status, refused = await server.ask("/flows/each", {"texts": ["other"]}, **key)
    assert status == 422 and "belongs to a request" in refused["error"]
    assert (await server.ask("/flows/card", body, **key))[0] == 422


async def test_one_of_two_callers_of_a_run_may_leave(server: Server, models: Served) -> None:
    body, key = {"texts": [f"two callers {at}" for at in range(100)]}, {"Idempotency-Key": "two callers"}
    before = models.asked()
    models.hold()
    async with server.client() as client:
        first = asyncio.create_task(_read(client, "/flows/each", body, **key))
        await until(lambda: models.asked() > before)
        async with client.post("/flows/each?stream", json=body, headers=key) as second:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await asyncio.sleep(0.3)
            models.go_on()
            kind, found = events(await second.text())[-1]
    assert kind == "result" and len(found["value"]) == 100


async def test_openapi_is_valid_and_has_the_types(server: Server) -> None:
    status, found = await server.ask("/openapi.json", method="GET")
    assert status == 200
    OpenAPIV31SpecValidator(found).validate()
    call = found["paths"]["/flows/is_spam"]["post"]
    inputs = call["requestBody"]["content"]["application/json"]["schema"]
    assert inputs["properties"]["tone"]["enum"] == ["kind", "strict"]
    assert {"/flows/each", "/flows/each/runs", "/runs/{id}", "/health", "/ready"} <= set(found["paths"])


async def test_a_validator_of_openapi_finds_a_broken_description(server: Server) -> None:
    _, found = await server.ask("/openapi.json", method="GET")
    del found["paths"]["/flows/is_spam"]["post"]["responses"]
    found["paths"]["/flows/each"]["post"]["requestBody"]["content"] = 3
    assert list(OpenAPIV31SpecValidator(found).iter_errors())


async def _read(client: aiohttp.ClientSession, path: str, body: Any, **headers: str) -> str:
    async with client.post(path, json=body, headers=headers) as response:
        return await response.text()
