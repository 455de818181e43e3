"""The CPU that the live page costs a run of 10,000 calls a minute while one browser listens.

    python benchmarks/live.py [--check] [--calls 2000] [--rounds 5]

Each run is a process of its own with a journal, against a server of its own whose answers take 0.2 s. Runs without and
with ``--live`` alternate. The CPU is that of all threads of the run's process, and the median of the pairs counts.
``--check`` fails where this is 5 % of a core or more. The
share of the run's own CPU is printed, too; it has no bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request
from dataclasses import replace
from pathlib import Path

import by_flow
import mock_server
from clock import Clock

from flowrun.runtime import RunOptions, run_async

MOST = 5.0
SECONDS = 0.2
WIDTH = 34
"""Calls at the same time, so that 10,000 take a minute."""
MODEL = f"concurrency: {WIDTH}, input_price: 1, output_price: 1, max_tokens: 20"


async def worked(base: str, folder: Path, calls: int, *, live: bool) -> dict[str, float]:
    """Run twice in this process: a small run that loads everything, and the one that counts."""
    flow = folder / "bench.flow"
    flow.write_text(by_flow.flow(by_flow.CALLS, MODEL))
    options = RunOptions(environ=by_flow.environ(base, folder), live=live)
    text = "A long note on the state of the handbook. " * 12
    for number, count in enumerate((WIDTH, calls)):
        prompts = [f"Say {n} of {number} s={SECONDS:g} {text}" for n in range(count)]
        with Clock() as clock:
            await run_async(flow, {"prompts": prompts}, options=replace(options, journal=folder / f"{number}.db"))
    return {**clock.taken, "rate": 60 * calls / clock.wall}


def measured(base: str, calls: int, *, live: bool) -> dict[str, float]:
    """Run in a process, and listen to its page as a browser does."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--work", base, folder, "--calls", str(calls)]
        command += ["--live"] if live else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            for line in process.stderr:
                if found := re.search(r"http://\S+", line):
                    threading.Thread(target=listen, args=(found[0],), daemon=True).start()
            return dict(json.loads(process.stdout.read()))


def listen(address: str) -> None:
    with urllib.request.urlopen(address) as page:
        page.read()
    with urllib.request.urlopen(address.replace("/?", "/events?")) as events:
        while events.read1(2**20):
            pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs=2, metavar=("BASE", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--live", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        base, folder = given.work
        print(json.dumps(asyncio.run(worked(base, Path(folder), given.calls, live=given.live))))
        return 0
    shares, costs = [], []
    with mock_server.running() as base:
        for turn in range(given.rounds):
            pair = {live: measured(base, given.calls, live=live) for live in ((False, True), (True, False))[turn % 2]}
            more = pair[True]["cpu"] - pair[False]["cpu"]
            shares.append(100 * more / pair[False]["cpu"])
            costs.append(100 * more / pair[True]["wall"])
            print(f"{pair[True]['rate']:7,.0f} calls/min  {pair[False]['cpu']:6.2f} s  {pair[True]['cpu']:6.2f} s")
    cost = statistics.median(costs)
    print(
        f"--live takes {cost:.1f} % of a core (bound {MOST:g} %): {statistics.median(shares):+.1f} % of the run's CPU"
    )
    return int(given.check and cost >= MOST)


if __name__ == "__main__":
    raise SystemExit(main())
