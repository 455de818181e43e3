"""One measurement in a process of its own: `python benchmarks/workers.py SIDE WORK …` prints it as JSON.

Imports, and a first small run, are over before the clock starts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import by_flow
import by_hand
from mock_server import MEDIAN, SIGMA


def drawn(count: int) -> list[tuple[float, float]]:
    """Seconds of two calls for each element, always the same."""
    draw = random.Random(7)
    times = [MEDIAN * math.exp(draw.gauss(0, SIGMA)) for _ in range(2 * count)]
    return list(zip(times[::2], times[1::2], strict=True))


def rss() -> float:
    """MiB that this process holds at the moment."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Clock:
    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> Clock:
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self.wall = time.perf_counter() - self._began[0]
        self.cpu = time.process_time() - self._began[1]


def timed(run: Callable[[], Awaitable[Any]], warm: Callable[[], Awaitable[Any]]) -> dict[str, float]:
    with asyncio.Runner() as runner:
        runner.run(_awaited(warm))
        before = rss()
        with Clock() as clock:
            runner.run(_awaited(run))
        return {"wall": clock.wall, "cpu": clock.cpu, "before": before, "after": rss(), "peak": peak()}


async def _awaited(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


def calls(side: str, base: str, count: int, seconds: float, wide: int) -> dict[str, float]:
    """So many calls of so many seconds. ``wide`` at once, or all where that is as many."""
    prompts = [f"Say {n} s={seconds:g}" for n in range(count)]
    few = [f"Say {n} s=0" for n in range(50)]
    if side == "by hand":
        whole = wide >= count
        return timed(
            lambda: by_hand.all_at_once(base, prompts) if whole else by_hand.by_workers(base, prompts, wide),
            lambda: by_hand.by_workers(base, few, 8),
        )
    if side == "threads":
        by_hand.by_threads(base, few, 8)
        with Clock() as clock:
            by_hand.by_threads(base, prompts, min(wide, 256))
        return {"wall": clock.wall, "cpu": clock.cpu}
    if side.startswith("flowrun"):
        plan = by_flow.planned(by_flow.CALLS.format(wide=wide))
        with tempfile.TemporaryDirectory() as folder:
            journal = Path(folder) / "journal.db" if "journal" in side else None
            return timed(
                lambda: by_flow.run(plan, base, {"prompts": prompts}, journal=journal),
                lambda: by_flow.run(plan, base, {"prompts": few}, journal=journal),
            )
    import peers

    return timed(lambda: peers.run(side, base, prompts, wide), lambda: peers.run(side, base, few, wide))


def votes(side: str, base: str, count: int, seconds: float) -> dict[str, float]:
    """So many votes of five samples, all at once; each sample is a request of its own by hand."""
    prompts = [f"Vote {n} s={seconds:g}" for n in range(count)]
    if side == "by hand":
        samples = [prompt for prompt in prompts for _ in range(5)]
        return timed(lambda: by_hand.all_at_once(base, samples), lambda: by_hand.by_workers(base, ["Vote s=0"] * 50, 8))
    plan = by_flow.planned(by_flow.VOTES.format(wide=5 * count))
    return timed(
        lambda: by_flow.run(plan, base, {"prompts": prompts}),
        lambda: by_flow.run(plan, base, {"prompts": ["Vote s=0"] * 10}),
    )


def chained(side: str, base: str, count: int) -> dict[str, float]:
    """Two maps, one behind the other. ``least`` is the slowest element's own time: nothing can be faster."""
    times = drawn(count)
    pairs = [(f"First {n} s={a:.4f}", f"Second {n} s={b:.4f}") for n, (a, b) in enumerate(times)]
    few = [("First s=0", "Second s=0")] * 20
    least = max(a + b for a, b in times)
    if side == "flowrun":
        plan = by_flow.planned(by_flow.CHAINED.format(wide=2 * count))

        def rows(of: list[tuple[str, str]]) -> dict[str, Any]:
            return {"pairs": [{"first": first, "second": second} for first, second in of]}

        found = timed(lambda: by_flow.run(plan, base, rows(pairs)), lambda: by_flow.run(plan, base, rows(few)))
    else:
        barrier = side == "a barrier"
        found = timed(
            lambda: by_hand.chained(base, pairs, barrier=barrier), lambda: by_hand.chained(base, few, barrier=barrier)
        )
    return {**found, "least": least}


def tail(side: str, base: str, rounds: int) -> dict[str, Any]:
    """Fan-outs of 50 calls with log-normal times, ten at a time; ``side`` is the option."""
    hedge = "" if side == "plain" else f" with hedge: {side}"
    plan = by_flow.planned(by_flow.TAIL.format(hedge=hedge))
    inputs = {"prompts": [f"Say {n} s=tail" for n in range(50)]}

    async def one() -> tuple[float, int]:
        with Clock() as clock:
            result = await by_flow.result_of(plan, base, inputs)
        return clock.wall, result.summary.hedged

    async def all_rounds() -> list[tuple[float, int]]:
        from flowrun.runtime.providers.http import HttpClient

        # Connections stay open between fan-outs: what counts here is how long the server takes.
        client = HttpClient.join()
        await asyncio.gather(*(one() for _ in range(10)))
        # They wait nearly all of the time, and do not mind each other.
        found = [found for _ in range(rounds // 10) for found in await asyncio.gather(*(one() for _ in range(10)))]
        await client.leave()
        return found

    found = asyncio.run(all_rounds())
    return {"walls": [wall for wall, _ in found], "extra": sum(twice for _, twice in found) / (50 * len(found))}


def nodes(side: str, count: int) -> dict[str, float]:
    """Steps without a call: 250 diamonds in a chain, or the elements of a map."""
    if side.startswith("LangGraph"):
        import peers

        graph = peers.diamonds_langgraph(count)
        config = {"recursion_limit": 10 * count}
        graph.invoke({"values": []}, config)
        with Clock() as clock:
            graph.invoke({"values": []}, config)
        return {"cpu": clock.cpu, "nodes": 3 * count + 1}
    diamonds = side == "diamonds"
    plan = by_flow.planned(by_flow.diamonds(count) if diamonds else by_flow.ELEMENTS)
    inputs: dict[str, Any] = {"start": 1} if diamonds else {"numbers": list(range(count))}
    found = timed(
        lambda: by_flow.run(plan, "http://127.0.0.1:9", inputs), lambda: by_flow.run(plan, "http://127.0.0.1:9", inputs)
    )
    return {**found, "nodes": 3 * count + 1 if diamonds else count}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=["calls", "votes", "chained", "tail", "nodes"])
    parser.add_argument("side")
    parser.add_argument("--base", default="")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--wide", type=int, default=256)
    given = parser.parse_args()
    match given.work:
        case "calls":
            found: dict[str, Any] = calls(given.side, given.base, given.count, given.seconds, given.wide)
        case "votes":
            found = votes(given.side, given.base, given.count, given.seconds)
        case "chained":
            found = chained(given.side, given.base, given.count)
        case "tail":
            found = tail(given.side, given.base, given.count)
        case _:
            found = nodes(given.side, given.count)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
