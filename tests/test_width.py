"""How wide an endpoint is: what old refusals count for, how it comes back, and how it approaches what was refused."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from flowrun.runtime.limits import Limiter, Place, Verdict
from flowrun.runtime.limits.width import CALM, LONGEST, Width

pytestmark = pytest.mark.looptime


def taken(limiter: Limiter, count: int) -> list[Place]:
    places = [limiter.acquire() for _ in range(count)]
    return [place for place in places if place is not None]


def rounds(width: Width, capacity: int, count: int, begin: int = 0) -> tuple[list[int], int]:
    """The widths of so many rounds against a server that takes so many at once, and how many it refused.

    A round takes a second.
    """
    widths, refused = [], 0
    for number in range(begin, begin + count):
        sent, epoch = width.width, width.epoch
        widths.append(sent)
        for _ in range(sent - capacity):
            width.refused(number, epoch, sent)
            refused += 1
        for _ in range(min(sent, capacity)):
            width.good(number + 1.0, True)
    return widths, refused


async def test_refusals_of_an_old_epoch_say_nothing() -> None:
    limiter = Limiter(100)
    places = taken(limiter, 100)
    old, places = places[:30], places[30:]
    limiter.release(places.pop(), Verdict.REFUSED)
    # All that left with it are of that one event; whoever leaves from here on is of the next.
    while len(places) > 5:
        limiter.release(places.pop(), Verdict.OK)
    newer = taken(limiter, 10)
    limiter.release(newer.pop(), Verdict.REFUSED)
    before = limiter.width
    assert before > 30
    for place in old:
        limiter.release(place, Verdict.REFUSED)
    assert limiter.width == before


async def test_what_was_in_flight_at_an_outage_does_not_narrow_what_comes_back() -> None:
    limiter = Limiter(64)
    places = taken(limiter, 64)
    for place in places[:20]:
        limiter.release(place, Verdict.FAILED)
    await asyncio.sleep(1.1)
    (probe,) = taken(limiter, 64)
    limiter.release(probe, Verdict.OK)
    width = limiter.width
    for place in places[20:]:
        limiter.release(place, Verdict.REFUSED)
    assert limiter.width == width


def test_after_an_outage_the_width_doubles_to_what_was_taken() -> None:
    width = Width(512, 8)
    rounds(width, 50, 200)
    assert width.width in (50, 51)
    for _ in range(50):
        width.refused(200.0, width.epoch, width.width)
    assert width.width == 1
    width.restart(201.0)
    widths, refused = rounds(width, 50, 10, 201)
    assert widths[:6] == [1, 2, 4, 8, 16, 32]
    assert widths[6] >= 49
    assert refused <= 2


@pytest.mark.parametrize("fallen", [2, 5, 20])
def test_when_capacity_returns_it_is_found_soon_and_approached_without_a_burst_of_refusals(fallen: int) -> None:
    width = Width(512, 64)
    rounds(width, 50, 100)
    rounds(width, fallen, 100, 100)
    assert width.width in (fallen, fallen + 1)
    widths, refused = rounds(width, 50, 200, 200)
    # One more is tried after so many good ones at the most, and once that is taken the width doubles.
    found = next(at for at, one in enumerate(widths) if one > fallen + 1)
    assert found <= max(CALM / fallen, LONGEST) + 3
    back = next(at for at, one in enumerate(widths) if one >= 49)
    assert back - found <= 6
    assert refused / sum(widths) < 0.01
    assert sum(min(one, 50) for one in widths[back:]) > 0.97 * 50 * len(widths[back:])


def test_beyond_what_was_refused_it_probes_less_and_less_often() -> None:
    width = Width(512, 64)
    widths, refused = rounds(width, 50, 400)
    assert refused / sum(widths) < 0.01
    tries = [at for at, one in enumerate(widths) if one > 50]
    assert tries[-1] > 350
    gaps = [late - early for early, late in pairwise(tries[1:])]
    assert gaps == sorted(gaps)


def test_a_round_that_was_quick_by_chance_does_not_keep_it_narrow() -> None:
    width = Width(512, 5)
    width.refused(0.0, width.epoch, 6)
    now = 0.0
    # Six answers in no time, and then one a second for each place, for ever.
    for _ in range(6 + CALM):
        now += 0.001
        width.good(now, True)
    for _ in range(200):
        now += 1.0
        for _ in range(width.width):
            width.good(now, True)
    assert width.width > 40
