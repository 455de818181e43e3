"""The time and the memory for the groups of a million typed rows, beside plain Python in the same run.

python benchmarks/group.py [--rows 1000000] [--keys 1000] [--check]

Each way runs in a process of its own, on the same file of rows, and the reading is timed apart. With --check the exit
code is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

MOST_SECONDS = 3.0
MOST_MIB = 600.0
FLOW = """\
type Row = {{ id: int, theme: text, score: 1..5 }}
flow main(rows: [Row]) {{
  found = {found}
  return found
}}
"""
WAYS = {
    "group": "group(rows, by: theme)",
    "dedupe": "dedupe(rows, by: theme)",
    "sort": "sort(rows, by: theme)",
    "rank": "rank(rows, by: score, top: 1000)",
}


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def plain(path: Path) -> tuple[int, float]:
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    begun = time.perf_counter()
    groups = defaultdict(list)
    for row in rows:
        groups[row["theme"]].append(row)
    return len(groups), time.perf_counter() - begun


def of_flow(path: Path, found: str) -> tuple[int, float]:
    """Evaluate the step of a flow as a run does, with rows that the reader of the language has typed."""
    from flowrun.dsl import Source, check_flow, make_plan, plan
    from flowrun.runtime.catalog import catalog
    from flowrun.runtime.files.files import Files
    from flowrun.runtime.reads.reading import reading
    from flowrun.runtime.values.expressions import evaluate
    from flowrun.runtime.values.functions import call_function

    made = make_plan(check_flow(Source(FLOW.format(found=found)), catalog()))
    (step,) = made.steps
    assert isinstance(step.node, plan.Value)
    type_: Any = made.params[0].type
    rows = reading(Files(path.parent))("jsonl", {"path": path.name, "of": type_.item})

    class Names:
        def value(self, name: str) -> Any:
            return rows

        def call(self, function: str, args: Any) -> Any:
            return call_function(function, args, lambda name: None)

    begun = time.perf_counter()
    value = evaluate(step.node.expr, Names())
    return len(value), time.perf_counter() - begun


def measured(way: str, path: Path) -> tuple[int, float, float]:
    """Return the length of the result, the seconds and the peak MiB of one way, in a process of its own."""
    command = [sys.executable, __file__, "--way", way, str(path)]
    made = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return int(made[0]), float(made[1]), float(made[2])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--way", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        way, path = chosen.way[0], Path(chosen.way[1])
        number, seconds = plain(path) if way == "python" else of_flow(path, WAYS[way])
        print(number, seconds, peak())
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number in range(chosen.rows):
                file.write(f'{{"id": {number}, "theme": "theme {number % chosen.keys}", "score": {number % 5 + 1}}}\n')
        found = {way: measured(way, path) for way in ("python", *WAYS)}
    assert found["group"][0] == found["python"][0]
    for way, (number, seconds, mib) in found.items():
        print(f"{way:8} {number:9,} {seconds:7.2f} s {mib:7.0f} MiB")
    return int(chosen.check and (found["group"][1] > MOST_SECONDS or found["group"][2] > MOST_MIB))


if __name__ == "__main__":
    sys.exit(main())
