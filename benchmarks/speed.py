"""How fast flowrun is, beside the same work by hand and on other engines: one command for the whole table.

    python benchmarks/speed.py [--rounds 5] [--only fan-out] [--large] [--check] [--json FILE] [--plot FILE.png]

The yardstick is measured in the same run: asyncio and aiohttp by hand, with one session, no limit of connections and no
cookies. Each measurement has a process of its own, sides alternate, and the figures are medians of the rounds: machines
are shared and noisy, so read the ratios. The server is a process of its own, too. LangGraph, pydantic-graph, LangChain
and the thread pool with `requests` are measured where they are installed (`pip install -e '.[bench]'`). ``--large``
takes a map of 1,000,000 rows, too; ``--check`` ends with 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import large_map
import mock_server
import start
from peers import MODULES

HERE = Path(__file__).resolve().parent
HAND = "by hand"


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``bound`` is the most that ``value`` may be; the least, where ``more`` is better."""

    part: str
    what: str
    side: str
    value: float
    unit: str
    ratio: float | None = None
    bound: float | None = None
    more: bool = False

    @property
    def missed(self) -> bool:
        found = self.value if self.ratio is None else self.ratio
        return self.bound is not None and (found < self.bound if self.more else found > self.bound)

    def line(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:6.2f} ×"
        sign = "≥" if self.more else "≤"
        bound = "" if self.bound is None else f"{sign} {self.bound:g}{' MISSED' if self.missed else ''}"
        return f"{self.part:<10} {self.what:<38} {self.side:<22} {self.value:9.3f} {self.unit:<6} {ratio:<9} {bound}"


@dataclass
class Bench:
    base: str
    rounds: int
    figures: list[Figure] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(figure.line(), flush=True)

    def measure(self, work: str, side: str, **options: float) -> dict[str, Any]:
        command = [sys.executable, str(HERE / "workers.py"), work, side, "--base", self.base]
        for name, value in options.items():
            command += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def sides(self, work: str, sides: list[str], **options: float) -> dict[str, list[dict[str, Any]]]:
        """Every side once a round, in turn."""
        found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
        for _ in range(self.rounds):
            for side in sides:
                found[side].append(self.measure(work, side, **options))
        return found

    def compare(
        self,
        part: str,
        what: str,
        found: dict[str, list[dict[str, Any]]],
        key: str,
        unit: str,
        bounds: dict[str, float],
        scale: float = 1.0,
    ) -> None:
        """The sides of one work, by the ratio of each round to the yardstick of that round."""
        for side, runs in found.items():
            values = [run[key] * scale for run in runs]
            ratios = [run[key] / hand[key] for run, hand in zip(runs, found[HAND], strict=True)]
            ratio = None if side == HAND else statistics.median(ratios)
            self.add(Figure(part, what, side, statistics.median(values), unit, ratio, bounds.get(side)))


def engines() -> list[str]:
    threads = ["threads"] if importlib.util.find_spec("requests") else []
    return threads + [name for name, module in MODULES.items() if importlib.util.find_spec(module)]


def chained(bench: Bench) -> None:
    """No barriers: an element enters the second map as soon as it leaves the first."""
    found = bench.sides("chained", [HAND, "a barrier", "flowrun"], count=500)
    for side, runs in found.items():
        wall, least = statistics.median(run["wall"] for run in runs), runs[0]["least"]
        bound = 1.06 if side == "flowrun" else None
        bench.add(Figure("chained", "2 maps of 500, to the slowest element", side, wall, "s", wall / least, bound))


def fan_out(bench: Bench) -> None:
    for count, bound in ((1000, 1.1), (5000, 0.8)):
        found = bench.sides(
            "calls", [HAND, "flowrun", *(engines() if count == 1000 else [])], count=count, seconds=0.2, wide=count
        )
        bench.compare("fan-out", f"{count:,} calls of 200 ms at once", found, "wall", "s", {"flowrun": bound})
    found = bench.sides("votes", [HAND, "flowrun"], count=200, seconds=0.2)
    bench.compare("fan-out", "200 votes of 5 samples at once", found, "wall", "s", {"flowrun": 1.1})


def call(bench: Bench) -> None:
    """The CPU of a call, where the server answers at once."""
    sides = [HAND, "flowrun", "flowrun, journal", *engines()]
    found = bench.sides("calls", sides, count=4000, seconds=0.0, wide=256)
    bounds = {"flowrun": 1.3, "flowrun, journal": 1.8}
    bench.compare("call", "4,000 calls, 256 in flight, CPU a call", found, "cpu", "µs", bounds, 1e6 / 4000)


def node(bench: Bench) -> None:
    runs = [bench.measure("nodes", "diamonds", count=250) for _ in range(bench.rounds)]
    each = statistics.median(run["cpu"] / run["nodes"] * 1e6 for run in runs)
    bench.add(Figure("node", "250 diamonds in a chain, a node", "flowrun", each, "µs", None, 20))
    for count in (1000, 10_000, 100_000):
        runs = [bench.measure("nodes", "elements", count=count) for _ in range(bench.rounds)]
        each = statistics.median(run["cpu"] / run["nodes"] * 1e6 for run in runs)
        bench.add(Figure("node", f"a map of {count:,}, an element", "flowrun", each, "µs", None, 40))
    if importlib.util.find_spec("langgraph"):
        runs = [bench.measure("nodes", "LangGraph", count=250) for _ in range(bench.rounds)]
        each = statistics.median(run["cpu"] / run["nodes"] * 1e6 for run in runs)
        bench.add(Figure("node", "250 diamonds in a chain, a node", "LangGraph", each, "µs"))


def memory(bench: Bench) -> None:
    found = bench.measure("calls", "flowrun", count=100_000, seconds=0.0, wide=256)
    grown = max(found["peak"], found["after"]) - found["before"]
    bench.add(Figure("memory", "a map of 100,000 calls, growth", "flowrun", grown * 1.048576, "MB", None, 30))
    for side, bound in ((HAND, None), ("flowrun", 400)):
        found = bench.measure("calls", side, count=10_000, seconds=3.0, wide=10_000)
        bench.add(Figure("memory", "10,000 calls in flight, in all", side, found["peak"], "MiB", None, bound))


def rows(bench: Bench) -> None:
    """Rows of a file to rows of a file, through the command, with its journal."""
    found = large_map.run(bench.base, 1_000_000)
    bench.add(Figure("memory", "1,000,000 rows to a file, in all", "flowrun", found.peak, "MiB", None, 300))
    bench.add(Figure("memory", "… growth after the first 100,000", "flowrun", found.grown, "MiB", None, 5))


def tail(bench: Bench) -> None:
    """Hedged requests: what the median and the slow tenth of fan-outs gain."""
    rounds = 60 * bench.rounds
    plain = sorted(bench.measure("tail", "plain", count=rounds)["walls"])
    for hedge, most, median in (("p95", 0.05, 1.4), ("p90", 0.1, 1.6)):
        found = bench.measure("tail", hedge, count=rounds)
        walls = sorted(found["walls"])
        side, what = f"flowrun, hedge {hedge}", "50 calls, log-normal"
        gain = statistics.median(plain) / statistics.median(walls)
        late = statistics.quantiles(plain, n=10)[8] / statistics.quantiles(walls, n=10)[8]
        bench.add(
            Figure("tail", f"{what}: the median, faster", side, statistics.median(walls), "s", gain, median, True)
        )
        bench.add(Figure("tail", f"{what}: p90, faster", side, walls[int(0.9 * len(walls))], "s", late, 1.8, True))
        bench.add(Figure("tail", f"{what}: calls more", side, 100 * found["extra"], "%", None, 100 * most))


def begin(bench: Bench) -> None:
    """CPU until something happens."""
    for name, taken, bound in start.begins(bench.base, bench.rounds):
        bench.add(Figure("start", name, "flowrun", taken, "ms", None, bound))


PARTS: dict[str, Callable[[Bench], None]] = {
    "chained": chained,
    "fan-out": fan_out,
    "call": call,
    "node": node,
    "memory": memory,
    "tail": tail,
    "start": begin,
}


def plot(figures: list[Figure], path: Path) -> None:
    """The ratios to the yardstick, as bars."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [one for one in figures if one.ratio is not None and not one.more]
    canvas, axes = pyplot.subplots(figsize=(10, 0.35 * len(shown) + 1.5))
    names = [f"{one.what} — {one.side}" for one in shown]
    colours = ["#2a6f97" if one.side.startswith("flowrun") else "#b0b7bd" for one in shown]
    axes.barh(names, [one.ratio for one in shown], color=colours)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("times the same work by hand")
    canvas.tight_layout()
    canvas.savefig(path, dpi=120)


def chosen(only: list[str], *, large: bool) -> Iterator[Callable[[Bench], None]]:
    yield from (part for name, part in PARTS.items() if not only or name in only)
    if large:
        yield rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=list(PARTS), default=[])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios (with matplotlib)")
    options = parser.parse_args()
    with mock_server.running() as base:
        bench = Bench(base, options.rounds)
        for part in chosen(options.only, large=options.large):
            part(bench)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in bench.figures], indent=2) + "\n", encoding="utf-8")
    if options.plot:
        plot(bench.figures, options.plot)
    missed = [one for one in bench.figures if one.missed]
    print(f"{len(missed)} of {sum(one.bound is not None for one in bench.figures)} bounds missed")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
