"""Runs share the limits that their flows declare, in virtual time."""

from __future__ import annotations

import asyncio
import random

import pytest

from flowrun.runtime.limits.run_book import SILENT, TURN, RunBook
from flowrun.runtime.vocabulary.errors import DiskError
from support.few_cases import some
from support.sharing_runs import MemoryTable, Server, SharingRun, played


async def _begun(names: str, table: MemoryTable, server: Server, limit: int | None, **rates: int) -> list[SharingRun]:
    runs = [SharingRun(name, table, server, limit, **rates) for name in names]
    for run in runs:
        await run.begin()
    return runs


def test_a_run_alone_has_the_whole_limit_at_once() -> None:
    async def main() -> None:
        server = Server()
        (run,) = await _begun("a", MemoryTable(), server, 100)
        run.send(100)
        assert server.active == 100
        run.end()

    played(main)


def test_two_runs_never_have_more_than_the_limit_and_use_all_of_it() -> None:
    async def main() -> None:
        server, table = Server(), MemoryTable()
        a, b = await _begun("ab", table, server, 100)
        a.send(2000)
        b.send(2000)
        await asyncio.sleep(6)
        assert server.peak <= 100 and server.active == 100
        assert 40 <= a.own <= 60 and 40 <= b.own <= 60
        b.left = 0
        await asyncio.sleep(4)
        assert server.peak <= 100 and a.own == 100
        a.end()
        b.end()
        assert table.states == {}

    played(main)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_more_runs_than_places_take_turns(limit: int) -> None:
    async def main() -> None:
        server = Server()
        runs = await _begun("abcde", MemoryTable(), server, limit)
        for run in runs:
            run.seconds = 0.1
            run.send(10_000)
        await asyncio.sleep(60)
        assert server.peak <= limit
        assert min(run.done for run in runs) > 20
        assert sum(run.done for run in runs) > 0.6 * 600 * limit

    played(main)


@pytest.mark.parametrize(("told", "seconds"), [(True, 2 * TURN + 3 * 1.25 + 1 + 2), (False, SILENT + 3 * 1.25 + 1 + 4)])
def test_the_places_of_a_killed_run_come_back_after_its_requests(told: bool, seconds: float) -> None:
    async def main() -> None:
        server = Server()
        a, b = await _begun("ab", MemoryTable(), server, 100)
        for run in (a, b):
            run.seconds = 3.0
            run.send(2000)
        await asyncio.sleep(10)
        a.kill(told=told)
        await asyncio.sleep(seconds)
        assert server.peak <= 100 and b.own == 100

    played(main)


def test_the_places_of_a_killed_run_are_kept_as_long_as_its_requests_may_take() -> None:
    async def main() -> None:
        server = Server()
        a, b = await _begun("ab", MemoryTable(), server, 10)
        for run in (a, b):
            run.seconds = 40.0
            run.send(100)
        await asyncio.sleep(79.9)
        a.kill()
        await asyncio.sleep(SILENT + 15)
        assert b.own == 5
        await asyncio.sleep(60)
        assert server.peak <= 10 and b.own == 10

    played(main)


def test_a_silent_run_that_lives_keeps_its_places() -> None:
    async def main() -> None:
        server, table = Server(), MemoryTable()
        a, b = await _begun("ab", table, server, 100)
        for run in (a, b):
            run.send(2000)
        await asyncio.sleep(5)
        a.kill(told=False)
        await asyncio.sleep(SILENT - 2)
        assert b.own == 50
        b.end()

    played(main)


def test_a_run_that_goes_on_has_the_places_of_its_killed_process() -> None:
    async def main() -> None:
        server, table = Server(), MemoryTable()
        a, b = await _begun("ab", table, server, 100)
        for run in (a, b):
            run.send(2000)
        await asyncio.sleep(5)
        a.kill()
        again = SharingRun("a", table, server, 100)
        await again.begin()
        assert again.limiter.portion is not None and again.limiter.portion.places == a.limiter.portion.places  # type: ignore[union-attr]

    played(main)


@pytest.mark.parametrize("rpm", [7, 60, 600, pytest.param(6000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_window_of_a_rate_has_what_one_run_would_send(rpm: int, count: int) -> None:
    async def main() -> None:
        server = Server()
        runs = await _begun("abcde"[:count], MemoryTable(), server, None, rpm=rpm)
        for run in runs:
            run.seconds = 0.2
            run.send(100_000)
        minutes = 2.5 if rpm < 6000 else 1.1
        await asyncio.sleep(60 * minutes)
        assert server.most_in(60.0) <= rpm + max(1, rpm // 60)
        assert server.most_in(1.0) <= max(1, 2 * rpm / 60)
        assert len(server.sent) >= 0.9 * rpm * minutes - 1
        if rpm >= 60:
            assert min(run.done for run in runs) > 0.7 * len(server.sent) / count

    played(main)


@pytest.mark.parametrize("seed", some(range(24), 4))
def test_random_runs_keep_to_the_limits_at_every_instant(seed: int) -> None:
    dice = random.Random(seed)
    limit, rpm, tpm = dice.choice([1, 4, 30, None]), dice.choice([None, 90, 1200]), dice.choice([None, 30_000])

    async def main() -> None:
        server, table = Server(), MemoryTable()
        runs: list[SharingRun] = []
        for number in range(40):
            match dice.choice("jjssssssek"):
                case "j" if len(runs) < 6:
                    rates = {name: one for name, one in (("rpm", rpm), ("tpm", tpm)) if one is not None}
                    run = SharingRun(str(number), table, server, limit, **rates)
                    run.seconds, run.tokens = dice.choice([0.05, 0.5, 2.0]), dice.choice([10, 100])
                    await run.begin()
                    runs.append(run)
                case "s" if runs:
                    dice.choice(runs).send(dice.choice([1, 10, 80]))
                case "e" if len(runs) > 1:
                    ending = runs.pop(dice.randrange(len(runs)))
                    ending.left = 0
                    await asyncio.sleep(2.1)
                    ending.end()
                case "k" if len(runs) > 1:
                    runs.pop(dice.randrange(len(runs))).kill(told=dice.random() < 0.5)
            await asyncio.sleep(dice.choice([0.0, 0.01, 0.3, 3.0]))
        if limit is not None:
            assert server.peak <= limit
        if rpm is not None:
            assert server.most_in(60.0) <= rpm + max(1, rpm // 60)
        if tpm is not None:
            assert server.most_in(60.0, 1) <= tpm * 61 / 60 + 100
        # Nobody is left behind.
        await asyncio.sleep(90 if rpm is None and tpm is None else 0)
        left = [run.left for run in runs if not run.dead]
        assert limit is None or rpm is not None or tpm is not None or limit < 30 or not any(left)
        for run in runs:
            run.end()

    played(main)


def test_a_table_that_is_away_leaves_the_last_share() -> None:
    async def main() -> None:
        server, table = Server(), MemoryTable()
        a, b = await _begun("ab", table, server, 100)
        for run in (a, b):
            run.send(5000)
        await asyncio.sleep(5)
        table.away = DiskError("gone")
        await asyncio.sleep(10)
        assert server.peak == 100 and 40 <= a.own <= 60
        assert [len(run.notes) for run in (a, b)] == [1, 1]
        table.away = None
        await asyncio.sleep(5)
        assert server.peak == 100 and a.own + b.own == 100

    played(main)


def test_a_run_that_never_had_a_share_takes_the_whole_limit() -> None:
    async def main() -> None:
        server, table = Server(), MemoryTable()
        table.away = DiskError("no such folder")
        (a,) = await _begun("a", table, server, 50, rpm=60_000)
        a.send(200)
        await asyncio.sleep(0.1)
        assert server.active == 50
        assert len(a.notes) == 1 and "no such folder" in a.notes[0]

    played(main)


def test_a_rate_without_a_table_goes_on_at_an_even_part() -> None:
    async def main() -> None:
        server, table = Server(), MemoryTable()
        runs = await _begun("ab", table, server, None, rpm=600)
        for run in runs:
            run.seconds = 0.1
            run.send(5000)
        await asyncio.sleep(20)
        table.away = DiskError("gone")
        before = len(server.sent)
        await asyncio.sleep(60)
        assert 500 <= len(server.sent) - before <= 610

    played(main)


def test_a_table_that_was_lost_is_told_again() -> None:
    async def main() -> None:
        server, table = Server(), MemoryTable()
        runs = await _begun("abc", table, server, 100)
        for run in runs:
            run.send(5000)
        await asyncio.sleep(5)
        table.states.clear()
        await asyncio.sleep(5)
        assert server.peak <= 100 and server.active == 100

    played(main)


def test_a_clock_of_another_boot_forgets_all() -> None:
    book = RunBook()
    book.turn("a", {"limit": 5, "want": 5, "has": 0, "new": True}, 1000.0)
    again = RunBook(book.json())
    answer = again.turn("b", {"limit": 5, "want": 5, "has": 0, "new": True}, 10.0)
    assert answer["places"] == 5 and list(again.runs) == ["b"]


def test_a_run_alone_takes_few_turns() -> None:
    async def main() -> None:
        server, table = Server(), MemoryTable()
        (run,) = await _begun("a", table, server, 10, rpm=60)
        run.send(1000)
        await asyncio.sleep(60)
        assert table.turns <= 60 / TURN + 3

    played(main)
