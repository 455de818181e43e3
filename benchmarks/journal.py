"""The cost of a journal of very many records for the commands that open it: `runs`, `plan`, and `resume`.

    python benchmarks/journal.py [--records 1000000] [--runs 1] [--folder FOLDER]

The records come from real runs of a map, whose provider answers at once and sends nothing. A folder that already holds
such a journal is measured as it is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.providers import open_provider
from flowrun.runtime.providers.protocol import Provider
from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.usage import Usage

FLOW = """
model local = "openai:test" with concurrency: 256
type Row = { id: int, text: text }
flow each(rows: [Row]) budget 20000000 calls {
  out = map row in rows {
    answer = ask local "Say {{ row.text }}"
    { id: row.id, answer }
  } reduce collect
  return out
}
"""
ENVIRON = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "none"}
_OF_A_CALL = 2
"""The records of a call that is answered: its intent and its answer."""
_MAIN = "from flowrun.runtime.cli import main; main()"


class Instant:
    """The provider of a model, with answers that come at once and cost nothing."""

    concurrency = 256
    samples = 1

    def __init__(self, real: Provider) -> None:
        self.model, self.endpoint = real.model, real.endpoint

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        await asyncio.sleep(0)
        return Reply((Answer("yes"),) * samples, Usage(5, samples))


@dataclass(frozen=True)
class Taken:
    """Seconds of wall time and of CPU, and the most MiB that a command held."""

    wall: float
    cpu: float
    peak: float


def written(folder: Path, records: int, runs: int) -> None:
    """Write a flow, its rows and its journal. Each run has rows of its own, and the last one's are `rows.jsonl`."""
    (folder / "each.flow").write_text(FLOW, encoding="utf-8")
    calls = records // _OF_A_CALL // runs
    options = RunOptions(
        journal=folder / "journal.db",
        environ=ENVIRON,
        opener=lambda model, around: Instant(open_provider(model, around)),
    )

    async def write() -> None:
        for run in range(runs):
            with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
                for number in range(calls):
                    text = f"row {number} of {run}, about as long as a subject"
                    file.write(json.dumps({"id": number, "text": text}) + "\n")
            result = await run_async(folder / "each.flow", {"rows": folder / "rows.jsonl"}, options=options)
            assert result.ok

    asyncio.run(write())


def command(folder: Path, *words: str) -> Taken:
    """Run a command as a user does, and measure its process."""
    environ = {**os.environ, **ENVIRON, "FLOWRUN_JOURNAL": "journal.db"}
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _MAIN, *words], cwd=folder, env=environ, stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return Taken(time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measured(folder: Path) -> dict[str, Taken]:
    """Measure each command on a journal. `resume` works on a copy, for it writes."""
    found = {
        "runs": command(folder, "runs"),
        "plan": command(folder, "plan", "each.flow", "--rows", "rows.jsonl"),
    }
    with tempfile.TemporaryDirectory(dir=folder) as made:
        copy = Path(made)
        for file in folder.iterdir():
            if file.is_file():
                shutil.copy(file, copy)
        found["resume"] = command(copy, "resume", "last", "--quiet", "--output", "out.jsonl")
        # The run holds the digest and the path of its rows, so its own run goes on beside the originals.
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="Keep the journal in this folder.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() if given.folder is None else nullcontext(given.folder) as made:
        folder = Path(made)
        folder.mkdir(exist_ok=True)
        if not (folder / "journal.db").exists():
            written(folder, given.records, given.runs)
        for name, taken in measured(folder).items():
            print(f"{name:<8} {taken.wall:6.2f} s, {taken.cpu:6.2f} s of CPU, {taken.peak:5.0f} MiB")


if __name__ == "__main__":
    main()
