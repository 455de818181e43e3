"""Slow work in a thread, shared by all that wait for it: its result, its failure, and waits that are given up."""

from __future__ import annotations

import asyncio
import gc
import logging
import subprocess
import sys
import threading
import time

import pytest

from flowrun.runtime.providers.signing import Renewal
from support.patience import PATIENCE


async def test_all_that_wait_share_one_thread() -> None:
    calls: list[int] = []

    def work() -> int:
        calls.append(threading.get_ident())
        time.sleep(0.1)
        return len(calls)

    renewal = Renewal(work)
    assert await asyncio.gather(*(renewal.done() for _ in range(20))) == [1] * 20
    assert await renewal.done() == 2
    assert threading.get_ident() not in calls


async def test_a_failure_is_raised_to_all_and_forgotten() -> None:
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        time.sleep(0.05)
        if len(tries) == 1:
            raise ValueError("no")
        return "yes"

    renewal = Renewal(work)
    first = await asyncio.gather(renewal.done(), renewal.done(), return_exceptions=True)
    assert [str(one) for one in first] == ["no", "no"]
    assert await renewal.done() == "yes"


async def test_a_failure_that_nobody_waits_for_is_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "asyncio")
    go = threading.Event()

    def work() -> None:
        go.wait()
        raise ValueError("no")

    renewal = Renewal(work)
    waiting = asyncio.get_running_loop().create_task(renewal.done())
    await asyncio.sleep(0.01)
    waiting.cancel()
    go.set()
    await asyncio.sleep(0.05)
    del renewal, waiting
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_another_loop_does_its_own_work() -> None:
    renewal = Renewal(lambda: 7)
    assert [asyncio.run(renewal.done()) for _ in range(3)] == [7, 7, 7]


def test_a_program_that_ends_waits_for_no_thread() -> None:
    code = (
        "import asyncio, time\n"
        "from flowrun.runtime.providers.signing import Renewal\n"
        "async def main():\n"
        "    try:\n"
        "        await asyncio.wait_for(Renewal(lambda: time.sleep(3000)).done(), 0.05)\n"
        "    except TimeoutError:\n"
        "        print('over')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert (done.stdout.strip(), done.stderr) == ("over", "")


def test_a_loop_that_has_ended_gets_no_result(capfd: pytest.CaptureFixture[str]) -> None:
    go, over = threading.Event(), threading.Event()

    def work() -> None:
        go.wait()
        over.set()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(Renewal(work).done(), 0.01)

    asyncio.run(give_up())
    go.set()
    assert over.wait(PATIENCE)
    time.sleep(0.05)
    assert capfd.readouterr().err == ""
