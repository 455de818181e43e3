"""The command on a file of very many rows, and what it takes of the memory while it goes through them.

python benchmarks/large_map.py [--rows 1000000]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
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


@dataclass(frozen=True)
class Taken:
    """MiB at the most, and by how much more after the first tenth of the rows; seconds in all."""

    peak: float
    grown: float
    seconds: float


def run(base: str, count: int) -> Taken:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "each.flow").write_text(FLOW, encoding="utf-8")
        with (folder / "rows.jsonl").open("w") as file:
            for number in range(count):
                file.write(json.dumps({"id": number, "text": f"row {number}, about as long as a subject"}) + "\n")
        command = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()"]
        command += ["each.flow", "--rows", "rows.jsonl", "--output", "out.jsonl", "--quiet"]
        environ = {**os.environ, "OPENAI_BASE_URL": base, "OPENAI_API_KEY": "none", "FLOWRUN_JOURNAL": "journal.db"}
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
    parser.add_argument("--rows", type=int, default=1_000_000)
    with mock_server.running() as base:
        found = run(base, parser.parse_args().rows)
    print(f"{found.peak:.0f} MiB at the most, {found.grown:.1f} MiB more after the first tenth, {found.seconds:.0f} s")


if __name__ == "__main__":
    main()
