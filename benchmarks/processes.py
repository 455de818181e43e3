"""A run with two worker processes beside one process, and the same gain by hand: `python benchmarks/processes.py`.

The yardstick is asyncio and aiohttp, in one process and in two that share the prompts. All four sides ask the same
local server, one after another in each round, and the medians of the rounds count. Times begin when imports, and the
start of the processes, are over. A further part has `concurrency: 100` and calls of 0.1 s, or of `--call-seconds`. It
compares the time with the ideal, in which all 100 places are always in use and nothing takes time but the model, and
with two processes by hand of 50 requests each. It prints the most requests that the server had at once. With
`--limited` only this part runs.

    python benchmarks/processes.py [--calls 6000] [--rounds 3] [--seconds 0]
    python benchmarks/processes.py --limited [--limited-calls 3000] [--rounds 3] [--call-seconds 0.1]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import by_flow
import by_hand
from clock import peak
from mock_server import allow_all_descriptors, running, started

WIDE = 256
"""The requests in flight of each side by hand, all processes together."""
LIMIT = 100
"""The same under a limit."""


def prompts(count: int, seconds: float, tag: str) -> list[str]:
    return [f"Say {n} of {tag} s={seconds:g}" for n in range(count)]


def hand(base: str, asked: list[str], wide: int) -> dict[str, float]:
    """A process by hand. It begins when a line comes on its standard input."""
    allow_all_descriptors()

    async def work() -> float:
        await by_hand.all_at_once(base, ["Say s=0"])
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        began = time.perf_counter()
        await by_hand.by_workers(base, asked, wide)
        return time.perf_counter() - began

    return {"seconds": asyncio.run(work()), "peak": peak()}


def flow(base: str, asked: list[str], workers: int, options: str, folder: Path) -> dict[str, Any]:
    """A run of a flow with its journal, from its beginning to its end, without the start of the processes."""
    from flowrun import RunOptions, run_async
    from flowrun.runtime.workers import beginning

    # The clock starts when the workers are ready, so the driver does nothing in their place before.
    beginning.MOST_HERE = 0
    allow_all_descriptors()
    path = by_flow.written(folder, by_flow.flow(by_flow.CALLS, options))

    async def work() -> dict[str, Any]:
        environ = by_flow.environ(base, folder)
        began = time.perf_counter()
        given = RunOptions(environ=environ, journal=folder / "journal.db", workers=workers)
        result = await run_async(path, {"prompts": asked}, options=given)
        assert result.ok, result.failures
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        whole = time.perf_counter() - began
        return {"seconds": result.summary.seconds, "whole": whole, "peak": peak(), "worker": children}

    return asyncio.run(work())


def side(
    name: str, base: str, count: int, seconds: float, tag: str, workers: int, options: str, wide: int = WIDE
) -> dict[str, Any]:
    """Measure one side in processes of its own. By hand, all together have ``wide`` requests in flight."""
    asked = prompts(count, seconds, tag)
    if name == "flow":
        with tempfile.TemporaryDirectory() as folder:
            given = {"base": base, "asked": asked, "workers": workers, "options": options, "folder": folder}
            command = [sys.executable, __file__, "--side", "flow"]
            done = subprocess.run(command, input=json.dumps(given) + "\n", text=True, capture_output=True, check=True)
            return dict(json.loads(done.stdout))
    parts = [asked[at::workers] for at in range(workers)]
    sides = []
    for part in parts:
        command = [sys.executable, __file__, "--side", "hand"]
        one = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert one.stdin is not None
        one.stdin.write(json.dumps({"base": base, "asked": part, "wide": wide // workers}) + "\n")
        one.stdin.flush()
        sides.append(one)
    for one in sides:
        assert one.stdout is not None
        one.stdout.readline()
    for one in sides:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    found = [json.loads(one.communicate()[0]) for one in sides]
    return {"seconds": max(one["seconds"] for one in found), "peak": max(one["peak"] for one in found)}


def measured(calls: int, rounds: int, seconds: float) -> None:
    options = f"concurrency: {WIDE}"
    sides = {"by hand, 1": ("hand", 1), "by hand, 2": ("hand", 2), "flowrun, 1": ("flow", 0), "flowrun, 2": ("flow", 2)}
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
    with running() as base:
        for number in range(rounds):
            for name, (kind, workers) in sides.items():
                taken[name].append(side(kind, base, calls, seconds, str(number), workers, options))
    times = {name: statistics.median(one["seconds"] for one in found) for name, found in taken.items()}
    for name, found in taken.items():
        print(f"{name:12} {calls / times[name]:7,.0f} calls a second, {max(one['peak'] for one in found):.0f} MiB")
    by_hand_gain = statistics.median(
        one["seconds"] / two["seconds"] for one, two in zip(taken["by hand, 1"], taken["by hand, 2"], strict=True)
    )
    gain = statistics.median(
        one["seconds"] / two["seconds"] for one, two in zip(taken["flowrun, 1"], taken["flowrun, 2"], strict=True)
    )
    print(f"two processes gain {by_hand_gain:.2f} by hand and {gain:.2f} as workers: {gain / by_hand_gain:.2f} of it")
    start = statistics.median(one["whole"] - one["seconds"] for one in taken["flowrun, 2"])
    most = max(one["worker"] for one in taken["flowrun, 2"])
    print(f"the start of a run with two workers takes {start:.2f} s; a worker takes at most {most:.0f} MiB")


def limited(calls: int, rounds: int, seconds: float) -> None:
    """Measure the throughput under a limit, and the most requests that the server has at once."""
    shares: dict[str, list[float]] = {"flow": [], "hand": []}
    most = 0
    with started(queue=True, steps=[(0, 1 << 20)]) as server:
        for number in range(rounds):
            for name, found in shares.items():
                one = side(name, server.base, calls, seconds, f"limited {number}", 2, f"concurrency: {LIMIT}", LIMIT)
                found.append(calls / LIMIT * seconds / one["seconds"])
                account = server.account()
                most = max(most, account.most) if name == "flow" else most
    flow, hand = (statistics.median(found) for found in shares.values())
    beside = statistics.median(one / other for one, other in zip(*shares.values(), strict=True))
    print(f"concurrency {LIMIT}, {seconds:g} s: at most {most} at once, {flow:.3f} of the ideal throughput")
    print(f"two processes by hand, {LIMIT // 2} each: {hand:.3f} of it; workers reach {beside:.3f} of theirs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--limited", action="store_true")
    parser.add_argument("--limited-calls", type=int, default=3000)
    parser.add_argument("--call-seconds", type=float, default=0.1)
    parser.add_argument("--side")
    given = parser.parse_args()
    if given.side is None:
        if not given.limited:
            measured(given.calls, given.rounds, given.seconds)
        limited(given.limited_calls, given.rounds, given.call_seconds)
        return
    told = json.loads(sys.stdin.readline())
    if given.side == "hand":
        print(json.dumps(hand(**told)))
    else:
        print(json.dumps(flow(**{**told, "folder": Path(told["folder"])})))


if __name__ == "__main__":
    main()
