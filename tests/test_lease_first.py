"""The first report of a holder of a lease: its requests wait for a message there and back, and for nothing else."""

from __future__ import annotations

import asyncio

import pytest

from flowrun.runtime.limits.lease_reports import GAP
from support.leased import Cluster, now, virtually

LAG = 0.001


@pytest.mark.parametrize("asked", [1, 4])
def test_the_first_requests_of_a_holder_wait_only_for_its_messages(asked: int) -> None:
    async def run() -> None:
        cluster = Cluster(1, lambda: LAG, limit=10)
        await asyncio.sleep(1)
        began = now()
        cluster.holders[0].add([1] * asked)
        await asyncio.sleep(0.05)
        first = cluster.server.came[0][0] - began
        assert first == pytest.approx(2 * LAG, abs=GAP / 4)
        cluster.close()

    virtually(run())


def test_later_reports_keep_their_distance() -> None:
    async def run() -> None:
        cluster = Cluster(1, lambda: LAG, limit=100)
        await asyncio.sleep(1)
        before = cluster.pipes[0][0].sent
        for _ in range(40):
            cluster.holders[0].add([1])
            await asyncio.sleep(GAP / 8)
        # 25 ms have passed: the first report, and one for each gap.
        assert cluster.pipes[0][0].sent - before <= 7
        assert await cluster.idle(10) < 2
        assert cluster.server.peak <= 100
        cluster.close()

    virtually(run())
