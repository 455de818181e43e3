"""The parts of the CPU of a call: by hand, through the HTTP client, through the provider, and in a flow.

    python benchmarks/parts.py [--calls 1500] [--rounds 12]

All in one process, with connections that are open already; each line holds what the one before it does, and more.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import by_flow
import by_hand
import mock_server

WIDE = 256


async def workers(prompts: list[str], ask: Callable[[str], Awaitable[Any]]) -> None:
    todo = iter(prompts)

    async def one() -> None:
        for prompt in todo:
            await ask(prompt)

    await asyncio.gather(*(one() for _ in range(WIDE)))


async def measured(base: str, calls: int, rounds: int, folder: Path) -> dict[str, float]:
    """µs of CPU a call, the median of the rounds, which take turns."""
    from flowrun.dsl import Source
    from flowrun.runtime import load
    from flowrun.runtime.providers import open_provider
    from flowrun.runtime.providers.http import HttpClient
    from flowrun.runtime.providers.protocol import Surroundings
    from flowrun.runtime.vocabulary.call import Message, Request

    prompts = [f"Say {number}" for number in range(calls)]
    checked = load(Source(by_flow.flow(by_flow.CALLS, f"concurrency: {WIDE}, temperature: 0.5")))
    provider: Any = open_provider(by_flow.MODEL, Surroundings(by_flow.environ(base, folder)))
    loop = asyncio.get_running_loop()
    client = HttpClient.join()

    async def posted(prompt: str) -> Any:
        return await client.post(provider._at, "/chat/completions", by_hand.body(prompt), loop.time() + 600, "key")

    async def completed(prompt: str) -> Any:
        return await provider.complete(Request((Message("user", prompt),), temperature=0.5), 1, "key")

    async def all_parts(ask: by_hand.Ask) -> dict[str, float]:
        sides: dict[str, Callable[[], Awaitable[Any]]] = {
            "by hand": lambda: workers(prompts, ask),
            "the HTTP client": lambda: workers(prompts, posted),
            "the provider": lambda: workers(prompts, completed),
            "a flow, no journal": lambda: by_flow.result_of(checked, base, {"prompts": prompts}, folder, journal=False),
        }
        times: dict[str, list[float]] = {side: [] for side in sides}
        for number in range(rounds + 2):
            for side, work in sides.items():
                began = time.process_time()
                await work()
                if number > 1:
                    times[side].append((time.process_time() - began) / calls * 1e6)
        return {side: statistics.median(found) for side, found in times.items()}

    found: dict[str, float] = await by_hand.with_session(base, all_parts)
    await provider.close()
    await client.leave()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=12)
    options = parser.parse_args()
    gc.set_threshold(100_000, 20, 10)
    with mock_server.running() as base, tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measured(base, options.calls, options.rounds, Path(folder)))
    before = 0.0
    for side, each in found.items():
        print(f"{side:<20} {each:7.1f} µs a call   {each - before:+7.1f}")
        before = each


if __name__ == "__main__":
    main()
