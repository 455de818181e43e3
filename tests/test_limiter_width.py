"""How many requests a limiter lets go at once: it widens while all goes well and narrows where a server refuses."""

from __future__ import annotations

import asyncio
import heapq
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.limits import EndpointTerms, Limiter, Place, Verdict
from support.limiters import MANY, Driver, now, taken, virtually

pytestmark = pytest.mark.looptime


# The width


@given(st.lists(st.sampled_from(list(Verdict)), max_size=300), st.integers(1, 40), st.integers(1, 40))
@MANY
def test_whoever_waits_is_served_whatever_happens(verdicts: list[Verdict], limit: int, start: int) -> None:
    async def run() -> Driver:
        limiter = Limiter(limit, EndpointTerms(start=start))
        driver = Driver(
            limiter, [0] * 60, 0.1, lambda number: verdicts[number] if number < len(verdicts) else Verdict.OK
        )
        driver.pump()
        await asyncio.wait_for(driver.done, 10_000)
        limiter.close()
        return driver

    driver = virtually(run())
    assert len(driver.sent) == 60
    assert driver.peak <= limit


async def test_it_begins_at_its_start_and_doubles_while_all_goes_well() -> None:
    limiter = Limiter(64, EndpointTerms(start=4))
    driver = Driver(limiter, [0] * 500, 0.1)
    driver.pump()
    assert driver.open == 4
    await driver.done
    assert driver.peak == 64
    assert now() < 1.6


async def test_all_that_was_in_flight_is_one_refusal() -> None:
    limiter = Limiter(64)
    places = [taken(limiter) for _ in range(64)]
    for place in places[:14]:
        limiter.release(place, Verdict.REFUSED)
    assert 40 <= limiter.width <= 50
    for place in places[14:]:
        limiter.release(place, Verdict.OK)
    assert limiter.width == 50


async def test_it_is_not_widened_for_those_who_do_not_use_it() -> None:
    limiter = Limiter(1000, EndpointTerms(start=10))
    for _ in range(500):
        limiter.release(taken(limiter), Verdict.OK)
    assert limiter.width == 10


async def test_it_does_not_grow_against_a_server_that_only_lets_wait() -> None:
    """Two at a time, each a second; the others stand in line in the server."""
    limiter = Limiter(512, EndpointTerms(start=16))
    ends: list[float] = [0.0, 0.0]
    peak = 0
    done = 0

    def over(place: Place) -> None:
        nonlocal done
        done += 1
        limiter.release(place, Verdict.OK)

    while done < 600:
        while (place := limiter.acquire()) is not None:
            end = max(heapq.heappop(ends), now()) + 1.0
            heapq.heappush(ends, end)
            asyncio.get_running_loop().call_at(end, over, place)
        peak = max(peak, limiter.active)
        await asyncio.sleep(0.5)
    assert peak <= 40
    limiter.close()


# A server whose capacity steps


class Steps:
    """Takes so many at once, by the time, and refuses the rest; what was refused comes back after a wait."""

    def __init__(self, latency: float, spread: float, seed: int, steps: list[tuple[float, int]]) -> None:
        self.latency, self.spread, self.rng, self.steps = latency, spread, random.Random(seed), steps
        self.inside = 0
        self.served: list[float] = []
        self.refusals: list[float] = []

    @property
    def capacity(self) -> int:
        return next(size for begin, size in reversed(self.steps) if now() >= begin)

    async def ask(self) -> Verdict:
        if self.inside >= self.capacity:
            await asyncio.sleep(0.005)
            self.refusals.append(now())
            return Verdict.REFUSED
        self.inside += 1
        await asyncio.sleep(self.latency * self.rng.uniform(1 - self.spread, 1 + self.spread))
        self.inside -= 1
        self.served.append(now())
        return Verdict.OK


async def stepped(server: Steps, seconds: float, limit: int, start: int) -> None:
    limiter = Limiter(limit, EndpointTerms(start=start))
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    away = 0

    async def one(place: Place) -> None:
        nonlocal away
        verdict = await server.ask()
        limiter.release(place, verdict)
        if verdict is Verdict.REFUSED:
            away += 1
            loop.call_later(0.5, back)

    def back() -> None:
        nonlocal away
        away -= 1
        pump()

    def pump() -> None:
        if loop.time() > seconds:
            return
        while (place := limiter.acquire()) is not None:
            task = loop.create_task(one(place))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        limiter.on_ready(pump)

    pump()
    await asyncio.sleep(seconds)
    await asyncio.gather(*tasks)
    limiter.close()


@pytest.mark.parametrize(
    ("latency", "spread", "limit", "start"),
    [
        (0.1, 0.0, 200, 200),
        pytest.param(0.1, 0.3, 128, 16, marks=pytest.mark.slow),
        pytest.param(0.5, 0.9, 512, 64, marks=pytest.mark.slow),
        pytest.param(2.0, 0.3, 100, 100, marks=pytest.mark.slow),
    ],
)
def test_a_server_whose_capacity_steps_is_kept_busy_and_rarely_refuses(
    latency: float, spread: float, limit: int, start: int
) -> None:
    phase = 250 * latency
    server = Steps(latency, spread, 7, [(0, 50), (phase, 5), (2 * phase, 50)])
    virtually(stepped(server, 3 * phase, limit, start))
    oracle = phase * (50 + 5 + 50) / latency
    assert len(server.served) / oracle >= 0.85
    # What is excluded as settling: twenty calls' time after each step, two seconds at the least.
    settling = max(2.0, 20 * latency)
    for step in range(3):
        begin, end = step * phase + settling, (step + 1) * phase
        refused = sum(begin <= time < end for time in server.refusals)
        served = sum(begin <= time < end for time in server.served)
        assert refused / (refused + served) < 0.02, (step, refused, served)
