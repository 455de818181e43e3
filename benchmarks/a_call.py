"""The cost of a call: CPU of flowrun, bytes in the journal, and what a kept answer takes when a journal is opened.

    python benchmarks/a_call.py [--calls 6000] [--prompt 6000] [--answer 800] [--answers 200000]

The figures are CPU and bytes, so a busy machine changes them little. Each side has a process and a journal of its own.
The prompts and the answers have as many characters as it is told. PostgreSQL comes from the packages of the system;
without it the script says so, and measures the file alone. `benchmarks/day.py` reckons with these figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import by_flow
from clock import rss
from mock_server import running

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.postgres_server import PostgresServer, lacking, server

_WIDE = 64
_TICK = os.sysconf("SC_CLK_TCK")
_CHILDREN = slice(11, 15)
"""The fields of /proc/PID/stat behind the name: CPU of a process and of its children that have ended, in ticks."""
FLOW = """
model local = "openai:test" with concurrency: WIDE
type Row = { text: text }
flow bench(rows: [Row]) budget 9000000 calls {
  answers = map row in rows { ask local "{{ row.text }}" } reduce collect
  return answers
}
"""


def cpu_of(processes: list[int]) -> float:
    """Seconds of CPU that processes have taken, and those of their children that have ended."""
    found = 0.0
    for pid in processes:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found += sum(int(one) for one in fields[_CHILDREN]) / _TICK
    return found


def server_cpu(started: PostgresServer) -> float:
    """Seconds of CPU of a server of PostgreSQL, with the processes that it has started."""
    assert started.process is not None
    main = started.process.pid
    return cpu_of([main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())])


def run_side(given: dict[str, Any]) -> dict[str, float]:
    """Run the command from file to file with the journal at this place, and return the CPU of its processes."""
    from flowrun.runtime.cli import main as command

    folder = Path(given["folder"])
    path = by_flow.written(folder, FLOW.replace("WIDE", str(_WIDE)))
    os.environ.update(by_flow.environ(given["base"], folder))

    def run(rows: str, kept: str) -> None:
        sys.argv = ["flowrun", str(path), "--rows", rows, "--output", str(folder / "out.jsonl"), "--journal", kept]
        sys.argv += ["--workers", str(given["workers"]), "--quiet"] if given["workers"] else ["--quiet"]
        try:
            command()
        except SystemExit as end:
            assert not end.code, end.code

    # A first small run has imported all that the second one needs, and its workers take what all workers take to start.
    first = folder / "first.jsonl"
    first.write_text("".join(f'{{"text": "Say {number}"}}\n' for number in range(20)))
    run(str(first), str(folder / "first.db"))
    began, start = time.process_time(), _children()
    run(given["rows"], given["journal"])
    return {"driver": time.process_time() - began, "workers": _children() - 2 * start}


def open_side(given: dict[str, Any]) -> dict[str, float]:
    """Fill a journal, or open it and return what that takes."""
    from postgres_journal import filled

    from flowrun.runtime.journal.address import place_of
    from flowrun.runtime.journal.opening import open_journal

    place = place_of(given["journal"])
    if given["fill"]:
        asyncio.run(filled(place, given["fill"]))
        return {}
    # A journal without answers takes the imports.
    with closing(open_journal(place_of(given["spare"]))):
        pass
    before, began = rss(), time.process_time()
    with closing(open_journal(place)) as journal:
        run = max(journal.index.runs.values(), key=lambda one: one.answers)
        journal.past(run.number)
        return {"cpu": time.process_time() - began, "kept": rss() - before, "peak": _peak() - before}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def side(**given: Any) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", json.dumps(given)]
    return dict(json.loads(subprocess.run(command, text=True, stdout=subprocess.PIPE, check=True).stdout))


def file_bytes(path: Path) -> int:
    return sum(one.stat().st_size for one in path.parent.glob(f"{path.name}*") if not one.name.endswith(".reserve"))


def rows_written(folder: Path, calls: int, letters: int) -> Path:
    path = folder / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(calls):
            file.write(json.dumps({"text": f"Number {number}. ".ljust(letters, "x")}) + "\n")
    return path


def told(name: str, calls: int, used: dict[str, float], taken: float, others: float | None = None) -> None:
    parts = [f"driver {used['driver'] / calls * 1e3:.2f} ms"]
    if used["workers"]:
        parts.append(f"workers {used['workers'] / calls * 1e3:.2f} ms")
    if others is not None:
        parts.append(f"server {others / calls * 1e3:.2f} ms")
    print(f"{name}: CPU of a call: {', '.join(parts)}; {taken / calls:,.0f} bytes in the journal", flush=True)


def measured(given: argparse.Namespace, folder: Path, started: PostgresServer | None) -> None:
    rows = rows_written(folder, given.calls, given.prompt)
    with running(letters=given.answer) as base:
        for workers in (0, 2):
            own = folder / f"file{workers}"
            own.mkdir()
            common = {"kind": "run", "base": base, "rows": str(rows), "workers": workers}
            used = side(**common, folder=str(own), journal=str(own / "kept.db"))
            told(f"file, workers {workers}", given.calls, used, file_bytes(own / "kept.db"))
            if started is None:
                continue
            name = f"calls{workers}"
            url = started.make_database(name)
            own = folder / name
            own.mkdir()
            before = server_cpu(started)
            used = side(**common, folder=str(own), journal=url)
            others = server_cpu(started) - before
            (size,) = started.sql("SELECT pg_total_relation_size('flowrun.records')", database=name)[0]
            told(f"postgresql, workers {workers}", given.calls, used, size, others)
    places = {"file": [str(folder / "answers.db"), str(folder / "spare.db")]}
    if started is not None:
        places["postgresql"] = [started.make_database("answers"), started.make_database("spare")]
    for name, (place, spare) in places.items():
        common = {"kind": "open", "journal": place, "spare": spare}
        side(**common, fill=given.answers)
        before = server_cpu(started) if started else 0.0
        found = side(**common, fill=0)
        others = server_cpu(started) - before if started else 0.0
        print(
            f"{name}: to open {given.answers:,} answers: {found['cpu'] / given.answers * 1e6:.1f} µs of CPU an answer, "
            f"server {others / given.answers * 1e6:.1f} µs; {found['kept'] * 2**20 / given.answers:,.0f} bytes kept, "
            f"{found['peak'] * 2**20 / given.answers:,.0f} at the most",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--prompt", type=int, default=6000)
    parser.add_argument("--answer", type=int, default=800)
    parser.add_argument("--answers", type=int, default=200_000)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        one = json.loads(given.side)
        print(json.dumps(run_side(one) if one["kind"] == "run" else open_side(one)))
        return
    with tempfile.TemporaryDirectory() as made:
        if why := lacking():
            print(why)
            measured(given, Path(made), None)
            return
        with server(durable=True, shared_buffers="256MB") as started:
            measured(given, Path(made), started)


if __name__ == "__main__":
    main()
