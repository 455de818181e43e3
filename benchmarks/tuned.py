"""The figures of tuning: flows whose model says how many calls may run at once, from Python, without a journal."""

from __future__ import annotations

import importlib.util
from typing import Any

import large_map
import whole
from figures import HAND, TUNED, Bench, Figure, Line, Round
from peers import engines

FLOWRUN = "flowrun"


def options(wide: int) -> str:
    return f"concurrency: {wide}, temperature: 0.5"


def sides(bench: Bench, work: str, names: list[str], at_once: int, **more: Any) -> Round:
    """Every side once, in turn."""
    tuning = {"options": options(at_once), "no_journal": True, "warm": bench.warm}
    return {
        name: whole.worker(work, name, bench.silent, **(more | (tuning if name == FLOWRUN else {"warm": bench.warm})))
        for name in names
    }


def chained(bench: Bench) -> None:
    names = [HAND, "a barrier", FLOWRUN]
    what = "2 maps of 500, log-normal"

    def one() -> Round:
        found = dict(sides(bench, "chained", names, 1000, count=500))
        # Nothing can be faster than the slowest element.
        return {**found, "slowest element": {"wall": found[HAND]["least"]}}

    bounds = {FLOWRUN: 1.06}
    lines = [Line(what, "slowest element", "wall", over=None, column=TUNED)]
    lines += [Line(what, name, "wall", over="slowest element", bound=bounds.get(name), column=TUNED) for name in names]
    bench.take("chained", one, lines)


def fan_out(bench: Bench) -> None:
    for work, count, bound, what in (
        ("calls", 1000, 1.1, "1,000 calls of 200 ms"),
        ("calls", 5000, 0.8, "5,000 calls of 200 ms"),
        ("votes", 200, 1.1, "200 votes of 5"),
    ):
        wide = 5 * count if work == "votes" else count

        def one(work: str = work, count: int = count, wide: int = wide) -> Round:
            return sides(bench, work, [HAND, FLOWRUN], wide, count=count, seconds=0.2)

        lines = [Line(what, HAND, column=TUNED), Line(what, FLOWRUN, bound=bound, column=TUNED)]
        bench.take("fan-out", one, lines)


def call(bench: Bench) -> None:
    """The CPU of a call without a journal, where the server answers at once."""
    names = [HAND, FLOWRUN, *engines()]
    what = "4,000 calls, 256 in flight, CPU a call"

    def one() -> Round:
        return sides(bench, "calls", names, 256, count=4000, wide=256)

    bounds = {FLOWRUN: 1.3}
    lines = [Line(what, name, "cpu", "µs", bound=bounds.get(name), scale=1e6 / 4000, column=TUNED) for name in names]
    bench.take("call", one, lines)


def node(bench: Bench) -> None:
    """Steps without a call: elements of maps, and another engine."""
    for side, work, count, what, bound in (
        (FLOWRUN, "elements", 1000, "a map of 1,000, CPU an element", 40.0),
        (FLOWRUN, "elements", 10_000, "a map of 10,000, CPU an element", 40.0),
        (FLOWRUN, "elements", 100_000, "a map of 100,000, CPU an element", 40.0),
        ("LangGraph", "LangGraph", 250, "250 diamonds in a chain, CPU a step", None),
    ):
        if side == "LangGraph" and not importlib.util.find_spec("langgraph"):
            continue

        def one(side: str = side, work: str = work, count: int = count) -> Round:
            found = whole.worker("nodes", work, count=count)
            return {side: {"cpu": found["cpu"] / found["nodes"]}}

        bench.take("node", one, [Line(what, side, "cpu", "µs", None, bound, 1e6, least=True, column=TUNED)])


def memory(bench: Bench) -> None:
    tuning = {"options": options(256), "no_journal": True, "warm": bench.warm}
    found = whole.worker("calls", FLOWRUN, bench.silent, count=100_000, **tuning)
    grown = max(found["peak"], found["after"]) - found["before"]
    bench.add(
        Figure("memory", "a map of 100,000 calls, growth", FLOWRUN, grown * 1.048576, "MB", None, 30, column=TUNED)
    )
    both = sides(bench, "calls", [HAND, FLOWRUN], 10_000, count=10_000, seconds=3.0)
    for side, bound in ((HAND, None), (FLOWRUN, 400)):
        what, peak = "10,000 calls in flight, in all", both[side]["peak"]
        bench.add(Figure("memory", what, side, peak, "MiB", None, bound, column=TUNED))


def rows(bench: Bench) -> None:
    """A million rows of a file to rows of a file, through the command, with its journal."""
    found = large_map.run(bench.silent, 1_000_000)
    for what, value, bound in (
        ("1,000,000 rows to a file, in all", found.peak, 300),
        ("… growth after the first 100,000", found.grown, 5),
    ):
        bench.add(Figure("memory", what, FLOWRUN, value, "MiB", None, bound, column=TUNED))
