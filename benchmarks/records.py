"""The commands that look at a journal of a million records, beside a bare SQLite scan of the same file.

    python benchmarks/records.py [--records 1000000] [--shape runs|file|given] [--folder FOLDER]

Three shapes: ``runs`` has many runs of about 1,000 records, copied from one real run with other keys and checksums.
``file`` has one run whose inputs stay in a file of rows. ``given`` has one run whose inputs are in the journal, with a
fifth of the records. Figures are CPU of a process of its own, wall time, and the most memory that it held.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from journal import ENVIRON, FLOW, Instant

from flowrun.dsl import types
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.documents.row_file import RowFile
from flowrun.runtime.journal.records import START, Encoded, Kind, LogRecord, row
from flowrun.runtime.providers import open_provider

_CALLS = 500
"""The calls of each of the many runs."""
_MAIN = "from flowrun.runtime.cli import main; main()"
_SCAN = "import sqlite3; sqlite3.connect('journal.db').execute('SELECT sum(length(place)) FROM records').fetchone()"
_INSERT = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?)"
_ITEM = types.Record((types.Field("id", types.INT), types.Field("text", types.TEXT)), "Row")


def rows_of(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"id": at, "text": f"row {at}, about as long as a subject"} for at in range(first, first + count)]


def real_run(folder: Path, rows: Sequence[Any]) -> None:
    """Make a run of the flow in the folder's journal. Its provider answers at once and sends nothing."""
    options = RunOptions(
        journal=folder / "journal.db",
        environ=ENVIRON,
        opener=lambda model, around: Instant(open_provider(model, around)),
        learn=False,
    )
    assert asyncio.run(run_async(folder / "each.flow", {"rows": rows}, options=options)).ok


def written(folder: Path, shape: str, records: int) -> str:
    """Write the flow and the journal of a shape. Return the path of a call of its last run."""
    (folder / "each.flow").write_text(FLOW, encoding="utf-8")
    if shape == "runs":
        if not (folder / "journal.db").exists():
            real_run(folder, rows_of(_CALLS))
            copy_run(folder / "journal.db", records)
            real_run(folder, rows_of(20, 1_000_000))
        return "out[7].answer"
    count = records // 2 if shape == "file" else records // 10
    if not (folder / "journal.db").exists():
        rows: Sequence[Any] = rows_of(count)
        if shape == "file":
            file = folder / "rows.jsonl"
            file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
            rows = RowFile(file, _ITEM)
        real_run(folder, rows)
    return f"out[{count * 4 // 5}].answer"


def copy_run(path: Path, records: int) -> None:
    """Copy the only run of a journal until the journal has so many records."""
    with closing(sqlite3.connect(path)) as journal, journal:
        found = journal.execute("SELECT run, kind, body, key, place FROM records ORDER BY number").fetchall()
        made = [LogRecord(run, Kind(kind), Encoded(body), key, place) for run, kind, body, key, place in found]
        journal.execute("DELETE FROM records")
        before, begun = START, 0
        for number, record in enumerate(_copies(made, records), 1):
            begun = begun if record.run else number
            columns = row(number, record._replace(run=begun if record.run else 0), before)
            before = columns[-1]
            journal.execute(_INSERT, columns)
    Path(f"{path}.head").unlink(missing_ok=True)


def _copies(made: Sequence[LogRecord], records: int) -> Iterator[LogRecord]:
    """Yield a run again and again, with other ids and keys. Its contents come once."""
    for copy in range(records // len(made)):
        for one in made:
            if one.kind == Kind.RUN:
                yield one._replace(run=0, body={**json.loads(str(one.body)), "id": f"run-{copy}"})
            elif one.kind != Kind.CONTENT or not copy:
                key = copy.to_bytes(4, "big") + one.key[4:] if one.kind in (Kind.INTENT, Kind.ANSWER) else one.key
                yield one._replace(key=key)


def measure(folder: Path, *words: str, say: str = "") -> None:
    """Run a command, or a statement of Python, and print what its process took."""
    environ = {**os.environ, **ENVIRON, "FLOWRUN_JOURNAL": "journal.db"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    code = [sys.executable, "-c", _MAIN, *words] if words else [sys.executable, "-c", say]
    began = time.perf_counter()
    with subprocess.Popen(code, cwd=folder, env=environ, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    wall, cpu = time.perf_counter() - began, used.ru_utime + used.ru_stime
    name = " ".join(words) or "a scan by SQLite alone"
    print(f"  {name:<40} {cpu:6.2f} s of CPU, {wall:6.2f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--shape", choices=("runs", "file", "given"), action="append")
    parser.add_argument("--folder", type=Path, help="Keep the journals in this folder.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() if given.folder is None else nullcontext(given.folder) as made:
        for shape in given.shape or ("runs", "file", "given"):
            folder = Path(made).resolve() / shape
            folder.mkdir(parents=True, exist_ok=True)
            path = written(folder, shape, given.records)
            print(f"{shape}: {(folder / 'journal.db').stat().st_size / 2**20:.0f} MiB")
            measure(folder, say=_SCAN)
            for words in (("runs",), ("show", "last", path), ("journal", "stats"), ("journal", "verify")):
                measure(folder, *words)
            if shape == "runs":
                measure(folder, "show", "last")
                measure(folder, "resume", "last", "--quiet")
                measure(folder, "journal", "forget", "last", path)


if __name__ == "__main__":
    main()
