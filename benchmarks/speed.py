"""The speed of flowrun, beside the same work by hand and on other engines: one command for the whole table.

    python benchmarks/speed.py [--rounds 5] [--only fan-out] [--column default] [--check] [--json FILE] [--plot FILE]

The first column is what a user gets: a flow that names no option, with the journal, from Python and by the command, in
the first run against a server and in the second, and where the server sends rate headers. The second column is what
tuning adds. The peers stand in the first one, because they send all calls at once without any option.

The yardstick is measured in the same rounds: asyncio and aiohttp by hand, with one session, no limit of connections and
no cookies. For whole processes it is a script of twelve lines. Each measurement has a process of its own, sides
alternate, and the figures are medians of the rounds: machines are shared and noisy, so read the ratios. Time without a
core is taken off (`clock.py`). The servers are processes of their own, too. LangGraph, pydantic-graph, LangChain and
the thread pool with `requests` are measured where they are installed (`pip install -e '.[bench]'`).

``--large`` takes a map of 1,000,000 rows, too. ``--check`` ends with 1 where a bound is missed. A figure that nearly
keeps its bound gets up to three times the rounds first.

`limits.py` measures servers that refuse, that let requests wait, and that change.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import by_flow
import defaults
import mock_server
import tuned
import whole
import workers
from figures import DEFAULT, TUNED, Bench, plot

Part = Callable[[Bench], None]
COLUMNS: dict[str, dict[str, Part]] = {
    DEFAULT: {
        "fan-out": defaults.fan_out,
        "chained": defaults.chained,
        "call": defaults.call,
        "faces": defaults.faces,
        "rows": defaults.rows,
        "node": defaults.node,
        "start": defaults.begin,
        "tail": defaults.hedging,
    },
    TUNED: {
        "fan-out": tuned.fan_out,
        "chained": tuned.chained,
        "call": tuned.call,
        "node": tuned.node,
        "memory": tuned.memory,
    },
}
PARTS = list(dict.fromkeys(name for parts in COLUMNS.values() for name in parts))
RPM = 10_000
"""Requests a minute in the rate headers. One run sends fewer, so it never waits for the rate."""


def chosen(only: list[str], columns: list[str], *, large: bool) -> Iterator[Part]:
    for column in columns:
        yield from (part for name, part in COLUMNS[column].items() if not only or name in only)
    if large:
        yield tuned.rows


@contextlib.contextmanager
def bench(rounds: int, *, patient: bool = False) -> Iterator[Bench]:
    with (
        mock_server.running() as silent,
        mock_server.started(rpm=RPM, headers="rate") as headers,
        mock_server.running() as warm,
        tempfile.TemporaryDirectory() as folder,
    ):
        yield Bench(silent, headers, warm, Path(folder), rounds, patient)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=PARTS, default=[])
    parser.add_argument("--column", choices=list(COLUMNS), help="only this column")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios (with matplotlib)")
    options = parser.parse_args()
    columns = [options.column] if options.column else list(COLUMNS)
    with bench(options.rounds, patient=options.check) as measured:
        # Modules are compiled, and files are in the machine's memory.
        whole.command(measured.user(), measured.warm, by_flow.flow(by_flow.CALLS), workers.FEW["calls"])
        for part in chosen(options.only, columns, large=options.large):
            part(measured)
    figures = measured.figures
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in figures], indent=2) + "\n", encoding="utf-8")
    if options.plot:
        plot(figures, options.plot)
    missed = [one for one in figures if one.missed]
    print(f"{len(missed)} of {sum(one.bound is not None for one in figures)} bounds missed")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
