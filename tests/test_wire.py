"""Requests on the wire: their heads, their own answers, and the connections that they share."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aiohttp
import pytest

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.http import HttpClient
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Message, Reply, Request
from flowrun.runtime.vocabulary.errors import InDoubtError, PermanentError, RefusedError
from support.certificates import server_context
from support.patience import PATIENCE, until

GOOD = b'{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}'


def openai(url: str) -> Provider:
    return open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": f"{url}/v1"}))


def request(timeout: float = PATIENCE) -> Request:
    return Request((Message("user", "hello"),), timeout=timeout)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Counted:
    """A server that hands each connection to ``handle``, and counts the connections."""

    def __init__(self, handle: Handler) -> None:
        self.handle = handle
        self.connections = 0

    async def __aenter__(self) -> Counted:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.handle(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> dict[str, Any]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return cast(dict[str, Any], json.loads(await reader.readexactly(length)))


def answer(text: str = "yes", more: str = "") -> bytes:
    body = GOOD.replace(b"yes", text.encode())
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
        + body
    )


async def test_an_answer_never_reaches_the_request_after_one_that_gave_up() -> None:
    asked = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            await read_request(reader)
            asked += 1
            if asked == 1:
                await asyncio.sleep(0.8)
                writer.write(answer("late"))
            else:
                await asyncio.sleep(0.6)
                writer.write(answer("right"))

    async with Counted(handle) as server:
        provider = openai(server.url)
        with pytest.raises(InDoubtError):
            await provider.complete(request(timeout=0.4))
        reply = await provider.complete(request())
        await provider.close()
    assert reply.answers[0].text == "right"
    assert server.connections == 2


@pytest.mark.parametrize("beyond", [b"HTTP/1.1 200 OK\r\n", answer("wrong"), b"\r\nx"])
async def test_a_connection_with_something_behind_its_answer_is_not_reused(beyond: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer() + beyond)
        await read_request(reader)
        writer.write(answer("second"))

    async with Counted(handle) as server:
        provider = openai(server.url)
        replies: list[Reply] = []
        for _ in range(2):
            try:
                replies.append(await provider.complete(request()))
            except InDoubtError:
                continue  # bytes that are no answer spoil the connection, and the request is told
        await provider.close()
    assert "wrong" not in [reply.answers[0].text for reply in replies]


@pytest.mark.parametrize("beyond", [answer("wrong"), 2 * answer("wrong"), b"nonsense\r\n\r\n"])
async def test_an_answer_that_comes_unasked_reaches_no_request(beyond: bytes) -> None:
    sent = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer())
        await writer.drain()
        await asyncio.sleep(0.02)  # the connection is free by then
        writer.write(beyond)
        sent.set()
        await read_request(reader)
        writer.write(answer("second"))

    async with Counted(handle) as server:
        provider = openai(server.url)
        for _ in range(3):
            assert (await provider.complete(request())).answers[0].text == "yes"
            await sent.wait()
            # The loop reads it in its next turn.
            await asyncio.sleep(0.05)
            sent.clear()
        await provider.close()
    assert server.connections == 3


async def test_an_answer_that_breaks_the_rules_of_http_is_told_with_what_is_wrong() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n")
        await reader.read()

    async with Counted(handle) as server:
        provider = openai(server.url)
        with pytest.raises(InDoubtError, match=r"breaks the rules of HTTP .*Transfer-Encoding.*it may have been paid"):
            await provider.complete(request())
        await provider.close()


async def test_interim_answers_are_passed_over_and_a_close_is_heeded() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            writer.write(answer(more="Connection: close\r\n"))

    async with Counted(handle) as server:
        provider = openai(server.url)
        for _ in range(3):
            assert (await provider.complete(request())).answers[0].text == "yes"
        await provider.close()
    assert server.connections == 3


async def test_a_proxy_gets_its_own_password_and_the_whole_address() -> None:
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            heads.append(head)
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            writer.write(answer())

    async with Counted(handle) as server:
        proxy = server.url.replace("http://", "http://user:word@")
        environ = {"OPENAI_BASE_URL": "http://models.example/v1", "OPENAI_API_KEY": "k" * 9, "HTTP_PROXY": proxy}
        provider = open_provider("openai:m", Surroundings(environ))
        other = open_provider("openai:other", Surroundings(environ))
        for one in (provider, other, provider):
            assert (await one.complete(request())).answers[0].text == "yes"
        await provider.close()
        await other.close()
    for head in heads:
        lines = head.decode().split("\r\n")
        assert lines[0] == "POST http://models.example/v1/chat/completions HTTP/1.1"
        assert {"Host: models.example", "Proxy-Authorization: Basic dXNlcjp3b3Jk"} <= set(lines)
        names = [line.partition(":")[0].lower() for line in lines[1:] if line]
        assert len(set(names)) == len(names)
    assert len(heads) == 3 and server.connections == 1


async def test_a_head_has_no_line_from_outside() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("nothing may be sent")

    async with Counted(handle) as server:
        provider = openai(server.url)
        with pytest.raises(PermanentError):
            await provider.complete(request(), 1, "key\r\nX-Evil: 1")
        await provider.close()


async def test_many_requests_share_few_connections_when_answers_are_quick() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer())

    async with Counted(handle) as server:
        provider = openai(server.url)
        replies = await asyncio.gather(*(provider.complete(request()) for _ in range(500)))
        await provider.close()
    assert len(replies) == 500
    assert server.connections < 500


async def test_an_answer_before_the_whole_request_was_read_ends_the_connection() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer("early"))
        await writer.drain()
        await asyncio.sleep(0.5)

    large = Request((Message("user", "x" * (16 << 20)),), timeout=PATIENCE)
    async with Counted(handle) as server:
        provider = openai(server.url)
        for _ in range(2):
            assert (await provider.complete(large)).answers[0].text == "early"
        await provider.close()
    assert server.connections == 2


async def test_a_server_that_accepts_nothing_fails_all_requests_by_their_deadline() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        provider = openai(f"http://127.0.0.1:{full.getsockname()[1]}")
        began = asyncio.get_running_loop().time()
        found = await asyncio.gather(*(provider.complete(request(0.3)) for _ in range(200)), return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < 30
        await provider.close()
        for other in others:
            other.close()
    assert {type(one) for one in found} == {RefusedError}
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_burst_over_tls_is_opened_a_few_at_a_time(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way = most = 0
    connect = aiohttp.TCPConnector.connect

    async def counted(self: aiohttp.TCPConnector, *given: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await connect(self, *given)
        finally:
            under_way -= 1

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await asyncio.sleep(0.2)
            writer.write(answer())

    context = server_context(tmp_path, "localhost")
    trusted = aiohttp.connector._SSL_CONTEXT_VERIFIED
    assert trusted is not None
    monkeypatch.setattr(aiohttp.TCPConnector, "connect", counted)
    trusted.load_verify_locations(tmp_path / "issuer.pem")
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context, backlog=512)
    provider = openai(f"https://localhost:{server.sockets[0].getsockname()[1]}")
    replies = await asyncio.gather(*(provider.complete(request(30.0)) for _ in range(150)))
    await provider.close()
    server.close()
    await server.wait_closed()
    assert [reply.answers[0].text for reply in replies] == ["yes"] * 150
    assert 0 < most < 150


async def test_endpoints_of_runs_that_overlap_are_forgotten_with_their_run() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer())

    async with Counted(handle) as server:
        last = openai(server.url)
        await last.complete(request())
        client = HttpClient.join()
        for _ in range(20):
            following = openai(server.url)
            await following.complete(request())
            await last.close()
            last = following
        assert len(client._targets) == 1
        await last.close()
        assert not client._targets
        await client.leave()
    assert server.connections == 1


async def test_a_provider_tells_which_requests_have_a_connection() -> None:
    seen: list[int] = []
    both = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        seen.append(provider.traffic.on_wire)
        if len(seen) == 2:
            both.set()
        await both.wait()
        writer.write(answer())

    async with Counted(handle) as server:
        provider = cast(Any, openai(server.url))
        assert (provider.traffic.on_wire, provider.traffic.round_trip) == (0, None)
        await asyncio.gather(provider.complete(request()), provider.complete(request()))
        assert max(seen) == 2
        assert provider.traffic.on_wire == 0
        assert 0 < provider.traffic.round_trip < PATIENCE
        await provider.close()


async def test_a_request_that_is_cancelled_or_refused_leaves_the_wire() -> None:
    over = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await over.wait()

    async with Counted(handle) as server:
        provider = cast(Any, openai(server.url))
        task = asyncio.create_task(provider.complete(request()))
        await until(lambda: provider.traffic.on_wire == 1)
        task.cancel()
        over.set()
        await asyncio.gather(task, return_exceptions=True)
        assert provider.traffic.on_wire == 0
        with pytest.raises(InDoubtError):
            await provider.complete(request())
        assert provider.traffic.on_wire == 0
        await provider.close()
