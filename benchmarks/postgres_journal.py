"""The rows a second of a journal in PostgreSQL beside one in a file, and the time that each takes to be read.

    python benchmarks/postgres_journal.py [--rows 100000] [--waiters 200] [--answers 200000] [--url URL]
    python benchmarks/postgres_journal.py --drivers 8 [--rounds 3]

Each waiter writes an intent, waits until it is on the disk, and writes its answer. Without a URL the server comes from
the packages of the system, syncs each commit, and is removed afterwards. The database of a URL must be empty. With
`--drivers` so many processes, with their part of the waiters, write into one database. Their rows a second are divided
by those of one process with all waiters, and by those of as many processes with a database each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from flowrun.runtime.journal.address import place_of
from flowrun.runtime.journal.opening import open_journal
from flowrun.runtime.journal.records import Kind, LogRecord

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.postgres_server import lacking, server

HEAD = {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0}
INTENT = {"model": "openai:test", "bytes": 300, "max": None, "key": "a" * 24, "of": 1, "most": 400, "at": 1}
ANSWER = {"text": "x" * 100, "finish": "stop", "in": 100, "out": 20, "from": 1, "to": 2}
_AT_ONCE = 5_000


def call(run: int, number: int) -> list[LogRecord]:
    key, at = number.to_bytes(16, "big"), f"out[{number}].answer"
    return [LogRecord(run, Kind.INTENT, INTENT, key, at), LogRecord(run, Kind.ANSWER, ANSWER, key, at)]


async def written(place: Path, rows: int, waiters: int) -> float:
    """Write so many rows by many that wait for each, and return the rows a second."""
    with closing(open_journal(place)) as journal:
        run = await journal.append([LogRecord(0, Kind.RUN, HEAD)])
        journal.begin(run)
        numbers = iter(range(rows // 2))

        async def waiter() -> None:
            for number in numbers:
                for record in call(run, number):
                    await journal.append([record])

        began = time.perf_counter()
        await asyncio.gather(*(waiter() for _ in range(waiters)))
        return rows / (time.perf_counter() - began)


async def filled(place: Path, answers: int) -> None:
    with closing(open_journal(place)) as journal:
        run = await journal.append([LogRecord(0, Kind.RUN, {**HEAD, "id": "r2"})])
        for first in range(0, answers, _AT_ONCE):
            last = min(first + _AT_ONCE, answers)
            await journal.append([row for number in range(first, last) for row in call(run, 10**9 + number)])


def resumed(place: Path) -> tuple[float, float, int]:
    """Open a journal, count the past of its largest run, and read each answer. Return the seconds of each part."""
    began = time.perf_counter()
    with closing(open_journal(place, past=True)) as journal:
        run = max(journal.index.runs.values(), key=lambda one: one.answers)
        journal.past(run.number)
        opened = time.perf_counter()
        for key in journal.index.paid:
            journal.body(journal.index.paid.first(key).number)
        return opened - began, time.perf_counter() - opened, journal.index.paid.count


def write_side(url: str, rows: int, waiters: int) -> None:
    """Write rows when a line comes on the standard input, and print when that began and ended."""
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    asyncio.run(written(place_of(url), rows, waiters))
    print(json.dumps([began, time.monotonic()]), flush=True)


def together(urls: list[str], rows: int, waiters: int) -> float:
    """Let a process write for each URL, all at the same time, and return the rows a second of all of them."""
    sides = []
    for url in urls:
        words = [sys.executable, __file__, "--side", "--url", url]
        words += ["--rows", str(rows // len(urls)), "--waiters", str(waiters // len(urls))]
        sides.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for one in sides:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in sides:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    times: list[tuple[float, float]] = [json.loads(one.communicate()[0]) for one in sides]
    return rows / (max(end for _, end in times) - min(begin for begin, _ in times))


def drivers(number: int, rows: int, waiters: int, rounds: int) -> None:
    """Compare many processes in one database with one process, and with many databases."""
    to_one, to_apart = [], []
    with server(durable=True, shared_buffers="256MB", max_connections="200") as started:
        for at in range(rounds):
            alone = together([started.make_database(f"alone{at}")], rows, waiters)
            shared = together([started.make_database(f"shared{at}")] * number, rows, waiters)
            apart = together([started.make_database(f"apart{at}of{one}") for one in range(number)], rows, waiters)
            to_one.append(shared / alone)
            to_apart.append(apart / shared)
            print(f"rows/s: one {alone:,.0f}, {number} in one database {shared:,.0f}, apart {apart:,.0f}", flush=True)
    print(f"{number} in one database make {median(to_one):.2f} times the rows of one")
    print(f"{number} with a database each make {median(to_apart):.2f} times the rows of {number} in one database")


@contextmanager
def places(url: str) -> Iterator[dict[str, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        file = {"file": Path(folder) / "journal.db"}
        if url:
            yield {**file, "postgresql": place_of(url)}
        elif why := lacking():
            print(why)
            yield file
        else:
            with server(durable=True, shared_buffers="256MB") as started:
                yield {**file, "postgresql": place_of(started.make_database("bench"))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--waiters", type=int, default=200)
    parser.add_argument("--answers", type=int, default=200_000)
    parser.add_argument("--url", default="", help="The URL of an empty database.")
    parser.add_argument("--drivers", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        write_side(given.url, given.rows, given.waiters)
        return
    if given.drivers:
        print(lacking() or f"{given.waiters} waiters in all", flush=True)
        if not lacking():
            drivers(given.drivers, given.rows, given.waiters, given.rounds)
        return
    with places(given.url) as found:
        for name, place in found.items():
            rate = asyncio.run(written(place, given.rows, given.waiters))
            print(f"{name:<11} {rate:9,.0f} rows/s with {given.waiters} waiters", flush=True)
        for name, place in found.items():
            asyncio.run(filled(place, given.answers))
            opened, read, count = resumed(place)
            print(f"{name:<11} {opened:6.2f} s to open {count:,} answers, {read:6.2f} s to read them", flush=True)
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB at the most")


if __name__ == "__main__":
    main()
