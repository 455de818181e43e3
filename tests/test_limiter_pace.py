"""The pace that a limiter leaves to later runs is what its requests prove, and what the server reported."""

from __future__ import annotations

import pytest

from flowrun.runtime.limits import NEAR, EndpointTerms, Limiter, Verdict
from flowrun.runtime.vocabulary.pace import Pace
from flowrun.runtime.vocabulary.usage import Rate, Rates
from support.limiters import Driver, now, taken

pytestmark = pytest.mark.looptime


async def test_a_limiter_that_served_nobody_shows_nothing() -> None:
    limiter = Limiter(64, EndpointTerms(start=16))
    assert limiter.pace == Pace()
    limiter.release(taken(limiter), Verdict.NEUTRAL)
    assert limiter.pace == Pace()
    limiter.close()


async def test_few_requests_show_a_small_width() -> None:
    limiter = Limiter(64, EndpointTerms(start=16))
    places = [taken(limiter) for _ in range(3)]
    for place in places:
        limiter.release(place, Verdict.OK)
    assert limiter.pace == Pace(3)
    limiter.close()


async def test_many_requests_show_the_width_that_was_served() -> None:
    limiter = Limiter(64, EndpointTerms(start=16))
    driver = Driver(limiter, [0] * 500, 0.1)
    driver.pump()
    await driver.done
    assert limiter.pace == Pace(64)
    limiter.close()


async def test_a_refusal_shows_how_many_were_left() -> None:
    limiter = Limiter(64)
    places = [taken(limiter) for _ in range(40)]
    limiter.release(places.pop(), Verdict.OK)
    for _ in range(29):
        limiter.release(places.pop(), Verdict.REFUSED)
    # The server may be down: nothing was served since.
    assert not limiter.pace.refused
    for place in places:
        limiter.release(place, Verdict.OK)
    assert limiter.pace == Pace(10, refused=True)
    limiter.close()


async def test_an_end_in_an_outage_does_not_count_as_a_width() -> None:
    limiter = Limiter(512, EndpointTerms(start=100))
    places = [taken(limiter) for _ in range(100)]
    for place in places[:50]:
        limiter.release(place, Verdict.OK)
    for place in places[50:]:
        limiter.release(place, Verdict.OVERLOADED)
    known = Pace(512)
    assert known.after(limiter.pace) == known
    limiter.close()


async def test_the_last_report_of_the_server_is_kept() -> None:
    limiter = Limiter(8)
    limiter.learn(Rates(Rate(500, 499, 60.0), Rate(None, 5, 1.0)))
    assert limiter.pace == Pace(0, requests=500)
    limiter.learn(Rates(Rate(400, 399, 60.0), Rate(9000, 5, 1.0)))
    assert limiter.pace == Pace(0, requests=400, tokens=9000)
    limiter.close()


async def test_a_run_that_starts_below_a_refused_width_stays_there() -> None:
    limiter = Limiter(128, EndpointTerms(start=6, refused_at=7))
    driver = Driver(limiter, [0] * 30, 0.1)
    driver.pump()
    await driver.done
    assert driver.peak == 6
    limiter.close()


@pytest.mark.parametrize("start", [1, 2, 3, 6])
async def test_it_grows_beyond_a_refused_width_when_that_is_served(start: int) -> None:
    limiter = Limiter(128, EndpointTerms(start=start, refused_at=start + 1))
    driver = Driver(limiter, [0] * 1000, 0.1)
    driver.pump()
    await driver.done
    assert driver.peak > 20
    limiter.close()


async def test_the_widest_is_what_the_ramp_came_to_and_the_narrowest_is_no_more_than_that() -> None:
    limiter = Limiter(None, EndpointTerms(start=128, pacing=NEAR))
    assert (limiter.narrowest, limiter.widest) == (8, 8)
    driver = Driver(limiter, [0] * 20, 0.1)
    driver.pump()
    await driver.done
    assert 8 <= driver.peak <= limiter.widest < 40
    assert limiter.narrowest == limiter.widest
    limiter.close()


async def test_a_refusal_narrows_below_the_widest() -> None:
    limiter = Limiter(None, EndpointTerms(start=128, pacing=NEAR))
    driver = Driver(limiter, [0] * 60, 0.1, lambda number: Verdict.REFUSED if number == 5 else Verdict.OK)
    driver.pump()
    await driver.done
    assert limiter.narrowest < limiter.widest
    limiter.close()


async def test_it_grows_again_after_a_server_that_took_one_at_a_time() -> None:
    limiter = Limiter(None, EndpointTerms(start=16))
    driver = Driver(limiter, [0] * 2000, 0.1)
    driver.verdicts = lambda number: Verdict.REFUSED if driver.open and now() < 3 else Verdict.OK
    driver.pump()
    await driver.done
    assert limiter.narrowest == 1
    assert limiter.width > 100
    limiter.close()
