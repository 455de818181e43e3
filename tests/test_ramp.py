"""The ramp: small steps that a refusal stops in time, requests that got no connection yet, and measured distances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from flowrun.runtime.limits import FAR, NEAR, EndpointTerms, Limiter, Pacing, Place, Verdict
from flowrun.runtime.limits.ramp import AHEAD, FEW, FIRST, QUIET, SERVER
from flowrun.runtime.vocabulary.traffic import Traffic
from flowrun.testing import VirtualLoop
from support.served_width import GENEROUS, Ran, Server, always, run


def in_virtual_time(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work)


def fill(limiter: Limiter, count: int = 10_000) -> list[Place]:
    """Take all places that are free at the moment."""
    found: list[Place] = []
    while len(found) < count and (place := limiter.acquire()) is not None:
        found.append(place)
    return found


class Sender:
    """Takes each place as soon as the limiter opens it. ``connected`` is called with the number of places so far."""

    def __init__(self, limiter: Limiter, connected: Callable[[int], None] = lambda count: None) -> None:
        self.limiter, self.connected = limiter, connected
        self.places: list[Place] = []

    def pump(self) -> None:
        self.places += fill(self.limiter)
        self.connected(len(self.places))
        self.limiter.on_ready(self.pump)


# The first requests


@pytest.mark.parametrize("pacing", [NEAR, FAR])
@pytest.mark.parametrize("uptime", [0.0, 1000.0])
def test_few_requests_leave_before_a_refusal_may_come(pacing: Pacing, uptime: float) -> None:
    async def work() -> None:
        await asyncio.sleep(uptime)
        sender = Sender(Limiter(None, EndpointTerms(start=128, pacing=pacing)))
        sender.pump()
        await asyncio.sleep(0.9 * QUIET)
        assert len(sender.places) == FIRST
        await asyncio.sleep(0.2 * QUIET)
        assert FIRST < len(sender.places) <= FIRST + 2
        sender.limiter.close()

    in_virtual_time(work())


@pytest.mark.parametrize("trusted", [False, True])
def test_a_provider_that_takes_long_to_start_gets_no_more_than_the_first_requests(trusted: bool) -> None:
    async def work() -> None:
        traffic = Traffic()
        limiter = Limiter(None, EndpointTerms(start=500, trusted=trusted, pacing=NEAR, traffic=[traffic]))
        sender = Sender(limiter)
        sender.pump()
        await asyncio.sleep(0.4)
        assert len(sender.places) == FIRST
        traffic.on_wire = FIRST
        await asyncio.sleep(0.001)
        # The server refuses within a millisecond: this host is not far away, although the requests are old.
        limiter.release(sender.places[0], Verdict.REFUSED)
        limiter.release(sender.places[1], Verdict.OK)
        traffic.on_wire = len(sender.places) - 2
        assert limiter.pace.width >= 1
        assert limiter._ramp._pacing is NEAR
        limiter.close()

    in_virtual_time(work())


@pytest.mark.parametrize("pacing", [NEAR, FAR])
def test_a_width_that_the_user_has_set_begins_with_all_that_may_wait_for_a_connection(pacing: Pacing) -> None:
    async def work() -> None:
        traffic = Traffic()
        limiter = Limiter(500, EndpointTerms(pacing=pacing, traffic=[traffic]))
        sender = Sender(limiter)
        sender.pump()
        assert len(sender.places) == AHEAD
        await asyncio.sleep(0.4)
        assert len(sender.places) == AHEAD
        traffic.on_wire = AHEAD
        await asyncio.sleep(0.01)
        assert AHEAD < len(sender.places) <= AHEAD + 0.01 * pacing.told
        limiter.close()
        few = Limiter(5, EndpointTerms(pacing=pacing))
        assert len(fill(few)) == 5
        few.close()

    in_virtual_time(work())


# Requests without a connection


@pytest.mark.parametrize("seconds", [0.005, 0.02, 0.1])
def test_few_requests_have_a_place_and_no_connection(seconds: float) -> None:
    """Each connection takes so many seconds, and a few are opened at a time."""

    async def work() -> None:
        traffic, most = Traffic(), 0
        limiter = Limiter(None, EndpointTerms(start=1000, trusted=True, pacing=NEAR, traffic=[traffic]))

        def connected(count: int) -> None:
            nonlocal most
            most = max(most, count - traffic.on_wire)

        sender = Sender(limiter, connected)
        sender.pump()
        for _ in range(40):
            await asyncio.sleep(seconds)
            traffic.on_wire = min(len(sender.places), traffic.on_wire + 16)
        # A step may be of more than one place.
        assert FIRST <= most <= AHEAD + 2
        assert len(sender.places) >= 20 * 16
        limiter.close()

    in_virtual_time(work())


def test_places_that_become_free_need_no_look_at_the_connections() -> None:
    async def work() -> None:
        traffic = Traffic(on_wire=1)
        limiter = Limiter(None, EndpointTerms(start=64, pacing=NEAR, traffic=[traffic]))
        places = fill(limiter)
        limiter.release(places.pop(), Verdict.OK)
        assert limiter.acquire() is not None
        limiter.close()

    in_virtual_time(work())


def test_a_refusal_calls_back_what_was_not_sent() -> None:
    async def work() -> None:
        limiter = Limiter(None, EndpointTerms(start=40))
        places = fill(limiter)
        assert not any(limiter.withdraws(place) for place in places)
        limiter.release(places.pop(0), Verdict.REFUSED)
        assert limiter.width < len(places)
        while limiter.withdraws(places[-1]):
            limiter.release(places.pop())
        # As many as the width allows are sent after all.
        assert len(places) == limiter.active == limiter.width
        limiter.close()

    in_virtual_time(work())


# Distance


def opened_in(seconds: float, pacing: Pacing, round_trip: float | None, *, allowed: bool) -> int:
    """Return how many requests are added within so many seconds after many answers."""
    found = 0

    async def work() -> None:
        nonlocal found
        traffic = Traffic(round_trip=round_trip)
        limiter = Limiter(None, EndpointTerms(start=100_000, pacing=pacing, traffic=[traffic]))

        def connected(count: int) -> None:
            traffic.on_wire = limiter.active

        sender = Sender(limiter, connected)
        sender.pump()
        await asyncio.sleep(1.0)
        for place in sender.places[:64]:
            limiter.release(place, Verdict.OK)
        if allowed:
            limiter.learn(GENEROUS)
        before = limiter.active
        await asyncio.sleep(0.5)
        between = limiter.active
        await asyncio.sleep(seconds)
        assert between > before
        found = limiter.active - between
        limiter.close()

    in_virtual_time(work())
    return found


@pytest.mark.parametrize(
    ("round_trip", "least", "most"), [(None, 170, 190), (0.01, 540, 560), (0.05, 175, 195), (0.3, 170, 190)]
)
@pytest.mark.parametrize("allowed", [True, False])
def test_a_far_host_gets_as_many_a_second_as_its_distance_allows(
    round_trip: float | None, least: int, most: int, allowed: bool
) -> None:
    assert least <= opened_in(1.0, FAR, round_trip, allowed=allowed) <= most


def test_a_host_on_the_internet_gets_no_more_than_one_nearby() -> None:
    most = FAR.within(1e9, NEAR)
    assert (most.blind, most.known, most.allowed) == (NEAR.blind, NEAR.known, NEAR.allowed)
    least = FAR.within(0.0, NEAR)
    assert least == FAR


def test_a_distance_changes_nothing_nearby() -> None:
    assert opened_in(0.1, NEAR, 0.2, allowed=True) == pytest.approx(opened_in(0.1, NEAR, None, allowed=True), abs=2)


def far(travel: float, capacity: float, count: int, seconds: float = 0.2, slow: float = 0.0) -> Ran:
    traffic = Traffic()
    server = Server(
        ((0.0, capacity),), rates=GENEROUS, travel=travel, slow=slow, seconds=always(seconds), traffic=traffic
    )
    return run(Limiter(None, EndpointTerms(start=64, pacing=FAR, traffic=[traffic])), server, count)


@pytest.mark.parametrize(("travel", "most"), [(0.005, 2.2), (0.025, 6.0)])
def test_a_thousand_long_calls_are_soon_in_flight_at_a_far_host(travel: float, most: float) -> None:
    ran = far(travel, 1e9, 1000, seconds=10.0)
    # The first answer comes after 10 s, and with it the report that allows more.
    assert ran.seconds <= 20.0 + most


@pytest.mark.parametrize("capacity", [10, 50, 100, 300, 700])
@pytest.mark.parametrize("travel", [0.0025, 0.005, 0.025])
def test_a_measured_host_refuses_few(travel: float, capacity: int) -> None:
    ran = far(travel, capacity, 1000)
    assert ran.refused() <= 16


def test_a_host_that_refuses_later_than_assumed_gets_the_slow_pace() -> None:
    """The connection ends nearby, at a gateway, and the server is far behind it."""
    ran = far(0.0025, 300, 1000, slow=0.1)
    bound = FEW / (0.005 + SERVER) * 0.12
    assert ran.refused() <= bound
    assert ran.share(2.0) <= 0.04


# A host nearby that is slow to refuse


@pytest.mark.parametrize("capacity", [50, 100, 300, 700])
@pytest.mark.parametrize(("slow", "headers", "most"), [(0.002, True, 16), (0.005, True, 28), (0.005, False, 20)])
def test_a_busy_host_nearby_refuses_few(slow: float, headers: bool, most: int, capacity: int) -> None:
    server = Server(((0.0, capacity),), rates=GENEROUS if headers else None, slow=slow)
    assert run(Limiter(None, EndpointTerms(start=128, pacing=NEAR)), server, 1000).refused() <= most


@pytest.mark.parametrize("capacity", [4, 16, 50, 300, 900])
@pytest.mark.parametrize(("slow", "most"), [(0.0, 16), (0.002, 30)])
def test_a_server_that_has_become_smaller_refuses_few(capacity: int, slow: float, most: int) -> None:
    server = Server(((0.0, capacity),), slow=slow)
    ran = run(Limiter(None, EndpointTerms(start=1000, trusted=True, pacing=NEAR)), server, 1000)
    assert ran.refused() <= most
