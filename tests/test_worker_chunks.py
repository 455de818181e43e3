"""The chunks of bodies in a worker: when they begin, what goes back, and the short form of an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import pytest

from flowrun.runtime.dispatch.leases import Leases
from flowrun.runtime.engine.body_json import over_json, over_of
from flowrun.runtime.engine.body_terms import BodyScope, LaunchBody
from flowrun.runtime.engine.decisions import BodyOver, Decision, Failure
from flowrun.runtime.engine.placed import Bodies
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.values.model_values import ModelValue
from flowrun.runtime.vocabulary.tally import Tally
from flowrun.runtime.workers.body_queue import CHUNK
from flowrun.runtime.workers.serving import EventRelay, ServingScheduler
from support.harness import functions, planned

FLOW = 'flow f(ns: [text]) { r = map n in ns { ask "{{ n }}" } reduce collect return r }'
SCOPE = BodyScope(1, "r", {}, {})


class Noted(Bodies):
    """Bodies that note which of them began together, and run none."""

    turns: list[list[int]]

    def open(self, launches: Iterable[LaunchBody]) -> list[Decision]:
        self.turns.append([one.number for one in launches])
        return []


@pytest.fixture
def sent() -> list[Any]:
    return []


@pytest.fixture
def worker(sent: list[Any]) -> ServingScheduler:
    bodies = Noted(planned(FLOW), Context({}, ModelValue("m", "m"), functions), 300)
    bodies.turns = []
    return ServingScheduler(sent.append, EventRelay(sent.append, whole=False), bodies, {}, lambda event: None)


def turns(worker: ServingScheduler) -> list[list[int]]:
    assert isinstance(worker.state, Noted)
    return worker.state.turns


def chunk(first: int, count: int) -> list[LaunchBody]:
    return [LaunchBody(number, SCOPE, number, {"n": "a"}, f"r[{number}]") for number in range(first, first + count)]


async def soon(true: Callable[[], bool]) -> None:
    """Wait until something is true, for some seconds at the most."""
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0.001)


async def quiet() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_many_bodies_begin_in_several_turns_and_a_chunk_is_not_cut(worker: ServingScheduler) -> None:
    for first in range(0, 200, 50):
        worker.take(chunk(first, 50))
    await asyncio.sleep(0)
    # The requests of these bodies can leave while the prompts of the others are made.
    assert [len(one) for one in turns(worker)] == [50]
    await quiet()
    assert [len(one) for one in turns(worker)] == [50, 100, 50]
    assert [*chain(*turns(worker))] == [*range(200)]
    assert CHUNK == 64


async def test_a_worker_asks_for_places_before_it_makes_the_first_requests(worker: ServingScheduler) -> None:
    told: list[dict[str, Any]] = []
    leases = Leases(told.append, 3)
    leases.limiter("http://server", 100)
    worker.share(leases)
    told.clear()
    worker.take(chunk(0, 16))
    worker.take(chunk(16, 64))
    await asyncio.sleep(0)
    # Two workers get half of the places each, without a message more.
    assert [one["want"] for one in told] == [50]
    worker.take(chunk(80, 64))
    await quiet()
    assert len(told) == 1
    for limiter in leases.limiters.values():
        limiter.close()


async def test_the_next_chunk_waits_a_little_while_requests_wait_for_places(worker: ServingScheduler) -> None:
    leases = Leases(lambda message: None, 3)
    limiter = leases.limiter("http://server", 100)
    worker.share(leases)
    limiter.on_ready(lambda: None)
    worker.take(chunk(0, 16))
    worker.take(chunk(16, 64))
    await quiet()
    assert [len(one) for one in turns(worker)] == [16]
    await soon(lambda: len(turns(worker)) > 1)
    assert [len(one) for one in turns(worker)] == [16, 64]
    limiter.close()


async def test_an_end_begins_the_next_chunk_at_once(worker: ServingScheduler) -> None:
    leases = Leases(lambda message: None, 3)
    limiter = leases.limiter("http://server", 100)
    worker.share(leases)
    limiter.on_ready(lambda: None)
    worker.take(chunk(0, 16))
    worker.take(chunk(16, 64))
    await quiet()
    worker._tell(BodyOver(0))
    await quiet()
    assert [len(one) for one in turns(worker)] == [16, 64]
    limiter.close()


async def test_nothing_is_asked_for_where_it_is_not_known_who_is_asked(worker: ServingScheduler) -> None:
    told: list[dict[str, Any]] = []
    leases = Leases(told.append, 3)
    for at in ("http://one", "http://two"):
        leases.limiter(at, 100)
    leases.limiter("http://three", None)
    worker.share(leases)
    told.clear()
    worker.take(chunk(0, 16))
    await asyncio.sleep(0)
    assert told == []
    for limiter in leases.limiters.values():
        limiter.close()


async def test_only_as_many_bodies_begin_as_the_window_has_room_for(worker: ServingScheduler) -> None:
    for first in range(0, 384, 64):
        worker.take(chunk(first, 64))
    await quiet()
    begun = [*chain(*turns(worker))]
    assert begun == [*range(300)]
    assert worker.give_back(10) == [*range(383, 373, -1)]
    assert worker.give_back(1000) == [*range(373, 299, -1)]
    assert worker.give_back(1) == []


async def test_a_cancelled_body_that_waits_ends_and_never_begins(worker: ServingScheduler, sent: list[Any]) -> None:
    worker.take(chunk(0, 300))
    worker.take(chunk(300, 1))
    await quiet()
    worker.take(chunk(301, 2))
    worker.drop(300, keep=False)
    worker.drop(301, keep=False)
    await quiet()
    assert sent == [{"over": [[300, None], [301, None]]}]
    assert worker.give_back(5) == [302]


async def test_a_stopped_worker_begins_nothing_more(worker: ServingScheduler) -> None:
    worker.take(chunk(0, 70))
    worker.take(chunk(70, 70))
    await asyncio.sleep(0)
    worker.halt()
    await quiet()
    assert [len(one) for one in turns(worker)] == [70]


@pytest.mark.parametrize(
    "over",
    [
        BodyOver(7, {"a": [1, None, "x"]}),
        BodyOver(7),
        BodyOver(7, [1, 2]),
        BodyOver(7, None, Failure("r[1].a", "no")),
        BodyOver(7, 1, None, {"r[1].v": Tally("yes", (("yes", 3),), 3)}),
        BodyOver(7, 1, losses=(Failure("r[1].a", "no"),)),
        BodyOver(7, 1, tokens={"m": (1, 2), "n": None}),
        BodyOver(7, 1, calls=2),
    ],
)
def test_an_end_comes_back_as_it_was(over: BodyOver) -> None:
    assert over_of(over_json(over)) == over
    plain = over in (BodyOver(7, {"a": [1, None, "x"]}), BodyOver(7), BodyOver(7, [1, 2]))
    assert isinstance(over_json(over), list) is plain
