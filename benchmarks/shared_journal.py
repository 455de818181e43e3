"""The calls a second of processes that share a journal, beside those of one process with as many calls.

    python benchmarks/shared_journal.py [--processes 8] [--calls 12000] [--wide 64] [--rounds 3]

The server answers at once. Imports and a first small run, with a journal of its own, are over before the clock starts.
The last line has the ratio; the processes together should make at least 0.8 times the calls of one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import by_flow
from mock_server import running as serving

from flowrun.runtime import RunOptions, run_async


async def one(base: str, folder: Path, journal: Path, number: int, calls: int, wide: int) -> None:
    """Run the calls of a process when it is told to, and print when they began and ended."""
    flow = folder / "bench.flow"
    flow.write_text(by_flow.flow(by_flow.CALLS, f"concurrency: {wide}"), encoding="utf-8")

    async def run(named: str, count: int, kept: Path) -> None:
        prompts = [f"Say {at} of {named}" for at in range(count)]
        result = await run_async(
            flow, {"prompts": prompts}, options=RunOptions(environ=by_flow.environ(base, folder), journal=kept)
        )
        assert result.value == count, result

    await run("the first", 20, folder / "first.db")
    print("ready", flush=True)
    sys.stdin.readline()
    began, used = time.monotonic(), time.process_time()
    await run(str(number), calls, journal)
    print(json.dumps([began, time.monotonic(), time.process_time() - used]), flush=True)


def together(base: str, folder: Path, processes: int, calls: int, wide: int, name: str) -> tuple[float, float]:
    """Run processes that share a journal. Return the calls a second of all of them, and the CPU of a call in ms."""
    running = []
    for number in range(processes):
        own = folder / f"{name}.{number}"
        own.mkdir()
        words = [base, str(own), str(folder / f"{name}.db"), str(number), str(calls // processes)]
        command = [sys.executable, __file__, "--one", *words, str(wide)]
        running.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    times = list[tuple[float, float, float]]()
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        assert process.stdout is not None
        times.append(json.loads(process.stdout.readline()))
        process.communicate()
    begins, ends, used = zip(*times, strict=True)
    return calls / (max(ends) - min(begins)), sum(used) / calls * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--calls", type=int, default=12_000)
    parser.add_argument("--wide", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", nargs=6, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        base, folder, journal, number, calls, wide = given.one
        asyncio.run(one(base, Path(folder), Path(journal), int(number), int(calls), int(wide)))
        return
    ratios = []
    with tempfile.TemporaryDirectory() as made, serving() as base:
        folder = Path(made)
        for at in range(given.rounds):
            alone = together(base, folder, 1, given.calls, given.wide, f"alone{at}")
            shared = together(base, folder, given.processes, given.calls, given.wide, f"shared{at}")
            ratios.append(shared[0] / alone[0])
            for name, (rate, used) in (("one", alone), (f"{given.processes} together", shared)):
                print(f"{name}: {rate:,.0f} calls/s, {used:.2f} ms of CPU a call", flush=True)
    print(f"ratio: {median(ratios):.2f}")


if __name__ == "__main__":
    main()
