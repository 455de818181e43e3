"""The load of very many rows: one process, `--workers 2`, aiohttp by hand in one and two processes, and Ray.

    python benchmarks/cluster.py [rows] [limit] [wide] [resume] [--rows 1000000] [--calls 5000] [--ray 100000]

``rows`` sends rows from one file to another. ``limit`` sends calls of 100 ms from a flow that allows 100 at a time, and
prints the most that were in flight, as the server counts them. ``wide`` has 10,000 calls in flight in one process, and
a ticker of 10 ms measures by how much the loop is late. ``resume`` kills a run near its end, and resumes it. Memory is
private (`/proc/PID/smaps_rollup`), of each process. A side that is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import large_map
import mock_server
from clock import unserved
from watched import Watched, private, watched

LIMIT = 100
SECONDS = 0.1
TICK = 0.01
FLOW = """
model local = "openai:test" with concurrency: 100
type Row = { id: int, text: text }
flow each(rows: [Row]) {
  out = map row in rows { ask local "Say {{ row.text }}" } reduce collect
  return out
}
"""
WIDE = 'model local = "openai:test" with concurrency: WIDE\n' + (
    "type Row = { id: int, seconds: number } flow wide(rows: [Row]) { out = map row in rows { "
    'ask local "Say {{ row.id }} s={{ row.seconds }}" } reduce count return out }'
)
BY_HAND = """\
import asyncio, json, os, sys, aiohttp
part, parts, wide = map(int, sys.argv[1:])
async def main():
    url, places = os.environ["OPENAI_BASE_URL"] + "/chat/completions", asyncio.Semaphore(wide)
    rows = (json.loads(line) for number, line in enumerate(open("rows.jsonl")) if number % parts == part)
    out = open(f"out{part}.jsonl", "w")
    async def work(session):
        for row in rows:
            body = {"model": "test", "messages": [{"role": "user", "content": f"Say {row['text']}"}]}
            async with session.post(url, json=body) as reply:
                answer = (await reply.json())["choices"][0]["message"]["content"]
            out.write(json.dumps({"id": row["id"], "answer": answer}) + "\\n")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(work(session) for _ in range(wide)))
asyncio.run(main())
"""
BY_RAY = """\
import json, os, ray, requests
ray.init(num_cpus=2, log_to_driver=False, include_dashboard=False)
url, kept = os.environ["OPENAI_BASE_URL"] + "/chat/completions", []
@ray.remote(num_cpus=0.01)
def ask(row):
    body = {"model": "test", "messages": [{"role": "user", "content": f"Say {row['text']}"}]}
    answer = requests.post(url, json=body).json()["choices"][0]["message"]["content"]
    return {"id": row["id"], "answer": answer}
found = ray.get([ask.remote(json.loads(line)) for line in open("rows.jsonl")])
open("out.jsonl", "w").writelines(json.dumps(one) + "\\n" for one in found)
"""
COMMAND = ("-c", "from flowrun.runtime.cli import main; main()")
WORDS = ("each.flow", "--rows", "rows.jsonl", "--output", "out.jsonl", "--quiet")


def has_workers() -> bool:
    """Tell whether this version of flowrun spreads a run over processes."""
    from flowrun.runtime import RunOptions

    return "workers" in inspect.signature(RunOptions).parameters


def sides(wide: int) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the ways to do the work, each with its commands."""
    yield "flowrun", [[*COMMAND, *WORDS]]
    if has_workers():
        yield "flowrun --workers 2", [[*COMMAND, *WORDS, "--workers", "2"]]
    for parts in (1, 2):
        commands = [["-c", BY_HAND, str(part), str(parts), str(wide)] for part in range(parts)]
        yield f"aiohttp, {parts} process{'es' * (parts == 2)}", commands
    if find_spec("ray") is not None:
        yield "Ray tasks", [["-c", BY_RAY]]


def send(commands: list[list[str]], base: str, count: int, flow: str) -> Watched:
    """Send so many rows, and count the lines that come out."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        large_map.write_rows(folder, count)
        (folder / "each.flow").write_text(flow, encoding="utf-8")
        found = watched(commands, folder, large_map.environ_of(base))
        assert sum(sum(1 for _ in path.open()) for path in folder.glob("out*.jsonl")) == count
    return found


def rows(count: int, by_ray: int) -> None:
    for name, commands in sides(256):
        number = min(count, by_ray) if name == "Ray tasks" else count
        with mock_server.running() as base:
            found = send(commands, base, number, large_map.FLOW)
        memory = ", ".join(f"{one:.0f}" for one in found.memory)
        print(
            f"rows   {name:22} {number:,} rows: {number / found.seconds:,.0f} calls/s, "
            f"{found.cpu / number * 1e6:.0f} µs of CPU a call, {memory} MiB, "
            f"{found.late - found.early:+.1f} MiB in the second half",
            flush=True,
        )


def limit(count: int) -> None:
    best = count * SECONDS / LIMIT
    for name, commands in sides(LIMIT):
        with mock_server.started(seconds=SECONDS, queue=True) as server:
            found = send(commands, server.base, count, FLOW)
            account = server.account()
        took = max(account.served) + SECONDS
        print(
            f"limit  {name:22} {count:,} calls of {SECONDS * 1000:.0f} ms, {LIMIT} allowed: {account.most} in flight "
            f"at the most, {best / took:.2f} of the best rate, {len(account.served):,} answers paid, "
            f"{found.seconds:.1f} s in all",
            flush=True,
        )


def wide_run(base: str, wide: int, seconds: float) -> dict[str, float]:
    """Have so many calls in flight, in this process. The lag counts once they are all open.

    A call takes ``seconds`` on average, from half of it to one and a half.
    """
    from flowrun.runtime import RunOptions, run_async

    mock_server.allow_all_descriptors()
    late: list[tuple[float, float]] = []
    draw = random.Random(1)
    rows = [{"id": n, "seconds": round(seconds * draw.uniform(0.5, 1.5), 3)} for n in range(3 * wide)]
    size = 0.0

    async def tick() -> None:
        while True:
            begin, lost = time.perf_counter(), unserved()
            await asyncio.sleep(TICK)
            # Other programs of this machine are not what makes the loop late.
            late.append((begin, time.perf_counter() - begin - TICK - (unserved() - lost)))

    async def main(folder: Path) -> float:
        path = folder / "wide.flow"
        path.write_text(WIDE.replace("WIDE", str(wide)), encoding="utf-8")
        ticker = asyncio.get_running_loop().create_task(tick())
        environ = {"OPENAI_BASE_URL": base, "OPENAI_API_KEY": "none", "FLOWRUN_CACHE": str(folder / "cache")}
        began = time.perf_counter()
        options = RunOptions(environ=environ, journal=folder / "journal.db")
        result = await run_async(path, {"rows": rows}, options=options)
        ticker.cancel()
        assert result.value == 3 * wide, result.failures
        return began

    def watch(pid: int) -> None:
        nonlocal size
        while not done:
            size = max(size, private(pid))
            time.sleep(0.2)

    import threading

    done = False
    watcher = threading.Thread(target=watch, args=(os.getpid(),))
    watcher.start()
    try:
        with tempfile.TemporaryDirectory() as made:
            began = asyncio.run(main(Path(made)))
    finally:
        done = True
        watcher.join()
    ended = time.perf_counter()
    # The first of three rounds of calls opens the connections: that is the ramp.
    calm = sorted(lag for begin, lag in late if begin > began + (ended - began) / 3)
    return {"memory": size, "p99": calm[int(0.99 * len(calm))], "most": calm[-1], "seconds": ended - began}


def wide(width: int, seconds: float) -> None:
    with mock_server.started(queue=True) as server:
        command = [sys.executable, __file__, "--inside", server.base, "--width", str(width), "--seconds", str(seconds)]
        told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        account = server.account()
    found = json.loads(told)
    print(
        f"wide   {account.most:,} calls in flight: {found['memory']:.0f} MiB, the loop is late by "
        f"{found['p99'] * 1000:.0f} ms at p99 "
        f"and by {found['most'] * 1000:.0f} ms at the most, {found['seconds']:.0f} s",
        flush=True,
    )


def resume(count: int) -> None:
    """Kill a run when nearly all rows are answered. Time the resume to its first line, beside a start from nothing."""
    with tempfile.TemporaryDirectory() as made, closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        # The answers of a run belong to the address of its server.
        port = one.getsockname()[1]
        one.close()
        folder = Path(made)
        large_map.write_rows(folder, count)
        with mock_server.running(port=port) as base:
            part, words = folder / "out.jsonl.part", [sys.executable, *COMMAND]
            environ = large_map.environ_of(base)
            end = 0.9 * count * len(json.dumps({"id": count // 2, "answer": "yes"}))
            first = _until([*words, *WORDS], folder, environ, part, 0)[0]
            shutil.rmtree(folder / "journal.db", ignore_errors=True)
            for path in folder.glob("journal.db*"):
                path.unlink()
            _until([*words, *WORDS], folder, environ, part, end)
            again = [*words, "resume", "last", "--output", "out.jsonl", "--quiet"]
            later, memory = _until(again, folder, environ, part, 0)
    print(
        f"resume {count:,} rows, nine tenths of them answered: {later - first:.1f} s over a start, to the first line; "
        f"{memory:.0f} MiB by then",
        flush=True,
    )


def _until(command: list[str], folder: Path, environ: dict[str, str], part: Path, size: float) -> tuple[float, float]:
    """Run a command until a file is larger than ``size``, and kill it. Return the seconds, and its private MiB."""
    part.unlink(missing_ok=True)
    began, held = time.perf_counter(), 0.0
    with subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL) as process:
        while not (part.exists() and part.stat().st_size > size):
            assert process.poll() is None
            held = max(held, private(process.pid))
            time.sleep(0.005)
        took = time.perf_counter() - began
        process.send_signal(signal.SIGKILL)
    return took, held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="rows, limit, wide, resume; all of them if none")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--ray", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        print(json.dumps(wide_run(given.inside, given.width, given.seconds)))
        return
    parts: dict[str, Any] = {
        "rows": lambda: rows(given.rows, given.ray),
        "limit": lambda: limit(given.calls),
        "wide": lambda: wide(given.width, given.seconds),
        "resume": lambda: resume(given.rows),
    }
    for part in given.parts or parts:
        parts[part]()


if __name__ == "__main__":
    main()
