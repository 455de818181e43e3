"""The needs of a day of calls, and the most that one process, one driver and one database take, reckoned on paper.

    python benchmarks/day.py [--calls 5000000] [--hours 24] [--seconds 4] [--tokens-in 1500] [--tokens-out 200]

The other options are what one call takes, as `benchmarks/a_call.py` and `benchmarks/postgres_journal.py` measure it. Give
the figures of your own machine and of your own calls. This script measures nothing.
"""

from __future__ import annotations

import argparse

DAY = 86_400
_ROWS = 2
"""The rows of a call: its intent and its answer."""


def short(number: float, unit: str = "") -> str:
    """Return a number with two or three digits, and a prefix for its size."""
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
        ("requests a minute (rpm)", short(60 * rate)),
        ("tokens a minute (tpm)", short(60 * rate * (given.tokens_in + given.tokens_out))),
        ("tokens in, tokens out", f"{short(given.calls * given.tokens_in)}, {short(given.calls * given.tokens_out)}"),
        (f"in flight: calls a second × {given.seconds:g} s", short(rate * given.seconds)),
    ]


def machine(given: argparse.Namespace) -> list[tuple[str, str]]:
    """Return what the day asks of the machines."""
    rate, calls = given.calls / given.hours / 3600, given.calls
    return [
        ("CPU of one process, of a core", f"{rate * given.whole_ms / 10:.2g} %"),
        ("CPU of the database's server, of a core", f"{rate * given.server_ms / 10:.2g} %"),
        ("rows a second", short(_ROWS * rate)),
        ("rows", short(_ROWS * calls)),
        ("journal in a file", short(calls * given.file_bytes, "B")),
        ("journal in PostgreSQL", short(calls * given.table_bytes, "B")),
        ("to open the day's journal in a file", _opened(calls, given.open_us, given.kept_bytes)),
        ("to open the day's journal in PostgreSQL", _opened(calls, given.table_open_us, given.table_kept_bytes)),
    ]


def _opened(calls: int, each: float, kept: float) -> str:
    return f"{span(calls * each / 1e6)} of CPU, {short(calls * kept, 'B')} of memory"


def most(given: argparse.Namespace) -> list[tuple[str, float]]:
    """Return the calls a second that each part takes at the most."""
    return [
        ("one process", 1000 / given.whole_ms),
        ("one driver with workers that have cores enough", 1000 / given.driver_ms),
        ("one database", given.table_rows / _ROWS),
    ]


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5_000_000, help="calls of the day")
    parser.add_argument("--hours", type=float, default=24, help="hours in which they are made")
    parser.add_argument("--seconds", type=float, default=4, help="seconds of a call")
    parser.add_argument("--tokens-in", type=float, default=1500)
    parser.add_argument("--tokens-out", type=float, default=200)
    parser.add_argument("--whole-ms", type=float, default=0.5, help="CPU of a call in one process")
    parser.add_argument("--driver-ms", type=float, default=0.3, help="CPU of a call in the driver of a run with workers")
    parser.add_argument("--server-ms", type=float, default=0.12, help="CPU of a call in the database's server")
    parser.add_argument("--file-bytes", type=float, default=1372, help="bytes of a call in a file")
    parser.add_argument("--table-bytes", type=float, default=1592, help="bytes of a call in PostgreSQL")
    parser.add_argument("--table-rows", type=float, default=3800, help="rows a second of a database")
    parser.add_argument("--open-us", type=float, default=11, help="CPU of an answer in a file when it is opened")
    parser.add_argument("--kept-bytes", type=float, default=228, help="memory of an answer in an open file")
    parser.add_argument("--table-open-us", type=float, default=11)
    parser.add_argument("--table-kept-bytes", type=float, default=228)
    given = parser.parse_args(words)
    print(f"{given.calls:,} calls in {given.hours:g} h, {given.tokens_in:g} tokens in and {given.tokens_out:g} out")
    for name, value in (*endpoint(given), *machine(given)):
        print(f"  {name:<42} {value}")
    print("at the most, calls a second and calls in 24 h")
    for name, rate in most(given):
        print(f"  {name:<48} {short(rate):>6} {short(rate * DAY):>7}")


if __name__ == "__main__":
    main()
