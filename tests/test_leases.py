"""Leased limits hold over all holders as the server counts, and cost hardly any throughput."""

from __future__ import annotations

import asyncio
import random
from itertools import product

import pytest

from support.few_cases import some
from support.leased import AT, Cluster, delays, rate_broken, virtually


@pytest.mark.parametrize("holders", [2, 3, 8])
@pytest.mark.parametrize("delay", [0.001, 0.05])
def test_a_hundred_places_are_used_nearly_all_the_time(holders: int, delay: float) -> None:
    async def run() -> None:
        cluster = Cluster(holders, lambda: delay, limit=100)
        for one in cluster.holders:
            one.add([1] * (12_000 // holders))
        seconds = await cluster.idle()
        ideal = 12_000 / 100 * 0.1
        assert cluster.server.peak <= 100
        assert seconds <= ideal / 0.95, (seconds, ideal)
        cluster.close()

    virtually(run())


@pytest.mark.parametrize("holders", [2, 8])
@pytest.mark.parametrize("delay", [0.001, 0.05])
def test_a_rate_of_requests_holds_in_any_window_and_is_used(holders: int, delay: float) -> None:
    async def run() -> None:
        cluster = Cluster(holders, lambda: delay, limit=100, rpm=600)
        for one in cluster.holders:
            one.add([1] * (1_000 // holders))
        seconds = await cluster.idle()
        assert not rate_broken(cluster.server.came, 600, None)
        assert seconds <= 100 / 0.95, seconds
        cluster.close()

    virtually(run())


def test_a_low_rate_is_used_too_where_messages_are_quick() -> None:
    async def run() -> None:
        cluster = Cluster(3, lambda: 0.0005, limit=100, rpm=60)
        for one in cluster.holders:
            one.add([1] * 40)
        seconds = await cluster.idle()
        assert not rate_broken(cluster.server.came, 60, None)
        assert seconds <= 120 / 0.95, seconds
        assert cluster.messages < 12 * 120
        cluster.close()

    virtually(run())


@pytest.mark.parametrize(("holders", "delay", "tpm"), some(product([2, 8], [0.001, 0.05], [60_000, 600_000]), 3))
def test_a_rate_of_tokens_holds_in_any_window_and_is_used(holders: int, delay: float, tpm: int) -> None:
    async def run() -> None:
        cluster = Cluster(holders, lambda: delay, limit=100, tpm=tpm)
        dice = random.Random(4)
        total = 0
        for one in cluster.holders:
            costs = [dice.randint(50, 400) for _ in range(2_000 // holders)]
            total += sum(costs)
            one.add(costs)
        seconds = await cluster.idle()
        assert not rate_broken(cluster.server.came, None, tpm)
        assert seconds <= total / tpm * 60 / 0.95, (seconds, total / tpm * 60)
        cluster.close()

    virtually(run())


def test_a_holder_without_work_leaves_its_places_to_the_others() -> None:
    async def run() -> None:
        cluster = Cluster(2, delays(0.001, 0.02, 3), limit=100)
        cluster.holders[0].add([1] * 2_000)
        cluster.holders[1].add([1] * 8_000)
        seconds = await cluster.idle()
        assert seconds <= 10 / 0.95
        assert cluster.server.peak <= 100
        cluster.close()

    virtually(run())


def test_more_holders_than_places_take_turns() -> None:
    async def run() -> None:
        cluster = Cluster(8, lambda: 0.005, limit=3)
        for one in cluster.holders:
            one.add([1] * 1_000)
        await asyncio.sleep(20)
        done = [one.done for one in cluster.holders]
        assert min(done) > 0.7 * sum(done) / 8, done
        assert cluster.server.peak <= 3
        await cluster.idle()
        cluster.close()

    virtually(run())


def test_few_messages_are_needed_while_all_places_are_in_use() -> None:
    async def run() -> None:
        cluster = Cluster(2, lambda: 0.005, limit=100)
        for one in cluster.holders:
            one.add([1] * 10_000)
        await cluster.idle()
        assert cluster.messages < 1_000, cluster.messages
        cluster.close()

    virtually(run())


def test_the_driver_takes_part_itself() -> None:
    async def run() -> None:
        cluster = Cluster(3, lambda: 0.005, limit=10, rpm=6000, local=True)
        for one in cluster.holders:
            one.add([1] * 300)
        await cluster.idle()
        assert cluster.server.peak <= 10
        cluster.close()
        await asyncio.sleep(1)
        book = cluster.desk.book.endpoints[AT]
        assert all(not share.leased for share in book.shares.of.values())
        assert not any(book.requests.open.values())

    virtually(run())
