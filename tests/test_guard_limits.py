"""Limits that must not change unseen: rates and reports, the breaker's memory, the width, and the waits of retries."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections import Counter
from itertools import pairwise

import pytest

from flowrun.runtime.limits import EndpointTerms, Limiter, Place, Verdict
from flowrun.runtime.limits.retry import Retries, RetryPolicy, come_back
from flowrun.runtime.vocabulary.errors import InDoubtError, RefusedError
from flowrun.runtime.vocabulary.usage import Rate, Rates
from support.limiters import Driver, now, taken

pytestmark = pytest.mark.looptime
A_DAY = 86_400.0


def all_places(limiter: Limiter) -> list[Place]:
    return list(iter(limiter.acquire, None))


async def opens_at(limiter: Limiter) -> float:
    """Wait until the limiter calls the one who waits, and return the time."""
    ready = asyncio.get_running_loop().create_future()
    limiter.on_ready(lambda: ready.set_result(now()))
    return float(await asyncio.wait_for(ready, A_DAY))


async def full_rounds(limiter: Limiter, count: int) -> list[int]:
    """Serve so many rounds that use all places, a second each; return the number of requests in each."""
    sent = []
    for _ in range(count):
        places = all_places(limiter)
        sent.append(len(places))
        await asyncio.sleep(1)
        for place in places:
            limiter.release(place, Verdict.OK)
    return sent


def fail(limiter: Limiter, *calls: str) -> None:
    for call in calls:
        limiter.release(taken(limiter), Verdict.FAILED, who=call)


# Rates


@pytest.mark.parametrize(("rpm", "at_once", "next_at"), [(600, 10, 0.1), (90, 1, 1 / 3), (60, 1, 1.0), (30, 1, 2.0)])
async def test_the_share_of_one_second_goes_at_once(rpm: int, at_once: int, next_at: float) -> None:
    limiter = Limiter(50, EndpointTerms(rpm=rpm))
    assert len(all_places(limiter)) == at_once
    assert await opens_at(limiter) == pytest.approx(next_at, abs=0.01)


@pytest.mark.parametrize(("estimate", "used", "next_at"), [(1, 100, 100), (100, 1, 1), (10, None, 10), (10, 0, 0)])
@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.NEUTRAL, Verdict.FAILED, Verdict.LOST])
async def test_tokens_count_as_they_were_used_however_the_request_ended(
    estimate: int, used: int | None, next_at: float, verdict: Verdict
) -> None:
    limiter = Limiter(10, EndpointTerms(tpm=60))
    limiter.release(taken(limiter, estimate), verdict, used=used)
    if next_at:
        assert limiter.acquire(1) is None
        assert await opens_at(limiter) == pytest.approx(next_at, abs=0.01)
    taken(limiter, 1)


async def test_tokens_under_way_count_against_the_headers() -> None:
    limiter = Limiter(10)
    places = [taken(limiter, 100) for _ in range(3)]
    limiter.learn(Rates(tokens=Rate(remaining=301, reset=60.0)))
    limiter.release(taken(limiter, 50))
    assert limiter.acquire(1) is None
    for place in places:
        limiter.release(place)
    # All requests are over, so the next report counts in full.
    limiter.learn(Rates(tokens=Rate(remaining=301, reset=60.0)))
    for _ in range(3):
        limiter.release(taken(limiter, 100))
    taken(limiter, 1)
    assert limiter.acquire(1) is None
    assert await opens_at(limiter) == pytest.approx(60, abs=0.01)


async def test_a_header_that_says_nothing_leaves_the_last_report() -> None:
    limiter = Limiter(10)
    limiter.learn(Rates(requests=Rate(remaining=0, reset=30.0)))
    limiter.learn(Rates(tokens=Rate(remaining=500, reset=1.0)))
    limiter.learn(Rates(requests=Rate(limit=10)))
    assert limiter.acquire() is None
    assert await opens_at(limiter) == pytest.approx(30, abs=0.01)


# Callers that wait


async def test_a_caller_is_alone_only_if_nobody_else_waits() -> None:
    limiter = Limiter(1)
    place = taken(limiter)
    called: list[str] = []

    def one() -> None:
        called.append("one")

    def other() -> None:
        called.append("other")

    assert limiter.waits_alone(one)
    limiter.on_ready(one)
    assert limiter.waits_alone(one)
    limiter.on_ready(other)
    assert not limiter.waits_alone(one)
    assert not limiter.waits_alone(other)
    limiter.forget(one)
    assert limiter.waits_alone(other)
    limiter.release(place)
    assert called == ["other"]


async def test_a_closed_limiter_is_held_by_nothing() -> None:
    limiter = Limiter(1)
    limiter.pause(A_DAY)
    limiter.on_ready(lambda: None)
    limiter.close()
    held = weakref.ref(limiter)
    del limiter
    gc.collect()
    assert held() is None


# The breaker


async def test_an_answer_ends_the_row_of_failures() -> None:
    limiter = Limiter(8)
    fail(limiter, "a", "b", "c", "d")
    limiter.release(taken(limiter), Verdict.OK)
    assert limiter.since is None
    # One call that fails again and again may have a bad prompt: the calls before the answer are no witnesses.
    fail(limiter, *["e"] * 12)
    limiter.release(taken(limiter), Verdict.OK)
    fail(limiter, "f", "g", "h", "i")
    limiter.release(taken(limiter))
    assert not limiter.down
    fail(limiter, "f")
    assert limiter.acquire() is None


async def test_requests_that_left_before_the_outage_neither_close_the_breaker_nor_delay_the_probe() -> None:
    limiter = Limiter(20)
    early = [taken(limiter) for _ in range(3)]
    fail(limiter, "a", "b", "c", "d", "e")
    assert limiter.down
    limiter.release(early.pop(), Verdict.OK)
    assert limiter.acquire() is None
    await asyncio.sleep(0.9)
    limiter.release(early.pop(), Verdict.FAILED)
    assert await opens_at(limiter) == pytest.approx(1, abs=0.01)
    probe = taken(limiter)
    limiter.release(early.pop(), Verdict.OK)
    assert limiter.acquire() is None
    limiter.release(probe, Verdict.OK)
    assert not limiter.down
    taken(limiter)


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.OVERLOADED])
async def test_two_refusals_of_a_single_request_are_an_outage(verdict: Verdict) -> None:
    limiter = Limiter(1)
    for _ in range(2):
        assert not limiter.down
        limiter.release(taken(limiter), verdict)
    assert limiter.down
    waits, before = [], now()
    for _ in range(8):
        waits.append(round(await opens_at(limiter) - before))
        before = now()
        limiter.release(taken(limiter), verdict)
    # Only a 429 makes the probes rarer, for servers count by the minute.
    assert waits == ([1, 5, 10, 20, 40, 65, 65, 65] if verdict is Verdict.REFUSED else [1, *[5] * 7])


async def test_a_server_is_known_by_its_answers_alone() -> None:
    limiter = Limiter(4)
    fail(limiter, "a", "b")
    limiter.release(taken(limiter), Verdict.REFUSED)
    limiter.release(taken(limiter), Verdict.NEUTRAL)
    assert (limiter.known, limiter.answers) == (False, 0)
    limiter.release(taken(limiter), Verdict.OK)
    assert (limiter.known, limiter.answers) == (True, 1)


# The width


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.OVERLOADED])
async def test_a_refusal_of_either_kind_narrows(verdict: Verdict) -> None:
    limiter = Limiter(64)
    places = all_places(limiter)
    limiter.release(places.pop(), verdict)
    assert limiter.width == int(64 * 0.7)
    assert limiter.acquire() is None


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.LOST, Verdict.NEUTRAL])
async def test_a_failure_that_is_no_refusal_does_not_narrow(verdict: Verdict) -> None:
    limiter = Limiter(64)
    places = all_places(limiter)
    limiter.release(places.pop(), verdict)
    assert limiter.width == 64


async def test_a_round_at_most_doubles_the_width() -> None:
    driver = Driver(Limiter(200, EndpointTerms(start=3)), [0] * 2000, 1.0)
    driver.pump()
    await driver.done
    rounds = list(Counter(time for time, _ in driver.sent).values())
    assert max(rounds) == 200
    assert all(late <= 2 * early for early, late in pairwise(rounds))


async def test_after_an_outage_it_comes_back_to_the_last_width_that_went_well_for_a_whole_round() -> None:
    limiter = Limiter(64, EndpointTerms(start=8))
    places = all_places(limiter)
    while limiter.width < 16:
        await asyncio.sleep(0.1)
        limiter.release(places.pop(0), Verdict.OK)
        places += all_places(limiter)
    assert len(places) == 16
    limiter.release(places.pop(), Verdict.OK)
    for place in places:
        limiter.release(place, Verdict.FAILED)
    assert limiter.down
    await opens_at(limiter)
    assert await full_rounds(limiter, 6) == [1, 2, 4, 8, 8, 8]


async def test_after_an_outage_a_slower_server_is_not_measured_by_its_past() -> None:
    limiter = Limiter(64, EndpointTerms(start=4))
    dead = False
    # Its first answers come a hundred times as fast as its later ones.
    driver = Driver(limiter, [0] * 10_000, 0.01, lambda number: Verdict.FAILED if dead else Verdict.OK)
    driver.pump()
    await asyncio.sleep(0.03)
    assert 8 <= limiter.width <= 32
    dead = True
    await asyncio.sleep(3)
    assert limiter.down
    dead, driver.seconds = False, 1.0
    await asyncio.sleep(40)
    assert limiter.width == 64
    limiter.close()


# The waits of retries


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 50.0), (0.5, 52.5), (1.0, 55.0)])
def test_requests_that_must_wait_alike_do_not_come_back_at_once(chance: float, wait: float) -> None:
    retries = Retries(RetryPolicy(), 0.0, chance=lambda: chance)
    assert retries.after(RefusedError("busy", retry_after=50.0), 0.0) == pytest.approx(wait)


def test_a_shared_failure_uses_up_no_attempt_and_counts_from_the_outage() -> None:
    retries = Retries(RetryPolicy(attempts=2, wait_initial=1.0, wait_max=8.0, total=100.0), 0.0, chance=lambda: 1.0)
    # More of them than a power of two can count.
    for number in range(2000):
        wait = retries.after(RefusedError("busy"), 500.0, since=450.0, shared=True)
        assert wait == min(8.0, 2.0 ** min(number, 3))
    assert (retries.tries, retries.made) == (0, 2000)
    with pytest.raises(RefusedError, match="gave up after 100 s and 2001 attempts"):
        retries.after(RefusedError("busy"), 600.0, since=450.0, shared=True)


def test_a_request_whose_answers_came_for_others_alone_is_tried_so_often_and_no_more() -> None:
    retries = Retries(RetryPolicy(attempts=3), 0.0)
    assert retries.spent() is None
    retries.after(RefusedError("busy"), 0.0)
    last = retries.spent()
    assert isinstance(last, InDoubtError)
    assert "gave up after 3 attempts" in str(last)


def test_the_last_failure_says_of_its_own_attempt_whether_it_is_in_doubt() -> None:
    """Each attempt has been written down by itself: the last one, a refusal, is not paid."""
    retries = Retries(RetryPolicy(attempts=2), 0.0)
    retries.after(InDoubtError("reset"), 0.0)
    with pytest.raises(InDoubtError, match="busy") as caught:
        retries.after(RefusedError("busy", status=503, retry_after=2.0), 0.0)
    assert (caught.value.doubtful, caught.value.status, caught.value.retry_after) == (False, 503, 2.0)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="sets the zone of the process")
def test_the_time_to_come_back_is_that_of_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    monkeypatch.setenv("TZ", "UTC-05:30")
    time.tzset()
    try:
        said = come_back(3600)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert said == "the server asks for a pause of 3600 s: run the flow again at 2023-11-14 23:13 UTC"
