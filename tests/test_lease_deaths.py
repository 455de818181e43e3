"""Holders of leases come, stop and die at random: no limit is broken, nothing is lost, and what waits is sent."""

from __future__ import annotations

import asyncio
import random
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime.limits.lease_rate import SharedRate
from flowrun.runtime.limits.lease_shares import LINGER
from support.leased import AT, Cluster, delays, rate_broken, virtually

SOME = settings(max_examples=8, database=None, deadline=None)


@SOME
@given(
    seed=st.integers(0, 10**6),
    holders=st.integers(1, 6),
    limit=st.integers(1, 30),
    rpm=st.sampled_from([None, 60, 600, 6000]),
    tpm=st.sampled_from([None, 6000, 60_000]),
    slow=st.sampled_from([0.001, 0.02, 0.3]),
)
def test_limits_hold_and_everything_comes_back(
    seed: int, holders: int, limit: int, rpm: int | None, tpm: int | None, slow: float
) -> None:
    dice = random.Random(seed)

    async def run() -> None:
        cluster = Cluster(
            holders, delays(0.0001, slow, seed), seconds=lambda: dice.uniform(0.01, 0.5), limit=limit, rpm=rpm, tpm=tpm
        )
        for _ in range(12):
            dice.choice(cluster.holders).add([dice.randint(1, 150) for _ in range(dice.randint(0, 30))])
            await asyncio.sleep(dice.choice([0, 0.01, 0.7]))
        await cluster.idle(3_000)
        assert cluster.server.peak <= limit
        assert not rate_broken(cluster.server.came, rpm, tpm)
        cluster.close()
        await asyncio.sleep(5)
        book = cluster.desk.book.endpoints[AT]
        assert sum(share.leased for share in book.shares.of.values()) == 0
        assert not any(book.requests.open.values())
        assert max(book.tokens.open.values(), default=0) < 1e-6

    virtually(run())


@SOME
@given(seed=st.integers(0, 10**6), rpm=st.sampled_from([None, 600]), slow=st.sampled_from([0.001, 0.05]))
def test_limits_hold_while_holders_are_killed(seed: int, rpm: int | None, slow: float) -> None:
    dice = random.Random(seed)

    async def run() -> None:
        cluster = Cluster(4, delays(0.0001, slow, seed), seconds=lambda: 0.4, limit=20, rpm=rpm)
        for one in cluster.holders:
            one.add([1] * 200)
        for number in dice.sample(range(4), 2):
            await asyncio.sleep(dice.uniform(0, 3))
            cluster.kill(number)
            cluster.hire(len(cluster.holders)).add([1] * 50)
        await cluster.idle(LINGER + 300)
        assert cluster.server.peak <= 20
        assert not rate_broken(cluster.server.came, rpm, None)
        await asyncio.sleep(LINGER)
        # All places have come back: one holder gets them all.
        last = cluster.holders[-1]
        last.add([1] * 200)
        await asyncio.sleep(1)
        assert rpm or len(last.open) == 20
        await cluster.idle(300)
        cluster.close()

    virtually(run())


def test_places_of_a_dead_holder_are_kept_as_long_as_its_requests_may_last() -> None:
    async def run() -> None:
        cluster = Cluster(2, lambda: 0.001, seconds=lambda: 2.0, limit=10)
        cluster.holders[0].add([1] * 10)
        await asyncio.sleep(2.5)
        cluster.holders[0].add([1] * 10)
        await asyncio.sleep(0.5)
        cluster.holders[1].add([1] * 10)
        cluster.kill(0)
        await asyncio.sleep(1.4)
        assert cluster.server.inside == 10
        assert not cluster.holders[1].open
        await cluster.idle(10)
        assert cluster.server.peak == 10
        cluster.close()

    virtually(run())


@pytest.mark.parametrize("used", [0, 4, 10])
def test_permits_of_a_dead_holder_count_as_used(used: int) -> None:
    rate = SharedRate(600)
    for _ in range(10):
        assert rate.ready(100.0) <= 100.0
        rate.issue(1, 1)
    assert rate.ready(100.0) == inf
    rate.used(1, used, 100.0)
    rate.gone(1, 100.0)
    assert rate.ready(100.0) == pytest.approx(100.1)
    assert not rate.open


def test_permits_that_come_back_are_as_if_never_issued() -> None:
    rate = SharedRate(600)
    for _ in range(10):
        rate.issue(1, 1)
    rate.used(1, 2, 100.0)
    rate.returned(1, 8)
    assert rate.ready(100.0) < 100.0
    for _ in range(8):
        assert rate.ready(100.0) <= 100.0 + 1e-9
        rate.issue(2, 1)
    assert rate.ready(100.0) > 100.0


def test_the_terms_of_a_late_provider_hold_for_all() -> None:
    async def run() -> None:
        cluster = Cluster(2, lambda: 0.001, limit=20)
        for one in cluster.holders:
            one.limiter.hold_to(3)
            one.add([1] * 60)
        await cluster.idle(60)
        assert cluster.server.peak <= 3
        cluster.close()

    virtually(run())
