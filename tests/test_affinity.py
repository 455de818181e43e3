"""Requests that begin alike go to the same address of an endpoint, as long as its load allows it."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest

from flowrun.runtime.providers import affinity
from flowrun.runtime.providers.affinity import Affinity, keys_of
from flowrun.runtime.providers.replicas import REST, Replicas
from flowrun.runtime.vocabulary.call import Answer, Message, Reply, Request
from flowrun.runtime.vocabulary.errors import CallError, RefusedError
from support.prefix_runs import ROWS, PrefixRun, results, rows
from support.prefix_servers import Machine, OnMachine, Slots, best_hits


def asked(number: int, tail: str = "") -> Request:
    return Request((Message("user", f"Document {number}. " * 100 + tail),))


class Server:
    """A provider that remembers what it was asked, and waits until it is let go on."""

    model, concurrency, samples = "lab:x", 4, 1

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.seen: list[str] = []
        self.goes = asyncio.Event()
        self.goes.set()
        self.fails: CallError | None = None

    async def start(self) -> None:
        pass

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        self.seen.append(request.messages[0].text[:11])
        if self.fails is not None:
            raise self.fails
        await self.goes.wait()
        return Reply((Answer(self.endpoint),))

    async def close(self) -> None:
        pass


async def test_a_document_stays_at_its_address() -> None:
    servers = [Server("http://a"), Server("http://b"), Server("http://c")]
    all_of_them = Replicas(servers, lambda: 0.0)
    for at in range(60):
        await all_of_them.complete(asked(at % 6, str(at)))
    assert [len(set(one.seen)) for one in servers] == [2, 2, 2]
    assert [len(one.seen) for one in servers] == [20, 20, 20]


async def test_an_address_with_clearly_fewer_open_requests_wins() -> None:
    servers = [Server("http://a"), Server("http://b")]
    both = Replicas(servers, lambda: 0.0)
    for one in servers:
        one.goes.clear()
    tasks = [asyncio.create_task(both.complete(asked(1, str(at)))) for at in range(40)]
    await asyncio.sleep(0)
    sent = [len(one.seen) for one in servers]
    assert sum(sent) == 40
    assert max(sent) < 1.6 * min(sent)
    for one in servers:
        one.goes.set()
    await asyncio.gather(*tasks)


async def test_a_document_moves_when_its_address_rests_and_stays_where_it_is() -> None:
    now = [0.0]
    servers = [Server("http://a"), Server("http://b")]
    both = Replicas(servers, lambda: now[0])
    await both.complete(asked(1))
    servers[0].fails = RefusedError("no connection")
    with suppress(RefusedError):
        await both.complete(asked(1))
    servers[0].fails = None
    for _ in range(5):
        assert (await both.complete(asked(1))).answers[0].text == "http://b"
    now[0] += REST + 1
    assert (await both.complete(asked(1))).answers[0].text == "http://b"
    assert (await both.complete(asked(2))).answers[0].text == "http://a"


async def test_short_prompts_go_where_the_fewest_are_open() -> None:
    servers = [Server("http://a"), Server("http://b")]
    both = Replicas(servers, lambda: 0.0)
    for _ in range(10):
        await both.complete(Request((Message("user", "hi"),)))
    assert [len(one.seen) for one in servers] == [5, 5]


def test_the_words_of_the_system_come_first() -> None:
    system, user = Message("system", "s" * 300), Message("user", "u" * 300)
    assert keys_of(Request((user, system))) == keys_of(Request((system, user)))
    assert len(keys_of(asked(1))[0]) == 3
    assert keys_of(Request((Message("user", "x" * 255),)))[0] == []


def test_a_small_part_of_a_prompt_does_not_count() -> None:
    memory = Affinity()
    memory.note([1, 2], 3)
    assert memory.choose([1, 2, 9], 512) == 3
    assert memory.choose([1, 8, 9], 2000) is None
    assert memory.choose([7], 256) is None


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affinity, "_REMEMBERED", 10)
    memory = Affinity()
    for key in range(100):
        memory.note([0, key + 1], key % 2)
    assert len(memory._seen) == 10
    assert memory.choose([0, 100], 512) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_servers_with_slots_find_nearly_all_that_one_would(seed: int) -> None:
    machines = [Machine(Slots(4), 4), Machine(Slots(4), 4)]
    replicas = Replicas([OnMachine(one, endpoint=str(at)) for at, one in enumerate(machines)])

    class Both(PrefixRun):
        async def _go(self) -> object:  # type: ignore[override]
            machines[1].__post_init__()
            return await super()._go()

    given_rows = rows(20, 20)
    random.Random(seed).shuffle(given_rows)
    run = Both(ROWS, {"rows": given_rows}, machines[0], provider=replicas, limit=8).go()  # type: ignore[arg-type]
    assert len(results(run)) == 400
    sent = [prompt for one in machines for prompt in one.prompts]
    hits = sum(one.cached for one in machines) / sum(one.total for one in machines)
    assert hits >= 0.95 * best_hits(Slots(1), sent)
