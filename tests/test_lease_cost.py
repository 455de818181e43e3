"""The cost of a request for a holder of a lease: few timers, and no look at reasons of waiting that cannot differ."""

from __future__ import annotations

import asyncio

from flowrun.runtime.limits.lease_reports import GAP, SLACK, Reports
from flowrun.runtime.limits.leased_limiter import LeasedLimiter
from support.leased import now, virtually


def test_a_holder_whose_places_are_all_taken_knows_that_only_an_end_frees_one() -> None:
    async def run() -> None:
        limiter = LeasedLimiter(10, send=lambda report: None)
        limiter.take({"places": 2, "turn": 1})
        place = limiter.acquire()
        assert place is not None
        assert not limiter.only_full
        assert limiter.acquire() is not None
        assert limiter.only_full
        called: list[float] = []
        limiter.on_ready(lambda: called.append(now()))
        await asyncio.sleep(1)
        assert not called
        limiter.release(place)
        assert called == [now()]
        limiter.take({"barred": True})
        assert limiter.acquire() is None
        assert not limiter.only_full
        limiter.close()

    virtually(run())


def test_a_full_holder_that_the_book_has_barred_is_not_only_full() -> None:
    async def run() -> None:
        limiter = LeasedLimiter(10, send=lambda report: None)
        limiter.take({"places": 1, "turn": 1})
        assert limiter.acquire() is not None
        limiter.take({"barred": True})
        assert not limiter.only_full
        limiter.close()

    virtually(run())


def test_a_place_of_the_book_wakes_a_holder_that_had_none() -> None:
    async def run() -> None:
        limiter = LeasedLimiter(10, send=lambda report: None)
        called: list[float] = []
        limiter.on_ready(lambda: called.append(now()))
        await asyncio.sleep(1)
        assert not called
        limiter.take({"places": 1, "turn": 1})
        assert called == [now()]
        limiter.close()

    virtually(run())


def test_many_wishes_for_a_report_share_the_earliest_timer() -> None:
    async def run() -> None:
        made: list[float] = []
        reports = Reports(lambda report: None, lambda: made.append(now()))
        timers = 0
        loop = asyncio.get_running_loop()
        call_at = loop.call_at

        def counted(*given: object, **more: object) -> asyncio.TimerHandle:
            nonlocal timers
            timers += 1
            return call_at(*given, **more)  # type: ignore[arg-type]

        loop.call_at = counted  # type: ignore[method-assign]
        began = now()
        reports.soon(SLACK)
        reports.soon(SLACK)
        reports.soon(GAP)
        for _ in range(100):
            reports.soon(GAP)
            reports.soon(SLACK)
        assert timers == 2
        loop.call_at = call_at  # type: ignore[method-assign]
        await asyncio.sleep(GAP / 2)
        reports.soon(SLACK)
        await asyncio.sleep(1)
        assert made == [began + GAP]
        reports.soon(SLACK)
        reports.tell("limit", 3)
        await asyncio.sleep(0)
        await asyncio.sleep(GAP / 10)
        assert len(made) == 2
        reports.cancel()

    virtually(run())
