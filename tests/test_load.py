"""The command on very many rows: its private memory stays flat, also over a table, and while it takes kept answers."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.soak import share

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
COMMAND = "from flowrun.runtime.cli import main; main()"
WORDS = ("--output", "out.jsonl", "--quiet")
ROWS = share(1_000_000, least=40_000)
GROWTH = 12.0
"""MiB that a run may hold more in its last fifth than in its second one: 200 bytes for each row would be seen."""
FLOW = """
model local = "openai:test" with concurrency: 256
type Row = { id: int, text: text }
flow each(rows: [Row]) {
  many = length(rows)
  out = map row in rows where row.id >= 0 {
    answer = ask local "Say {{ row.text }} of {{ many }}"
    { id: row.id, answer }
  } reduce collect
  return out
}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    command = [sys.executable, str(BENCHMARKS / "mock_server.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.stdin.close()


def held(pid: int) -> float:
    """Return the private MiB of a process; 0 for one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def run(folder: Path, server: str, *words: str, kill_at: int = 0) -> list[float]:
    """Run a command to its end, or until its output has ``kill_at`` bytes. Return its memory since it wrote first."""
    environ = {**os.environ, "OPENAI_BASE_URL": server, "OPENAI_API_KEY": "none", "FLOWRUN_JOURNAL": "journal.db"}
    part, sizes = folder / "out.jsonl.part", list[float]()
    part.unlink(missing_ok=True)
    with subprocess.Popen([sys.executable, "-c", COMMAND, *words], cwd=folder, env=environ) as process:
        while process.poll() is None:
            written = part.stat().st_size if part.exists() else 0
            if written:
                sizes.append(held(process.pid))
            if kill_at and written > kill_at:
                process.kill()
            time.sleep(0.05)
    assert kill_at or process.returncode == 0
    return [size for size in sizes if size]


def grown(sizes: list[float]) -> float:
    fifth = len(sizes) // 5
    return max(sizes[-fifth:]) - max(sizes[fifth : 2 * fifth])


@pytest.mark.slow
@pytest.mark.no_cover
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the kernel does not tell private memory")
def test_memory_stays_flat_from_file_to_file(tmp_path: Path, server: str) -> None:
    (tmp_path / "each.flow").write_text(FLOW)
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text"])
        rows.writerows((number, f"row {number} ".ljust(200, "x")) for number in range(ROWS))
    words = ("each.flow", "--rows", "rows.csv", *WORDS)
    line = len('{"id": 10000, "answer": "yes"}\n')
    whole = run(tmp_path, server, *words, kill_at=line * ROWS * 2 // 3)
    assert max(whole) < 120
    assert grown(whole) < GROWTH
    # The kept answers have an index, and are read one by one. Then the connections open for the rest.
    again = run(tmp_path, server, "resume", "last", *WORDS)
    assert max(again) < 120 + 250 * ROWS / 1e6
    with (tmp_path / "out.jsonl").open() as out:
        assert [line.startswith(f'{{"id": {number},') for number, line in enumerate(out)] == [True] * ROWS
