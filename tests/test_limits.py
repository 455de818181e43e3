"""A limiter that is asked, not awaited: places, their order, pauses, rates and the breaker, under a virtual clock."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Coroutine
from typing import Any

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.limits import Limiter, Place, Verdict
from flowrun.runtime.vocabulary.usage import Rate, Rates

pytestmark = pytest.mark.looptime
MANY = settings(max_examples=80, database=None)


def taken(limiter: Limiter, tokens: int = 0) -> Place:
    place = limiter.acquire(tokens)
    assert place is not None
    return place


def now() -> float:
    return asyncio.get_running_loop().time()


def virtually(coroutine: Coroutine[Any, Any, Any]) -> Any:
    loop = looptime.new_event_loop(start=0)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


async def test_places_are_bounded() -> None:
    limiter = Limiter(2)
    first, _ = taken(limiter), taken(limiter)
    assert limiter.acquire() is None
    limiter.release(first)
    taken(limiter)
    assert limiter.active == 2


async def test_misuse_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Limiter(0)
    limiter = Limiter(1)
    place = taken(limiter)
    limiter.release(place)
    with pytest.raises(RuntimeError, match="twice"):
        limiter.release(place)


async def test_who_waits_is_called_once_and_in_order() -> None:
    limiter = Limiter(1)
    held = [taken(limiter)]
    called: list[str] = []

    def a() -> None:
        called.append("a")
        held.append(taken(limiter))

    def b() -> None:
        called.append("b")

    def c() -> None:
        called.append("c")

    for callback in (a, b, a, c):
        limiter.on_ready(callback)
    limiter.forget(c)
    limiter.release(held.pop())
    assert called == ["a"]
    limiter.release(held.pop())
    assert called == ["a", "b"]


async def test_asking_again_without_taking_ends() -> None:
    limiter = Limiter(1)
    place = taken(limiter)
    called = 0

    def again() -> None:
        nonlocal called
        called += 1
        limiter.on_ready(again)

    limiter.on_ready(again)
    limiter.release(place)
    await asyncio.sleep(10)
    assert called < 20
    limiter.close()


async def test_a_pause_closes_all_places_and_is_never_undercut() -> None:
    limiter = Limiter(4)
    times: list[float] = []
    limiter.pause(5)
    limiter.pause(2)
    assert limiter.acquire() is None
    assert limiter.paused
    limiter.on_ready(lambda: times.append(now()))
    await asyncio.sleep(4)
    limiter.pause(3)
    await asyncio.sleep(10)
    assert times == [pytest.approx(7, abs=0.01)]
    assert times[0] >= 7 - 1e-6
    assert not limiter.paused


async def test_close_leaves_no_timer() -> None:
    limiter = Limiter(1)
    limiter.pause(1000)
    called: list[int] = []
    limiter.on_ready(lambda: called.append(1))
    limiter.close()
    await asyncio.sleep(2000)
    assert called == []


# Rates


class Driver:
    """Sends requests as fast as a limiter lets it; ``sent`` are their times and tokens, ``peak`` the most in flight."""

    def __init__(self, limiter: Limiter, costs: list[int], seconds: float, verdicts: Any = None) -> None:
        self.limiter = limiter
        self.line = deque(costs)
        self.seconds = seconds
        self.verdicts = verdicts or (lambda number: Verdict.OK)
        self.sent: list[tuple[float, int]] = []
        self.open = self.peak = 0
        self.done = asyncio.get_running_loop().create_future()

    def pump(self) -> None:
        while self.line:
            place = self.limiter.acquire(self.line[0])
            if place is None:
                self.limiter.on_ready(self.pump)
                return
            self.sent.append((now(), self.line.popleft()))
            self.open += 1
            self.peak = max(self.peak, self.open)
            asyncio.get_running_loop().call_later(self.seconds, self.over, place, len(self.sent) - 1)

    def over(self, place: Place, number: int) -> None:
        self.open -= 1
        self.limiter.release(place, self.verdicts(number))
        if not self.line and not self.open and not self.done.done():
            self.done.set_result(None)


@given(
    rpm=st.integers(1, 6000),
    tpm=st.integers(60, 600_000) | st.none(),
    costs=st.lists(st.integers(0, 500), min_size=1, max_size=60),
    seconds=st.floats(0.01, 3),
    limit=st.integers(1, 50),
)
@MANY
def test_no_rate_is_exceeded_in_any_window(
    rpm: int, tpm: int | None, costs: list[int], seconds: float, limit: int
) -> None:
    async def run() -> Driver:
        limiter = Limiter(limit, rpm=rpm, tpm=tpm)
        driver = Driver(limiter, costs, seconds)
        driver.pump()
        await driver.done
        limiter.close()
        assert asyncio.get_running_loop()._scheduled == [] or all(  # type: ignore[attr-defined]
            one.cancelled()
            for one in asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        )
        return driver

    driver = virtually(run())
    assert driver.peak <= limit
    times = [time for time, _ in driver.sent]
    for first in range(len(times)):
        for last in range(first, len(times)):
            window = times[last] - times[first]
            assert last - first <= rpm / 60 * (window + 1) + 1e-3
            if tpm is not None:
                tokens = sum(cost for _, cost in driver.sent[first:last])
                assert tokens <= tpm / 60 * (window + 1) + max(costs) + 1e-3


async def test_a_request_beyond_the_bucket_still_goes() -> None:
    driver = Driver(Limiter(10, tpm=60), [500, 1, 1], 0.1)
    driver.pump()
    await driver.done
    assert [round(time) for time, _ in driver.sent] == [0, 500, 501]


async def test_tokens_that_were_not_used_are_given_back() -> None:
    limiter = Limiter(10, tpm=60)
    limiter.release(taken(limiter, 500), Verdict.OK, used=10)
    assert limiter.acquire(1) is None
    await asyncio.sleep(10.1)
    taken(limiter, 1)


async def test_what_the_headers_tell_is_held() -> None:
    limiter = Limiter(10)
    limiter.learn(Rates(requests=Rate(limit=100, remaining=2, reset=30.0)))
    driver = Driver(limiter, [0] * 4, 0.1)
    driver.pump()
    await driver.done
    assert [round(time) for time, _ in driver.sent] == [0, 0, 30, 30]
    limiter.learn(Rates(tokens=Rate(remaining=0, reset=5.0)))
    assert limiter.acquire(1) is None
    # A later word stands in place of the one before.
    limiter.learn(Rates(tokens=Rate(remaining=1000, reset=60.0)))
    taken(limiter, 10)


async def test_what_is_under_way_counts_against_the_headers() -> None:
    limiter = Limiter(10)
    places = [taken(limiter) for _ in range(5)]
    limiter.learn(Rates(requests=Rate(remaining=5, reset=60.0)))
    assert limiter.acquire() is not None
    assert limiter.acquire() is None
    limiter.release(places[0])


# The breaker


async def test_failures_in_a_row_open_it_and_one_probe_goes_at_a_time() -> None:
    limiter = Limiter(20)
    dead = [True]
    driver = Driver(limiter, [0] * 40, 0.05, lambda number: Verdict.FAILED if dead[0] else Verdict.OK)
    driver.pump()
    await asyncio.sleep(12.0)
    times = [time for time, _ in driver.sent]
    assert len([time for time in times if time < 0.05]) == 20
    probes = [time for time in times if time > 0.06]
    assert [round(time, 1) for time in probes] == [1.1, 6.1, 11.2]
    assert not limiter.hopeless
    dead[0] = False
    await driver.done
    later = [time for time, _ in driver.sent if time > 12.0]
    # One probe, and then more and more.
    assert later[1] - later[0] > 0.049
    assert not limiter.hopeless
    assert len(driver.sent) == 40


@pytest.mark.parametrize(("verdict", "hope"), [(Verdict.FAILED, 100.0), (Verdict.LOST, 30.0)])
async def test_it_says_when_there_is_no_hope(verdict: Verdict, hope: float) -> None:
    """What has never sent a word is given less time than what answers with errors."""
    limiter = Limiter(1, patience=100.0)
    driver = Driver(limiter, [0] * 40, 0.01, lambda number: verdict)
    driver.pump()
    await asyncio.sleep(hope - 1)
    assert not limiter.hopeless
    await asyncio.sleep(2)
    assert limiter.hopeless
    assert len(driver.sent) <= 5 + hope / 5 + 2
    limiter.close()


async def test_a_probe_that_was_given_up_is_made_again() -> None:
    limiter = Limiter(1)
    for _ in range(5):
        limiter.release(taken(limiter), Verdict.FAILED)
    assert limiter.acquire() is None
    await asyncio.sleep(1.01)
    probe = taken(limiter)
    assert limiter.acquire() is None
    limiter.release(probe, Verdict.NEUTRAL)
    limiter.release(taken(limiter), Verdict.OK)
    taken(limiter)


# The width


@given(st.lists(st.sampled_from(list(Verdict)), max_size=300), st.integers(1, 40), st.integers(1, 40))
@MANY
def test_whoever_waits_is_served_whatever_happens(verdicts: list[Verdict], limit: int, start: int) -> None:
    async def run() -> Driver:
        limiter = Limiter(limit, start=start)
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
    limiter = Limiter(64, start=4)
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
    limiter = Limiter(1000, start=10)
    for _ in range(500):
        limiter.release(taken(limiter), Verdict.OK)
    assert limiter.width == 10


async def test_it_does_not_grow_against_a_server_that_only_lets_wait() -> None:
    """Two at a time, each a second; the others stand in line in the server."""
    limiter = Limiter(512, start=16)
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
    limiter = Limiter(limit, start=start)
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
        (0.1, 0.3, 128, 16),
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
