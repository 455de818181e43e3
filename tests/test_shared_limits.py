"""The limiter that the runs of a process share at an endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from flowrun.runtime.limits import EndpointTerms, Limiter
from flowrun.runtime.limits.shared import Limiters
from flowrun.runtime.limits.verdict import Verdict
from flowrun.runtime.vocabulary.traffic import Traffic

AT = "http://127.0.0.1:1/v1"


def two(one: int | None, other: int | None, **terms: Any) -> tuple[Limiter, Limiter]:
    limiters = Limiters()
    return limiters.limiter_at(AT)(one, EndpointTerms(**terms)), limiters.limiter_at(AT)(other)


async def test_two_runs_have_the_places_of_one() -> None:
    one, other = two(3, 3)
    places = [one.acquire(), other.acquire(), one.acquire()]
    assert None not in places
    assert other.acquire() is None and one.full and other.active == 3
    one.release(places[0], Verdict.OK)  # type: ignore[arg-type]
    assert other.acquire() is not None


async def test_the_strictest_limit_of_all_runs_holds() -> None:
    one, other = two(5, 2)
    assert one.limit == other.limit == 2
    assert [one.acquire() is not None for _ in range(3)] == [True, True, False]


async def test_two_runs_at_another_endpoint_have_places_of_their_own() -> None:
    limiters = Limiters()
    one, other = limiters.limiter_at(AT)(1), limiters.limiter_at(AT + "x")(1)
    assert one.acquire() is not None and other.acquire() is not None


@pytest.mark.looptime
async def test_two_runs_keep_the_rate_of_one() -> None:
    one, other = two(None, None, rpm=600)
    loop, sent = asyncio.get_running_loop(), []

    def pump(limiter: Limiter) -> Callable[[], None]:
        def send() -> None:
            while (place := limiter.acquire()) is not None:
                sent.append(loop.time())
                limiter.release(place, Verdict.OK)
            limiter.on_ready(send)

        return send

    began = loop.time()
    for limiter in (one, other):
        pump(limiter)()
    await asyncio.sleep(6)
    # 10 a second, and the burst of one second.
    assert 60 <= len([at for at in sent if at - began <= 6]) <= 71
    one.close()
    other.close()


@pytest.mark.looptime
async def test_a_rate_that_a_later_run_sets_holds_for_the_first_one() -> None:
    limiters = Limiters()
    one = limiters.limiter_at(AT)(None, EndpointTerms(rpm=6000))

    def sent() -> int:
        count = 0
        while count < 200 and (place := one.acquire()) is not None:
            one.release(place, Verdict.OK)
            count += 1
        return count

    assert 90 <= sent() <= 101
    limiters.limiter_at(AT)(None, EndpointTerms(rpm=60))
    await asyncio.sleep(3)
    assert sent() <= 4


async def test_a_run_that_ends_leaves_nothing_behind() -> None:
    one, other = two(1, 1)
    called: list[str] = []
    place = one.acquire()
    assert place is not None
    one.on_ready(lambda: called.append("one"))
    other.on_ready(lambda: called.append("other"))
    one.close()
    assert called == ["other"]
    assert other.active == 0
    one.release(place)
    assert other.active == 0


async def test_the_traffic_of_runs_that_go_on_counts() -> None:
    limiters = Limiters()
    first, second = Traffic(on_wire=3), Traffic(on_wire=4)
    one = limiters.limiter_at(AT)(None, EndpointTerms(traffic=[first]))
    common = limiters._common[AT]
    two = limiters.limiter_at(AT)(None, EndpointTerms(traffic=[second]))
    assert common._ramp._on_wire(0) == 7
    one.close()
    assert common._ramp._on_wire(0) == 4
    limiters.limiter_at(AT)(None)
    assert common._ramp._on_wire(9) == 9
    two.close()
