"""What one holder of a lease learns of a server, the others hear: pauses, outages, closed models, reported limits."""

from __future__ import annotations

import asyncio

from flowrun.runtime.limits import Limiter, Verdict
from flowrun.runtime.limits.run_portion import Portion
from flowrun.runtime.vocabulary.usage import Rate, Rates
from flowrun.runtime.vocabulary.waits import Cause
from support.leased import AT, Cluster, now, virtually


def test_a_pause_holds_for_all_holders_and_for_late_ones() -> None:
    async def run() -> None:
        cluster = Cluster(2, lambda: 0.005, limit=10)
        cluster.holders[0].limiter.pause(30)
        await asyncio.sleep(0.1)
        cluster.holders[1].add([1])
        late = cluster.hire(2)
        late.add([1])
        await asyncio.sleep(28)
        assert not cluster.server.came
        assert cluster.holders[1].limiter.reasons(now())[0][0] is Cause.RETRY_AFTER
        assert 29.5 <= await cluster.idle(10) <= 31
        cluster.close()

    virtually(run())


def test_places_that_other_runs_have_are_told_as_a_share() -> None:
    async def run() -> None:
        cluster = Cluster(2, lambda: 0.005, limit=10)
        await asyncio.sleep(0.1)
        cluster.desk.book.endpoints[AT].portion = Portion(10, (None, None))

        async def causes(places: int, turn: int) -> list[set[Cause]]:
            cluster.desk.share(AT, {"runs": 2, "places": places, "turn": turn}, now())
            await asyncio.sleep(2)
            return [{cause for cause, _ in one.limiter.reasons(now())} for one in cluster.holders]

        for one in cluster.holders:
            one.add([1] * 2000)
        assert await causes(4, 1) == [{Cause.SHARE}] * 2
        late = cluster.hire(2)
        late.add([1] * 200)
        assert await causes(4, 2) == [{Cause.SHARE}] * 3
        assert await causes(10, 3) == [{Cause.WIDTH}] * 3
        assert [one.limiter.runs for one in cluster.holders] == [2] * 3
        cluster.close()

    virtually(run())


def test_one_holder_probes_a_server_that_serves_nobody_and_all_go_on_after_it() -> None:
    async def run() -> None:
        cluster = Cluster(4, lambda: 0.005, limit=40)
        for one in cluster.holders:
            one.verdict = lambda: Verdict.OK if now() > 60 else Verdict.OVERLOADED
            one.add([1] * 400)
        await asyncio.sleep(5)
        before = len(cluster.server.came)
        await asyncio.sleep(50)
        assert len(cluster.server.came) - before <= 11  # one in five seconds
        assert sum(one.limiter.reasons(now())[:1] != () for one in cluster.holders) == 4
        assert await cluster.idle(100) < 75
        assert cluster.server.peak <= 40
        cluster.close()

    virtually(run())


def test_the_probes_pass_on_if_the_prober_dies_or_has_nothing_to_send() -> None:
    async def run() -> None:
        cluster = Cluster(3, lambda: 0.005, limit=10)
        for one in cluster.holders:
            one.verdict = lambda: Verdict.OK if now() > 60 else Verdict.OVERLOADED
            one.add([1] * 300)
        await asyncio.sleep(10)
        book = cluster.desk.book.endpoints[AT]
        first = book._outage.prober
        assert first is not None
        cluster.kill(first)
        await asyncio.sleep(1)
        second = book._outage.prober
        assert second not in (None, first)
        assert isinstance(second, int)
        cluster.holders[second].line.clear()
        cluster.holders[second].limiter.on_ready(lambda: None)
        await asyncio.sleep(10)
        third = book._outage.prober
        assert third not in (None, first, second)
        await cluster.idle(200)
        assert cluster.holders[3 - first - second].done >= 250
        cluster.close()

    virtually(run())


def test_a_closed_model_is_told_to_all_and_to_late_holders() -> None:
    async def run() -> None:
        cluster = Cluster(3, lambda: 0.005, limit=10)
        heard: list[tuple[int, object]] = []
        for number, one in enumerate(cluster.holders):
            one.limiter.on_closed = lambda error, number=number: heard.append((number, error))
        cluster.holders[1].limiter.shut({"model": "openai:x", "error": "the key is refused"})
        await asyncio.sleep(0.1)
        cluster.holders[1].limiter.shut({"model": "openai:y", "error": "the key is refused"})
        await asyncio.sleep(0.1)
        assert sorted(str(one) for one in heard) == sorted(
            str((number, {"model": model, "error": "the key is refused"}))
            for number in (0, 2)
            for model in ("openai:x", "openai:y")
        )
        late = cluster.hire(3)
        await asyncio.sleep(0.1)
        assert len(late.limiter.closings) == 2
        cluster.close()

    virtually(run())


def test_what_a_server_says_is_left_is_shared_out() -> None:
    async def run() -> None:
        cluster = Cluster(3, lambda: 0.005, limit=60)
        one = cluster.holders[0]
        one.add([1])
        await asyncio.sleep(1)
        one.limiter.learn(Rates(requests=Rate(limit=100, remaining=30, reset=50.0)))
        await asyncio.sleep(0.1)
        came = len(cluster.server.came)
        for holder in cluster.holders:
            holder.add([1] * 100)
        await asyncio.sleep(40)
        assert 28 <= len(cluster.server.came) - came <= 30
        assert cluster.holders[1].limiter.reasons(now())[0][0] is Cause.RATE
        await cluster.idle(100)
        cluster.close()

    virtually(run())


def test_without_a_limit_each_holder_learns_what_the_server_takes() -> None:
    async def run() -> None:
        cluster = Cluster(3, lambda: 0.005, limit=None, start=8)
        refused = 0

        def verdict() -> Verdict:
            nonlocal refused
            if cluster.server.inside < 60:
                return Verdict.OK
            refused += 1
            return Verdict.REFUSED

        for one in cluster.holders:
            one.verdict = verdict
            one.add([1] * 4_000)
        seconds = await cluster.idle(1_000)
        assert refused < 0.1 * 12_000, refused
        assert seconds < 12_000 / 60 * 0.1 / 0.8, seconds
        cluster.close()

    virtually(run())


def test_a_plain_limiter_has_nothing_to_do_with_leases() -> None:
    assert not hasattr(Limiter(5), "backlog")
    assert not hasattr(Limiter(5), "tell_closed")
