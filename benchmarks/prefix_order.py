"""The gain of sending requests whose prompts begin alike one after another.

python benchmarks/prefix_order.py [--rows 400] [--pairs 8] [--check]

Whole runs over HTTP, each beside the same run with first come, first served. One server has slots as llama.cpp has
them, the other has vLLM's blocks; both read a prompt faster where they keep its beginning. The rows have documents that
repeat. "Of the best" compares the characters that were not read again with those of the best order, one by one.
Where nothing is shared, CPU and time are the medians of interleaved pairs, and the bound is for the CPU. With --check
the exit code is 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.prefix_runs import rows as made_rows
from support.prefix_servers import Blocks, Cache, Machine, Slots, best_hits, serving

LEAST_SPEED, LEAST_OF_BEST, MOST_TIME = 1.5, 0.95, 1.02
FLOW = """\
type Row = {{ doc: text, q: text }}
endpoint lab {at}
model m = "lab:m" with concurrency: {places}
flow main(rows: [Row]) {{
  all = map row in rows {{ ask m "{{{{ row.doc }}}} Question: {{{{ row.q }}}}" }} reduce collect
  return all
}}
"""


@contextmanager
def first_come() -> Iterator[None]:
    """Send requests in the order of the rows, and to the address that has the fewest open ones."""
    with ExitStack() as stack:
        for module in ("endpoint", "alike_queue"):
            stack.enter_context(patch(f"flowrun.runtime.dispatch.{module}.keeps_prompts", lambda provider: False))
        stack.enter_context(patch("flowrun.runtime.providers.affinity.Affinity.choose", lambda *given: None))
        yield


def run(rows: list[dict[str, str]], machines: list[tuple[Cache, int]], read: float, write: float) -> dict[str, Any]:
    """Run the flow on as many servers as there are machines. Return its figures."""
    from flowrun.runtime import RunOptions, run_async

    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        served = [stack.enter_context(serving(partial(Machine, *one, read, write))) for one in machines]
        urls = [url for url, _ in served]
        at = f'= "{urls[0]}"' if len(urls) == 1 else f"at [{', '.join(map(repr, urls))}]".replace("'", '"')
        path = Path(folder) / "rows.flow"
        path.write_text(FLOW.format(at=at, places=sum(width for _, width in machines)))
        environ = {"FLOWRUN_CACHE": folder, "HOME": folder}
        options = RunOptions(
            environ=environ, journal=Path(folder) / "journal.db", allow_host=[url.split("/")[2] for url in urls]
        )
        gc.collect()
        began, cpu = time.perf_counter(), time.thread_time()
        result = asyncio.run(run_async(path, {"rows": rows}, options=options))
        seconds, cpu = time.perf_counter() - began, time.thread_time() - cpu
        return {
            "values": list(result.value),
            "seconds": seconds,
            "cpu": cpu,
            "cached": sum(machine.cached for _, machine in served),
            "total": sum(machine.total for _, machine in served),
            "prompts": [prompt for _, machine in served for prompt in machine.prompts],
        }


def repeated(count: int) -> list[str]:
    """Compare both orders on rows with repeated documents. Return the bounds that were missed."""
    missed = []
    rows = made_rows(count // 20, 20)
    random.Random(5).shuffle(rows)
    print(f"{count} rows, {count // 20} documents\n{'':28}{'time':>8}{'hits':>8}{'of the best':>13}{'faster':>9}")
    kinds: dict[str, list[tuple[Callable[[], Cache], int]]] = {
        "llama.cpp, 4 slots": [(lambda: Slots(4), 4)],
        "vLLM, 600 blocks, 16 places": [(lambda: Blocks(600), 16)],
        "llama.cpp, 2 x 4 slots": [(lambda: Slots(4), 4)] * 2,
    }
    for name, machines in kinds.items():
        figures = []
        for queue in ("first come", "alike"):
            with first_come() if queue == "first come" else ExitStack():
                found = run(rows, [(make(), width) for make, width in machines], 0.00005, 0.02)
            best = best_hits(Slots(1) if "slots" in name else Blocks(600), found["prompts"])
            hits = found["cached"] / found["total"]
            figures.append((found, hits / best))
            speed = figures[0][0]["seconds"] / found["seconds"]
            print(f"{name if queue == 'alike' else '  first come, first served':28}", end="")
            print(f"{found['seconds']:7.2f}s{hits:8.3f}{hits / best:13.3f}{speed:9.2f}")
        if figures[0][0]["values"] != figures[1][0]["values"]:
            missed.append(f"{name}: the results differ")
        if speed < LEAST_SPEED or figures[1][1] < LEAST_OF_BEST:
            missed.append(f"{name}: {speed:.2f} times as fast, {figures[1][1]:.3f} of the best hits")
    return missed


class Forgetful:
    """The memory of a server that keeps nothing."""

    def room(self, prompt: str) -> bool:
        return True

    def begin(self, prompt: str) -> tuple[int, int]:
        return 0, 0

    def end(self, ticket: int) -> None:
        return None


def unlike(count: int, pairs: int) -> list[str]:
    """Compare both orders where no prompts begin alike. Return the bounds that were missed."""
    letters = random.Random(7)
    rows = [{"doc": "".join(letters.choices("abcdefgh ", k=1500)), "q": str(number)} for number in range(count)]
    times, cpus = [], []
    for number in range(pairs + 1):
        found = {}
        for queue in ("first come", "alike") if number % 2 else ("alike", "first come"):
            with first_come() if queue == "first come" else ExitStack():
                found[queue] = run(rows, [(Forgetful(), 64)], 0.0, 0.02)
        if number:
            times.append(found["alike"]["seconds"] / found["first come"]["seconds"])
            cpus.append(found["alike"]["cpu"] / found["first come"]["cpu"])
    spent, cpu = statistics.median(times), statistics.median(cpus)
    each = found["alike"]["cpu"] / count * 1e6
    print(f"nothing shared, {count} rows: {spent:.3f} of the time, {cpu:.3f} of the CPU ({each:.0f} µs a call)")
    return [f"nothing shared: {cpu:.3f} of the CPU"] if cpu > MOST_TIME else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    missed = repeated(given.rows) + unlike(1000, given.pairs)
    for one in missed:
        print("MISSED", one)
    return 1 if missed and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
