"""The model server of the benchmarks does what its script says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


class Running:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.base = f"http://127.0.0.1:{int(self.line())}/v1"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def account(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.line())
        return found

    async def ask(self, count: int, prompt: str = "Say it", **more: Any) -> list[tuple[int, dict[str, str], Any]]:
        """The statuses, headers and bodies of so many requests that are sent at once."""

        async def one() -> tuple[int, dict[str, str], Any]:
            body = {"model": "test", "messages": [{"role": "user", "content": prompt}], **more}
            async with session.post(f"{self.base}/chat/completions", json=body) as reply:
                return reply.status, dict(reply.headers), await reply.json()

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one() for _ in range(count)))


@contextmanager
def started(**script: Any) -> Iterator[Running]:
    command = [sys.executable, str(BENCHMARKS / "mock_server.py"), json.dumps(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Running(process)
        assert process.stdin is not None
        process.stdin.close()


async def test_without_a_script_it_answers_everything() -> None:
    with started() as server:
        found = await server.ask(30, n=3)
    assert {status for status, _, _ in found} == {200}
    assert {len(body["choices"]) for _, _, body in found} == {3}
    assert not any("ratelimit" in name for _, headers, _ in found for name in headers)


async def test_it_refuses_more_than_it_takes_at_once() -> None:
    with started(seconds=0.5, steps=[[0, 4]]) as server:
        found = await server.ask(10)
        account = server.account()
        again = server.account()
    assert sorted(status for status, _, _ in found) == [200] * 4 + [429] * 6
    assert (len(account["served"]), len(account["refused"]), account["most"]) == (4, 6, 5)
    assert again == {"served": [], "refused": [], "most": 0}


async def test_it_lets_the_others_wait_in_a_queue() -> None:
    with started(seconds=0.1, steps=[[0, 4]], queue=True) as server:
        found = await server.ask(10)
        account = server.account()
    assert {status for status, _, _ in found} == {200}
    assert account["most"] == 10
    # Ten answers, four at a time: the last ones come in the third round.
    assert max(account["served"]) - min(account["served"]) >= 0.19


async def test_a_step_changes_what_it_takes() -> None:
    with started(seconds=1, steps=[[0, 5], [1, 1]]) as server:
        first, later = server.ask(3), server.ask(3)
        task = asyncio.ensure_future(first)
        await asyncio.sleep(1.5)
        found = await later
        assert {status for status, _, _ in await task} == {200}
    assert sorted(status for status, _, _ in found) == [200, 429, 429]


async def test_rate_headers_count_down_and_an_empty_bucket_refuses() -> None:
    with started(rpm=5, headers="rate") as server:
        found = [(await server.ask(1))[0] for _ in range(7)]
        server.account()
        refilled = (await server.ask(1))[0]
    assert [status for status, _, _ in found] == [200] * 5 + [429] * 2
    assert [headers["x-ratelimit-remaining-requests"] for _, headers, _ in found] == ["4", "3", "2", "1", *["0"] * 3]
    assert found[0][1]["x-ratelimit-limit-requests"] == "5"
    assert 11 < float(found[0][1]["x-ratelimit-reset-requests"].rstrip("s")) <= 12
    assert refilled[0] == 200


async def test_headers_tell_the_free_places() -> None:
    with started(seconds=0.5, steps=[[0, 3]], headers="places") as server:
        [(_, headers, _)] = await server.ask(1)
        found = await server.ask(4)
    assert (headers["x-ratelimit-limit-requests"], headers["x-ratelimit-remaining-requests"]) == ("3", "3")
    refused = [headers for status, headers, _ in found if status == 429]
    assert [one["x-ratelimit-remaining-requests"] for one in refused] == ["0"]


async def test_outages_windows_and_pauses() -> None:
    with started(down=[0.0, 60.0, 503]) as server:
        assert [status for status, _, _ in await server.ask(2)] == [503, 503]
    with started(window=[60, 2]) as server:
        assert sorted(status for status, _, _ in await server.ask(3)) == [200, 200, 429]
    with started(after=[0.0, 7]) as server:
        [(status, headers, _)] = await server.ask(1)
        assert (status, headers["Retry-After"]) == (429, "7")
    with started(down=[0.0, 60.0, "reset"]) as server, pytest.raises(aiohttp.ClientError):
        await server.ask(1)
