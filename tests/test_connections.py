"""Connections are reused, opened a few at a time, and never taken over with traffic of another request."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

import aiohttp
import pytest
from yarl import URL

from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.connections import IDLE, MOST_OPENING, Connections
from flowrun.runtime.providers.descriptors import Descriptors
from flowrun.runtime.providers.http import OPENING
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.vocabulary.call import Message, Reply, Request
from flowrun.runtime.vocabulary.errors import InDoubtError, RefusedError
from support.certificates import server_context
from support.virtual_clock import VirtualLoop

GOOD = b'{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}'


class Made:
    """A connection that was opened; a server may have closed it."""

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Connector:
    """Opens connections in the time that ``seconds`` returns; it is told how many are being opened."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.seconds = seconds
        self.under_way = self.most = self.opened = 0

    async def connect(self, *_: object) -> Made:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(self.seconds(self.under_way))
        finally:
            self.under_way -= 1
        self.opened += 1
        return Made()


def pool(connector: Connector, least: int = OPENING) -> Connections:
    loop = asyncio.get_running_loop()
    route = aiohttp.ClientRequest("POST", URL("http://localhost"), loop=loop)
    return Connections(cast(aiohttp.TCPConnector, connector), route, least, Descriptors(loop, {}))


T = TypeVar("T")


def in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def opened_by(connector: Connector, count: int) -> float:
    """Return the virtual seconds in which so many requests have a connection each."""

    async def work() -> float:
        connections = pool(connector)
        await asyncio.gather(*(connections.take() for _ in range(count)))
        seconds = asyncio.get_running_loop().time()
        await connections.close()
        return seconds

    return in_virtual_time(work())


def test_a_burst_that_takes_the_time_of_this_machine_is_opened_a_few_at_a_time() -> None:
    # Each one waits for all that are being opened: nothing is gained by more.
    connector = Connector(lambda under_way: 0.001 * under_way)
    opened_by(connector, 1000)
    assert connector.opened == 1000
    assert connector.most <= 3 * OPENING


def test_a_burst_to_a_server_that_is_far_away_is_opened_at_once_after_some_rounds() -> None:
    connector = Connector(lambda under_way: 0.3)
    assert opened_by(connector, 1000) <= 7 * 0.3
    assert OPENING < connector.most <= MOST_OPENING


def test_no_more_are_opened_than_there_are_requests() -> None:
    connector = Connector(lambda under_way: 0.1)
    opened_by(connector, 3)
    assert connector.opened == connector.most == 3


def test_a_request_takes_the_first_connection_that_another_gives_back() -> None:
    async def work() -> tuple[float, int]:
        connector = Connector(lambda under_way: 0.01 if connector.opened == 0 else 3600.0)
        connections = pool(connector)
        first = await connections.take()
        asyncio.get_running_loop().call_later(0.2, connections.give_back, first)
        # Its own connection would take an hour.
        assert await connections.take() is first
        connections.give_back(first)
        assert await connections.take() is first
        seconds = asyncio.get_running_loop().time()
        await connections.close()
        return seconds, connector.under_way

    seconds, under_way = in_virtual_time(work())
    assert seconds == pytest.approx(0.21)
    assert under_way == 0


def test_slow_openings_leave_the_others_their_turn() -> None:
    async def work() -> None:
        connector = Connector(lambda under_way: 3600.0 if connector.opened == 0 and under_way == 1 else 0.01)
        connections = pool(connector, least=2)

        async def one() -> None:
            connection = await connections.take()
            await asyncio.sleep(0.01)
            connections.give_back(connection)

        await asyncio.gather(*(one() for _ in range(50)))
        assert asyncio.get_running_loop().time() < 1.0
        await connections.close()

    in_virtual_time(work())


def test_a_request_that_gives_up_passes_its_connection_on() -> None:
    async def work() -> None:
        connector = Connector(lambda under_way: 1.0)
        connections = pool(connector, least=1)
        first, second = (asyncio.ensure_future(connections.take()) for _ in range(2))
        await asyncio.sleep(0.5)
        first.cancel()
        await asyncio.sleep(0.6)
        # The attempt that was under way serves the one that still waits.
        assert second.done() and connector.opened == 1
        third = asyncio.ensure_future(connections.take())
        await asyncio.sleep(0.5)
        third.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert connector.under_way == 0, "nobody waits for it any more"
        # A request is cancelled in the very turn in which it is given a connection.
        fourth = asyncio.ensure_future(connections.take())
        await asyncio.sleep(0)
        connections.give_back(await second)
        fourth.cancel()
        await asyncio.gather(fourth, return_exceptions=True)
        assert await connections.take() is await second
        await connections.close()

    in_virtual_time(work())


def test_a_connection_that_was_free_for_long_or_was_lost_is_not_used() -> None:
    async def work() -> None:
        connections = pool(Connector(lambda under_way: 0.01))
        old, lost = await connections.take(), await connections.take()
        connections.give_back(old)
        await asyncio.sleep(IDLE + 1)
        connections.give_back(lost)
        assert old.closed and not lost.closed
        lost.close()
        assert await connections.take() not in (old, lost)
        waiting = asyncio.ensure_future(connections.take())
        await asyncio.sleep(0)
        dead = cast(Any, Made())
        connections.give_back(dead)
        dead.close()
        assert await waiting is not dead
        await connections.close()

    in_virtual_time(work())


def test_each_failure_reaches_one_request() -> None:
    class Refusing(Connector):
        async def connect(self, *_: object) -> Made:
            await super().connect()
            raise ConnectionRefusedError

    async def work() -> list[Any]:
        connections = pool(Refusing(lambda under_way: 0.1))
        found = await asyncio.gather(*(connections.take() for _ in range(100)), return_exceptions=True)
        await connections.close()
        return found

    assert [type(one) for one in in_virtual_time(work())] == [ConnectionRefusedError] * 100


def openai(url: str) -> Provider:
    return open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": f"{url}/v1"}))


def request(timeout: float = 5.0) -> Request:
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
                await asyncio.sleep(0.2)
                writer.write(answer("late"))
            else:
                await asyncio.sleep(0.4)
                writer.write(answer("right"))

    async with Counted(handle) as server:
        provider = openai(server.url)
        with pytest.raises(InDoubtError):
            await provider.complete(request(timeout=0.1))
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

    large = Request((Message("user", "x" * (16 << 20)),), timeout=5.0)
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
        assert asyncio.get_running_loop().time() - began < 3.0
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
