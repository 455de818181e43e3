"""Bodies are read once, and the memory of all that a process reads at a time is capped in sum."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from flowrun.runtime.providers.allowance import STEP, Lease, MemoryPool
from support.patience import PATIENCE
from support.raw_server import raw_server

MIB = 1024 * 1024
CLIENT = """
import asyncio, json, resource, sys
from flowrun.runtime.vocabulary.errors import CallError
from flowrun.runtime.providers import open_provider
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.providers.protocol import Surroundings

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

async def main(url, count, stream):
    served = open_provider("openai:m", Surroundings({"OPENAI_BASE_URL": url}))
    request = Request((Message("user", "hi"),), timeout=50.0, stream=stream)

    async def length():
        try:
            return len((await served.complete(request)).answers[0].text)
        except CallError as error:
            return type(error).__name__

    await length()
    before = peak()
    lengths = await asyncio.gather(*(length() for _ in range(count)))
    print(json.dumps({"lengths": lengths, "grown": peak() - before}))
    await served.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "stream"))
"""


async def measured(body: bytes, count: int, stream: bool = False) -> dict[str, Any]:
    """How many MiB a process grew by that asks so many times at once, behind one small request."""
    async with raw_server() as server:
        small = {"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}
        server.reply(json.dumps(small).encode())
        server.reply(body, Content_Type="text/event-stream" if stream else "application/json")
        words = [sys.executable, "-c", CLIENT, server.url, str(count), "stream" if stream else "plain"]
        environ = {"PATH": os.environ["PATH"]}
        ran = await asyncio.to_thread(
            subprocess.run, words, env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    assert ran.stderr == ""
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def plain(text: str) -> bytes:
    body = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    return json.dumps(body, ensure_ascii=False).encode()


async def test_one_answer_near_the_cap_is_in_memory_twice_at_most() -> None:
    """The bytes, and the text that is read out of them."""
    found = await measured(plain("a" * (30 * MIB)), 1)
    assert found["lengths"] == [30 * MIB]
    assert found["grown"] < 2 * 30 + 20


@pytest.mark.slow
async def test_many_at_once_wait_for_each_other() -> None:
    found = await measured(plain("a" * (30 * MIB)), 16)
    assert found["lengths"] == [30 * MIB] * 16
    # What all may have in sum, the first step of each, the one that goes beyond, and texts that were read out.
    assert found["grown"] < 64 + 16 + 32 + 3 * 30 + 40


async def test_many_that_go_beyond_the_cap_fail_and_leave_nothing() -> None:
    found = await measured(b" " * (34 * MIB), 4)
    assert found["lengths"] == ["AnswerError"] * 4
    assert found["grown"] < 64 + 4 + 32 + 40


@pytest.mark.slow
async def test_a_stream_near_the_cap_keeps_what_it_says_and_no_more() -> None:
    event = {"choices": [{"index": 0, "delta": {"content": "word " * 8, "tool_calls": []}}]}
    end = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
    one = f"data: {json.dumps(event)}\n\n".encode()
    found = await measured(one * (30 * MIB // len(one)) + end, 2, stream=True)
    assert found["lengths"] == [40 * (30 * MIB // len(one))] * 2
    assert found["grown"] < 100


# The allowance

TOTAL = 4


async def grow(lease: Lease, steps: int, most: list[int], held: set[Lease]) -> None:
    held.add(lease)
    for step in range(1, steps + 1):
        await lease.hold(step * STEP + 1)
        most.append(sum(one.steps for one in held))
        await asyncio.sleep(0)
    held.discard(lease)
    lease.end()


async def test_bodies_never_wait_for_each_other_for_ever() -> None:
    allowance, most, held = MemoryPool(TOTAL * STEP), [0], set[Lease]()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(grow(allowance.lease(), 31, most, held) for _ in range(50)))
    assert max(most) == TOTAL
    assert allowance._steps == TOTAL
    assert allowance._beyond is None and not allowance._waiting


async def test_one_that_is_cancelled_while_it_waits_leaves_its_place_and_its_part() -> None:
    allowance = MemoryPool(STEP)
    first, second, third, fourth = (allowance.lease() for _ in range(4))
    await first.hold(2 * STEP)
    await second.hold(2 * STEP)
    assert second.boundless
    waiting = [asyncio.create_task(lease.hold(2 * STEP)) for lease in (third, fourth)]
    await asyncio.sleep(0)
    # The third has its step, and is cancelled before it can go on.
    first.end()
    waiting[0].cancel()
    await asyncio.gather(*waiting[:1], return_exceptions=True)
    assert not waiting[1].done()
    third.end()
    await waiting[1]
    assert fourth.steps == 1
    # And one in the line is just gone.
    last = asyncio.create_task(third.hold(2 * STEP))
    await asyncio.sleep(0)
    last.cancel()
    await asyncio.gather(last, return_exceptions=True)
    assert not allowance._waiting
    for lease in (second, fourth):
        lease.end()
    assert allowance._steps == 1 and allowance._beyond is None


def test_the_loops_of_several_threads_share_it() -> None:
    allowance, done = MemoryPool(2 * STEP), []

    async def work() -> None:
        for _ in range(20):
            lease = allowance.lease()
            await lease.hold(4 * STEP)
            await asyncio.sleep(0.001)
            lease.end()
        done.append(1)

    threads = [threading.Thread(target=lambda: asyncio.run(work()), daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + PATIENCE
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    assert len(done) == 4
    assert allowance._steps == 2 and allowance._beyond is None
