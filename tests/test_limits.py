"""A limiter that is asked, not awaited: places, their order, pauses, rates and the breaker, under a virtual clock."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.limits import EndpointTerms, Limiter, Verdict
from flowrun.runtime.vocabulary.usage import Rate, Rates
from support.limiters import MANY, Driver, now, taken, virtually
from support.patience import PATIENCE

pytestmark = pytest.mark.looptime


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
    limiter.on_ready(lambda: times.append(now()))
    await asyncio.sleep(4)
    limiter.pause(3)
    await asyncio.sleep(10)
    assert times == [pytest.approx(7, abs=0.01)]
    assert times[0] >= 7 - 1e-6
    assert limiter.acquire() is not None


async def test_close_leaves_no_timer() -> None:
    limiter = Limiter(1)
    limiter.pause(1000)
    called: list[int] = []
    limiter.on_ready(lambda: called.append(1))
    limiter.close()
    await asyncio.sleep(2000)
    assert called == []


# Rates


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
        limiter = Limiter(limit, EndpointTerms(rpm=rpm, tpm=tpm))
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
    driver = Driver(Limiter(10, EndpointTerms(tpm=60)), [500, 1, 1], 0.1)
    driver.pump()
    await driver.done
    assert [round(time) for time, _ in driver.sent] == [0, 500, 501]


async def test_tokens_that_were_not_used_are_given_back() -> None:
    limiter = Limiter(10, EndpointTerms(tpm=60))
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
    limiter = Limiter(1, EndpointTerms(patience=100.0))
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


async def test_a_place_that_opens_while_its_user_asks_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, limiter = asyncio.get_running_loop(), Limiter(4)
    limiter.pause(0.05)
    begin, late = loop.time(), 0.0
    monkeypatch.setattr(loop, "time", lambda: begin + late)
    assert limiter.acquire() is None
    # The pause ends before the user leaves its callback, and no request is under way that could wake it.
    late = 0.06
    ready = loop.create_future()
    limiter.on_ready(lambda: ready.set_result(limiter.acquire()))
    monkeypatch.undo()
    assert await asyncio.wait_for(ready, PATIENCE) is not None


async def test_a_place_that_opens_while_others_are_called_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, limiter = asyncio.get_running_loop(), Limiter(4)
    begin, steps = loop.time(), itertools.chain([0.0] * 2, itertools.repeat(0.06))
    place = limiter.acquire()
    assert place is not None
    limiter.pause(0.05)
    ready = loop.create_future()
    limiter.on_ready(lambda: ready.set_result(limiter.acquire()))
    # The end of the last request finds no free place. The pause ends before the timer for it is set.
    monkeypatch.setattr(loop, "time", lambda: begin + next(steps))
    limiter.release(place)
    monkeypatch.undo()
    assert await asyncio.wait_for(ready, PATIENCE) is not None


async def test_a_user_that_takes_no_place_is_not_called_for_ever() -> None:
    limiter, called = Limiter(4), list[int]()

    def idle() -> None:
        called.append(1)
        limiter.on_ready(idle)

    limiter.on_ready(idle)
    await asyncio.sleep(0.05)
    assert 0 < len(called) < 10
