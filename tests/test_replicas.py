"""Requests to several addresses of one endpoint go to the one that is free, and that works."""

from __future__ import annotations

import asyncio

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.providers.plan_endpoints import flow_endpoints
from flowrun.runtime.providers.replicas import REST, Replicas
from flowrun.runtime.replay.run_beginning import Endpoints
from flowrun.runtime.vocabulary.call import Answer, Message, Reply, Request
from flowrun.runtime.vocabulary.errors import CallError, InDoubtError, PermanentError, RefusedError

ASKED = Request((Message("user", "hi"),))


class Server:
    """A provider that waits until it is let go on, or fails."""

    model = "lab:x"
    concurrency = 3

    def __init__(self, endpoint: str, samples: int = 8) -> None:
        self.endpoint = endpoint
        self.samples = samples
        self.asked = 0
        self.fails: CallError | None = None
        self.goes = asyncio.Event()
        self.goes.set()
        self.closed = False

    async def start(self) -> None:
        pass

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        self.asked += 1
        await self.goes.wait()
        if self.fails is not None:
            raise self.fails
        self.samples = min(self.samples, 4)
        return Reply((Answer(self.endpoint),))

    async def close(self) -> None:
        self.closed = True


async def test_a_request_goes_where_the_fewest_are_open() -> None:
    slow, fast = Server("http://a"), Server("http://b")
    both = Replicas([slow, fast], lambda: 0.0)
    assert (both.endpoint, both.addresses, both.concurrency, both.samples) == (
        "http://a",
        ("http://a", "http://b"),
        6,
        8,
    )
    slow.goes.clear()
    first = asyncio.create_task(both.complete(ASKED))
    await asyncio.sleep(0)
    for _ in range(5):
        assert (await both.complete(ASKED)).answers[0].text == "http://b"
    assert (slow.asked, fast.asked) == (1, 5)
    slow.goes.set()
    assert (await first).answers[0].text == "http://a"
    assert both.samples == 4
    await both.close()
    assert slow.closed and fast.closed


@pytest.mark.parametrize("error", [RefusedError("no connection"), InDoubtError("lost")])
async def test_an_address_that_fails_rests(error: CallError) -> None:
    now = [0.0]
    broken, good = Server("http://a"), Server("http://b")
    both = Replicas([broken, good], lambda: now[0])
    broken.fails = error
    with pytest.raises(type(error)):
        await both.complete(ASKED)
    for _ in range(4):
        await both.complete(ASKED)
    assert (broken.asked, good.asked) == (1, 4)
    now[0] = REST + 1
    with pytest.raises(type(error)):
        await both.complete(ASKED)
    # If all addresses rest, requests go on.
    good.fails = error
    for _ in range(3):
        with pytest.raises(type(error)):
            await both.complete(ASKED)
    assert broken.asked + good.asked == 9


async def test_a_request_that_is_wrong_everywhere_rests_nobody() -> None:
    first, second = Server("http://a"), Server("http://b")
    both = Replicas([first, second], lambda: 0.0)
    first.fails = PermanentError("a wrong request", status=400)
    with pytest.raises(PermanentError):
        await both.complete(ASKED)
    first.fails = None
    await both.complete(ASKED)
    await both.complete(ASKED)
    assert (first.asked, second.asked) == (2, 1)


def test_an_old_journal_finds_the_address_in_the_plan() -> None:
    text = 'endpoint lab = "http://gpu/v1" key "LAB_KEY"\nmodel m = "lab:x"\nflow f() { a = ask m "hi" return a }\n'
    plan = make_plan(check_flow(Source(text), catalog()))
    assert Endpoints({}, {}, flow_endpoints(plan))["lab:x"] == "http://gpu/v1"
    assert Endpoints({}, {})["lab:x"] == ""
