"""The command on a file of very many rows: what it takes of the memory while it goes through them, and CPU for a row.

    python benchmarks/large_map.py [--rows 1000000]
    python benchmarks/large_map.py --cpu [--rows 100000] [--rounds 3]

With --cpu a script of twelve lines, which reads and writes the same files with aiohttp and keeps no journal, runs in
turn with the command.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import mock_server

FLOW = """
model local = "openai:test" with concurrency: 256
type Row = { id: int, text: text }
flow each(rows: [Row]) budget 2000000 calls {
  out = map row in rows {
    answer = ask local "Say {{ row.text }}"
    { id: row.id, answer }
  } reduce collect
  return out
}
"""

BY_HAND = """\
import asyncio, json, os, aiohttp
async def main():
    url, out, places = os.environ["OPENAI_BASE_URL"] + "/chat/completions", {}, asyncio.Semaphore(256)
    async def ask(session, row):
        async with places:
            body = {"model": "test", "messages": [{"role": "user", "content": f"Say {row['text']}"}]}
            async with session.post(url, json=body) as reply:
                out[row["id"]] = (await reply.json())["choices"][0]["message"]["content"]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(ask(session, json.loads(line)) for line in open("rows.jsonl")))
    open("out.jsonl", "w").writelines(json.dumps({"id": n, "answer": out[n]}) + "\\n" for n in sorted(out))
asyncio.run(main())
"""
_COMMAND = "from flowrun.runtime.cli import main; main()"
_WORDS = ("each.flow", "--rows", "rows.jsonl", "--output", "out.jsonl", "--quiet")


@dataclass(frozen=True)
class Taken:
    """MiB at the most, and by how much more after the first tenth of the rows; seconds in all."""

    peak: float
    grown: float
    seconds: float


def run(base: str, count: int) -> Taken:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_rows(folder, count)
        command = [sys.executable, "-c", _COMMAND, *_WORDS]
        environ = environ_of(base)
        began = time.perf_counter()
        part, highest, before = folder / "out.jsonl.part", 0.0, 0.0
        with subprocess.Popen(command, cwd=folder, env=environ) as process:
            size = 0
            while process.poll() is None:
                held = _held(process.pid)
                highest = max(highest, held)
                written = part.stat().st_size if part.exists() else size
                size = max(size, written)
                if size < count * _line(count) / 10:
                    before = highest
                time.sleep(0.05)
        assert process.returncode == 0
        with (folder / "out.jsonl").open() as file:
            assert sum(1 for _ in file) == count
        return Taken(highest, highest - before, time.perf_counter() - began)


def write_rows(folder: Path, count: int) -> None:
    """Write the flow and its rows."""
    (folder / "each.flow").write_text(FLOW, encoding="utf-8")
    with (folder / "rows.jsonl").open("w") as file:
        for number in range(count):
            file.write(json.dumps({"id": number, "text": f"row {number}, about as long as a subject"}) + "\n")


def environ_of(base: str) -> dict[str, str]:
    # A user's Python keeps the modules that it has compiled.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "OPENAI_BASE_URL": base, "OPENAI_API_KEY": "none", "FLOWRUN_JOURNAL": "journal.db"}


def cpu(base: str, count: int, *words: str) -> float:
    """Return the CPU of a Python process for each row, in microseconds, without the CPU that it takes for one row."""
    seconds = []
    for rows in (1, count):
        with tempfile.TemporaryDirectory() as made:
            write_rows(Path(made), rows)
            with subprocess.Popen([sys.executable, "-c", *words], cwd=made, env=environ_of(base)) as process:
                _, status, used = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0
            with (Path(made) / "out.jsonl").open() as file:
                assert sum(1 for _ in file) == rows
        seconds.append(used.ru_utime + used.ru_stime)
    return (seconds[1] - seconds[0]) / (count - 1) * 1e6


def _line(count: int) -> float:
    """Bytes of a line of the output, about."""
    return len(json.dumps({"id": count, "answer": "yes"})) + 1


def _held(pid: int) -> float:
    """MiB that a process holds; 0 for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    except (OSError, IndexError):
        return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with mock_server.running() as base:
        if given.cpu:
            count = given.rows or 100_000
            rounds = [(cpu(base, count, _COMMAND, *_WORDS), cpu(base, count, BY_HAND)) for _ in range(given.rounds)]
            ours, by_hand = (statistics.median(column) for column in zip(*rounds, strict=True))
            print(f"{ours:.0f} µs of CPU for a row with the journal; by hand, without one, {by_hand:.0f} µs")
            return
        found = run(base, given.rows or 1_000_000)
    print(f"{found.peak:.0f} MiB at the most, {found.grown:.1f} MiB more after the first tenth, {found.seconds:.0f} s")


if __name__ == "__main__":
    main()
