"""A limiter that is asked, not awaited: bounds, order, pauses."""

from __future__ import annotations

import asyncio
import random
from collections import deque

import pytest

from flowrun.runtime.limits import Limiter

pytestmark = pytest.mark.looptime


def test_places_are_bounded() -> None:
    limiter = Limiter(2)
    assert [limiter.try_acquire() for _ in range(3)] == [True, True, False]
    limiter.release()
    assert limiter.try_acquire()
    assert limiter.active == 2


def test_misuse_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Limiter(0)
    with pytest.raises(RuntimeError, match="nobody"):
        Limiter(1).release()


def test_who_waits_is_called_once_and_in_order() -> None:
    limiter = Limiter(1)
    assert limiter.try_acquire()
    called: list[str] = []

    def a() -> None:
        called.append("a")
        assert limiter.try_acquire()

    def b() -> None:
        called.append("b")

    def c() -> None:
        called.append("c")

    for callback in (a, b, a, c):
        limiter.on_ready(callback)
    limiter.forget(c)
    limiter.release()
    assert called == ["a"]
    limiter.release()
    assert called == ["a", "b"]
    assert limiter.try_acquire()
    limiter.release()
    assert called == ["a", "b"]


def test_a_place_that_the_first_does_not_use_goes_to_the_next() -> None:
    limiter = Limiter(1)
    assert limiter.try_acquire()
    taken: list[bool] = []
    limiter.on_ready(lambda: None)
    limiter.on_ready(lambda: taken.append(limiter.try_acquire()))
    limiter.release()
    assert taken == [True]


def test_a_release_inside_a_callback_is_not_lost() -> None:
    limiter = Limiter(1)
    assert limiter.try_acquire()
    called: list[str] = []

    def first() -> None:
        called.append("first")
        assert limiter.try_acquire()
        limiter.on_ready(second)
        limiter.release()

    def second() -> None:
        called.append("second")
        assert limiter.try_acquire()

    limiter.on_ready(first)
    limiter.release()
    assert called == ["first", "second"]
    assert limiter.active == 1


def test_a_driver_that_asks_without_taking_does_not_hold_the_limiter_up() -> None:
    limiter = Limiter(1)
    assert limiter.try_acquire()
    called: list[int] = []

    def idle() -> None:
        called.append(1)
        limiter.on_ready(idle)

    limiter.on_ready(idle)
    limiter.release()
    assert 1 <= len(called) <= 3


async def test_a_pause_closes_every_place() -> None:
    loop = asyncio.get_running_loop()
    limiter = Limiter(4)
    assert limiter.try_acquire()
    opened: list[float] = []
    limiter.pause(10.0)
    assert limiter.paused
    assert not limiter.try_acquire()
    limiter.on_ready(lambda: opened.append(loop.time()))
    limiter.release()
    limiter.pause(3.0)
    limiter.pause(0.0)
    await asyncio.sleep(9.9)
    assert opened == []
    limiter.pause(5.0)
    await asyncio.sleep(10.0)
    assert opened == pytest.approx([14.9], abs=0.01)
    assert not limiter.paused
    assert limiter.try_acquire()


async def test_a_pause_of_nothing_changes_nothing() -> None:
    limiter = Limiter(1)
    limiter.pause(0.0)
    assert limiter.try_acquire()


class Driver:
    """Starts its calls as places allow, without a task for a call that waits."""

    def __init__(self, limiter: Limiter, calls: int, chance: random.Random) -> None:
        self.limiter, self.left, self.chance = limiter, deque(range(calls)), chance
        self.done = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def pump(self) -> None:
        while self.left:
            if not self.limiter.try_acquire():
                self.limiter.on_ready(self.pump)
                return
            self.left.popleft()
            task = asyncio.create_task(self.call())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def call(self) -> None:
        try:
            await asyncio.sleep(self.chance.uniform(0.1, 2.0))
            if self.chance.random() < 0.05:
                self.limiter.pause(self.chance.uniform(0.0, 5.0))
            self.done += 1
        finally:
            self.limiter.release()


@pytest.mark.parametrize("seed", range(4))
async def test_drivers_share_and_finish(seed: int) -> None:
    chance = random.Random(seed)
    limiter = Limiter(7)
    drivers = [Driver(limiter, 50, chance) for _ in range(3)]
    for driver in drivers:
        driver.pump()
    while any(driver.done < 50 for driver in drivers):
        assert limiter.active <= 7
        assert limiter.active == sum(len(driver.tasks) for driver in drivers)
        if not limiter.paused and any(driver.left for driver in drivers):
            assert limiter.active == 7
        await asyncio.sleep(0.05)
    await asyncio.sleep(10.0)
    assert limiter.active == 0
