"""The CPU of checking, pass by pass, as flows grow, and that of the start of the command.

python benchmarks/check.py [--sizes 10 1000 10000] [--rounds 5] [--check]

With --check the exit code is 1 where a target is missed: three seconds of CPU for 10,000 nodes or as many errors,
no more than 1.3 times as much a node with each ten times as many nodes, and those of `benchmarks/start.py`.
"""

from __future__ import annotations

import argparse
import gc
import math
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import start
from shapes import SOUND, WRONG

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow, render_diagnostics
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli import GARBAGE

pipeline: Any = import_module("flowrun.dsl.check")
PASSES = {"parse": "parse_flow", "names": "resolve", "deps": "depend", "types": "typecheck"}
MOST_SECONDS = 3.0
MOST_GROWTH = 1.3
"""Times as much CPU a node, for ten times as many nodes."""


class Clock:
    """Takes the CPU time of every pass of one check."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys([*PASSES, "lints"], 0.0)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            began = time.process_time()
            try:
                return function(*args, **options)
            finally:
                self.seconds[name] += time.process_time() - began

        return call

    def __enter__(self) -> Clock:
        self.kept = {name: getattr(pipeline, name) for name in (*PASSES.values(), "LINTS")}
        for name, function in PASSES.items():
            setattr(pipeline, function, self.timed(name, self.kept[function]))
        pipeline.LINTS = tuple(self.timed("lints", lint) for lint in self.kept["LINTS"])
        return self

    def __exit__(self, *_: object) -> None:
        for name, value in self.kept.items():
            setattr(pipeline, name, value)


def checked(text: str) -> tuple[float, tuple[Diagnostic, ...], dict[str, float]]:
    """The CPU time of checking a text and of showing all that is found, the findings, and the time of each pass."""
    gc.collect()
    with Clock() as clock:
        began = time.process_time()
        try:
            found = check_flow(Source(text), catalog()).warnings
        except FlowError as error:
            found = error.diagnostics
        render_diagnostics(found)
        return time.process_time() - began, found, clock.seconds


def best(text: str, rounds: int) -> tuple[float, tuple[Diagnostic, ...], dict[str, float]]:
    return min((checked(text) for _ in range(rounds)), key=lambda one: one[0])


def sound(sizes: list[int], rounds: int) -> list[str]:
    missed = []
    print(f"{'':16}{'nodes':>7}" + "".join(f"{name:>8}" for name in [*PASSES, "lints"]) + f"{'total':>8}  a decade")
    for name, shape in SOUND.items():
        before: tuple[int, float] | None = None
        for size in sizes:
            total, findings, passes = best(shape(size), rounds if size <= 1000 else max(rounds // 2, 1))
            growth = (total / size / before[1]) ** (1 / math.log10(size / before[0])) if before else None
            before = (size, total / size)
            row = "".join(f"{seconds:8.3f}" for seconds in passes.values())
            print(f"{name:16}{size:7,}{row}{total:8.3f}" + (f"  x 10 x {growth:.2f}" if growth else ""))
            if size >= 10_000 and total > MOST_SECONDS * size / 10_000:
                missed.append(f"{name}: {total:.1f} s for {size:,} nodes")
            if growth and growth > MOST_GROWTH:
                missed.append(f"{name}: {growth:.2f} times as much a node at {size:,} nodes")
            if any(finding.severity == "error" for finding in findings):
                missed.append(f"{name}: the flow has errors, so not all of it was checked")
    return missed


def wrong(size: int) -> list[str]:
    missed = []
    print(f"\n{'':16}{'lines':>7}{'found':>8}{'CPU':>8}")
    for name, shape in WRONG.items():
        total, findings, _ = checked(shape(size))
        print(f"{name:16}{size:7,}{len(findings):8,}{total:8.3f}")
        if total > MOST_SECONDS * max(size / 10_000, 1):
            missed.append(f"{name}: {total:.1f} s for {size:,} lines")
    return missed


def whole(size: int) -> list[str]:
    """The whole command on a large file."""
    missed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "large.flow").write_text(SOUND["flat asks"](10), encoding="utf-8")
        start.cpu(start.flowrun("validate", "large.flow"), folder)  # compiles the modules
        print(f"\nflowrun validate of {size:,} nodes, the whole process")
        for shape, make in SOUND.items():
            (folder / "large.flow").write_text(make(size), encoding="utf-8")
            taken = start.cpu(start.flowrun("validate", "large.flow"), folder)
            print(f"{shape:16} {taken:6.2f} s")
            if taken > MOST_SECONDS * max(size / 10_000, 1):
                missed.append(f"flowrun validate, {shape}: {taken:.1f} s of CPU for {size:,} nodes")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    sizes = sorted(options.sizes)
    gc.set_threshold(*GARBAGE)  # as the command does
    checked(SOUND["flat asks"](10))  # what is made once is not the passes'
    missed = sound(sizes, options.rounds) + wrong(sizes[-1]) + whole(sizes[-1])
    print()
    missed += start.report(options.rounds * 2)
    print(*missed, sep="\n", file=sys.stderr, end="\n" if missed else "")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
