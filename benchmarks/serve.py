"""The CPU and the memory of `flowrun serve` for many runs in one process.

    python benchmarks/serve.py [--runs 1000] [--at-once 50] [--calls 4]

The server runs a flow of ``--calls`` calls against a model server in another process, at most ``--at-once`` runs at a
time. It prints the CPU of the server for each run, and its memory after each tenth of the runs. The figures need Linux
(/proc). The same inputs are never sent twice, so each call is paid, and its answer goes into the journal.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import aiohttp

from support.model_server import model_server
from support.served import environment, serving


def cpu_of(process: int) -> float:
    """Return the seconds of CPU of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(process: int) -> float:
    """Return the resident memory of a process in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def measure(runs: int, at_once: int, calls: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with model_server(folder / "log", seconds=0.02) as models:
            environ = environment(folder, models.url)
            with serving(folder, environ, "--max-runs", str(at_once), python=[sys.executable]) as server:
                process, gate = server.process.pid, asyncio.Semaphore(at_once)
                part, wrong = max(1, runs // 10), 0

                async def one(client: aiohttp.ClientSession, at: int) -> None:
                    nonlocal wrong
                    body = {"texts": [f"{at} {call}" for call in range(calls)]}
                    async with gate, client.post("/flows/each", json=body) as got:
                        found = await got.json()
                        wrong += got.status != 200 or len(set(found["value"])) != calls

                print(f"at the start: {memory_of(process):.0f} MB")
                whole, began = cpu_of(process), time.monotonic()
                async with server.client() as client:
                    for first in range(0, runs, part):
                        before = cpu_of(process)
                        await asyncio.gather(*(one(client, at) for at in range(first, first + part)))
                        spent = (cpu_of(process) - before) / part * 1000
                        print(f"{first + part:6,} runs: {memory_of(process):.0f} MB, {spent:.1f} ms of CPU a run")
                seconds, spent = time.monotonic() - began, cpu_of(process) - whole
                print(
                    f"{runs:,} runs of {calls} calls, {at_once} at once: {spent / runs * 1000:.1f} ms of CPU a run, "
                    f"{runs / seconds:.0f} runs a second, {wrong} wrong, {models.answers():,} answers"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--calls", type=int, default=4)
    given = parser.parse_args()
    asyncio.run(measure(given.runs, given.at_once, given.calls))


if __name__ == "__main__":
    main()
