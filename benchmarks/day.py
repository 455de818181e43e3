"""The needs of a day of calls, and the most that one process, one driver and one database take, reckoned on paper.

    python benchmarks/day.py [--calls 5000000] [--hours 24] [--seconds 4] [--tokens-in 1500] [--tokens-out 200]

The other options are what one call takes, as `a_call.py`, `cluster.py` and `postgres_journal.py` measure it. Give the
figures of your own machine and of your own calls. This script measures nothing.
"""

from __future__ import annotations

import argparse

DAY = 86_400
_ROWS = 2
"""The rows of a call: its intent and its answer."""
MEASURED: dict[str, tuple[float, str]] = {
    "whole-ms": (0.35, "CPU of a call in one process"),
    "driver-ms": (0.20, "CPU of a call in the driver of a run with workers"),
    "far-ms": (0.40, "CPU of a call in the workers of a run"),
    "server-ms": (0.04, "CPU of a call in the server of PostgreSQL"),
    "file-bytes": (1369, "bytes of a call in a file"),
    "table-bytes": (1484, "bytes of a call in PostgreSQL"),
    "file-open-us": (10.4, "CPU of an answer when a file is opened"),
    "table-open-us": (24.6, "CPU of an answer when a database is opened, with the server's"),
    "file-kept": (228, "bytes of memory of an answer in an open file"),
    "table-kept": (265, "bytes of memory of an answer in an open database"),
    "resume-us": (79, "CPU of an answer when the run that bought it is resumed"),
    "table-rows": (2379, "rows a second of a database"),
}
"""The figures of one call by the name of their option, from two busy cores."""


def short(number: float, unit: str = "") -> str:
    """Return a number with three digits at the most, and a prefix for its size."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {prefix}{unit}"
    return f"{number:.3g} {unit}".strip()


def span(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"


def endpoint(given: argparse.Namespace) -> list[tuple[str, str]]:
    """Return what the day asks of the models."""
    rate = given.calls / given.hours / 3600
    return [
        ("calls a second", short(rate)),
        ("calls a minute (rpm)", short(60 * rate)),
        ("tokens a minute (tpm)", short(60 * rate * (given.tokens_in + given.tokens_out))),
        ("tokens in and out", f"{short(given.calls * given.tokens_in)} and {short(given.calls * given.tokens_out)}"),
        (f"in flight: calls a second x {given.seconds:g} s", short(rate * given.seconds)),
    ]


def machine(given: argparse.Namespace) -> list[tuple[str, str]]:
    """Return what the day asks of the machines."""
    rate, calls = given.calls / given.hours / 3600, given.calls
    return [
        ("one process", f"{rate * given.whole_ms / 10:.2g} % of a core"),
        ("the server of PostgreSQL", f"{rate * given.server_ms / 10:.2g} % of a core"),
        ("rows in the journal", f"{short(_ROWS * rate)} a second, {short(_ROWS * calls)} in all"),
        ("size of the journal in a file", short(calls * given.file_bytes, "B")),
        ("size of the journal in PostgreSQL", short(calls * given.table_bytes, "B")),
        ("to begin a run on that file", _opened(calls, given.file_open_us, given.file_kept)),
        ("to begin a run on that database", _opened(calls, given.table_open_us, given.table_kept)),
        ("to resume one run of all calls", f"{span(calls * given.resume_us / 1e6)} of CPU"),
    ]


def _opened(calls: int, each: float, kept: float) -> str:
    return f"{span(calls * each / 1e6)} of CPU, {short(calls * kept, 'B')} of memory"


def most(given: argparse.Namespace) -> list[tuple[str, float]]:
    """Return the calls a second that each part takes at the most."""
    return [
        ("one process", 1000 / given.whole_ms),
        ("a worker process", 1000 / given.far_ms),
        ("the driver of workers", 1000 / given.driver_ms),
        ("one database", given.table_rows / _ROWS),
    ]


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000_000, help="calls of the day")
    parser.add_argument("--hours", type=float, default=24, help="hours in which they are made")
    parser.add_argument("--seconds", type=float, default=4, help="seconds of a call")
    parser.add_argument("--tokens-in", type=float, default=1500, help="tokens of a prompt")
    parser.add_argument("--tokens-out", type=float, default=200, help="tokens of an answer")
    for name, (value, told) in MEASURED.items():
        parser.add_argument(f"--{name}", type=float, default=value, help=told)
    given = parser.parse_args(words)
    tokens = f"{given.tokens_in:,g} tokens in and {given.tokens_out:,g} out"
    print(f"{given.calls:,} calls in {given.hours:g} h, each with {tokens}")
    for part, said in (*endpoint(given), *machine(given)):
        print(f"  {part:<34} {said}")
    print("at the most, in calls a second and in calls in 24 h")
    for name, rate in most(given):
        print(f"  {name:<34} {short(rate):<8} {short(rate * DAY)}")


if __name__ == "__main__":
    main()
