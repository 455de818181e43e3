"""Connections are reused, opened a few at a time, and never taken over with traffic of another request."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import aiohttp
import pytest
from yarl import URL

from flowrun.runtime.providers.connections import IDLE, MOST_OPENING, Connections
from flowrun.runtime.providers.descriptors import Descriptors
from flowrun.runtime.providers.http import OPENING
from flowrun.testing import VirtualLoop


class Made:
    """A connection that was opened; a server may have closed it, or may have sent something on it."""

    def __init__(self) -> None:
        self.closed = self.should_close = False
        self.protocol = self

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


def test_a_free_connection_on_which_the_server_speaks_is_not_used() -> None:
    async def work() -> None:
        connections = pool(Connector(lambda under_way: 0.01))
        quiet, spoken = cast(Any, await connections.take()), cast(Any, await connections.take())
        connections.give_back(quiet)
        connections.give_back(spoken)
        spoken.should_close = True
        assert await connections.take() is quiet
        assert spoken.closed and not quiet.closed
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


def test_requests_wait_while_the_machine_has_no_descriptor() -> None:
    class Short(Connector):
        """Lets ten connections be open, and none in the first half second."""

        async def connect(self, *_: object) -> Made:
            made = await super().connect()
            if self.opened <= 10 and asyncio.get_running_loop().time() > 0.5:
                return made
            self.opened -= 1
            lack = OSError(errno.EMFILE, "Too many open files")
            route = aiohttp.ClientRequest("POST", URL("http://localhost"), loop=asyncio.get_running_loop())
            raise aiohttp.ClientConnectorError(route.connection_key, lack)

    async def work() -> None:
        connector = Short(lambda under_way: 0.001)
        connections = pool(connector)

        async def one() -> None:
            connection = await connections.take()
            await asyncio.sleep(0.1)
            connections.give_back(connection)

        await asyncio.gather(*(one() for _ in range(100)))
        assert 1.5 <= asyncio.get_running_loop().time() < 2.0
        assert connector.opened == 10
        await connections.close()

    in_virtual_time(work())


@pytest.mark.parametrize(
    ("url", "proxy", "round_trip"),
    [
        ("http://localhost", None, 0.02),
        # An opening with TLS takes two round trips or more.
        ("https://localhost", None, 0.01),
        ("https://localhost", "http://127.0.0.1:3128", 0.01),
        # This connection ends at the proxy.
        ("http://localhost", "http://127.0.0.1:3128", None),
    ],
)
def test_the_quickest_opening_tells_the_round_trip(url: str, proxy: str | None, round_trip: float | None) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        connector = Connector(lambda under_way: 0.05 if connector.opened == 0 else 0.02)
        route = aiohttp.ClientRequest("POST", URL(url), loop=loop, proxy=URL(proxy) if proxy else None)
        connections = Connections(cast(aiohttp.TCPConnector, connector), route, 1, Descriptors(loop, {}))
        assert connections.round_trip is None
        for _ in range(3):
            await connections.take()
        assert connections.round_trip == (None if round_trip is None else pytest.approx(round_trip))
        await connections.close()

    in_virtual_time(work())
