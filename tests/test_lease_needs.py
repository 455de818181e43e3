"""The needs that holders of a lease report: the book hears of none that can change no share."""

from __future__ import annotations

import asyncio

import pytest

from support.leased import Cluster, virtually


@pytest.mark.parametrize("limit", [100, None])
def test_a_long_line_is_no_news_while_it_gets_shorter(limit: int | None) -> None:
    async def run() -> None:
        cluster = Cluster(2, limit=limit)
        for holder in cluster.holders:
            holder.add([1] * 40_000)
        await asyncio.sleep(0.2)
        before = [up.sent for up, _ in cluster.pipes.values()]
        await asyncio.sleep(0.5)
        assert [up.sent for up, _ in cluster.pipes.values()] == before
        assert all(holder.line for holder in cluster.holders)
        cluster.close()

    virtually(run())


def test_the_end_of_a_long_line_gives_the_places_to_the_other_holder() -> None:
    async def run() -> None:
        cluster = Cluster(2, limit=100)
        cluster.holders[0].add([1] * 1000)
        cluster.holders[1].add([1] * 4000)
        await asyncio.sleep(4)
        assert cluster.holders[0].done == 1000
        assert cluster.holders[1].limiter.active == 100
        assert cluster.server.peak == 100
        cluster.close()

    virtually(run())
