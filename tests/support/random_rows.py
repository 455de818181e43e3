"""Random rows of a journal, and the writing of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal

ENDS = (Kind.ANSWER, Kind.ANSWER, Kind.ANSWER, Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED, None)


def records(dice: random.Random, count: int) -> Iterator[LogRecord]:
    """Runs that go on side by side, with calls that end in every way, are killed, repeated, resumed and ended."""
    runs: list[int] = []
    open_: list[tuple[int, bytes, str]] = []
    for number in range(1, count + 1):
        if not runs or dice.random() < 0.03:
            runs.append(number)
            yield LogRecord(0, Kind.RUN, {"id": f"r{number}", "flow": "f", "source": "f.flow", "began": 1.0})
            continue
        run = dice.choice(runs[-3:])
        drawn = dice.random()
        if drawn < 0.02:
            yield LogRecord(run, Kind.END, {"status": "done", "ended": 2.0, "account": None})
        elif drawn < 0.04:
            yield LogRecord(run, Kind.RESUMED, {"began": 3.0})
        elif drawn < 0.5 and open_:
            run, key, place = open_.pop(dice.randrange(len(open_)))
            end = dice.choice(ENDS)
            if end is None:
                yield LogRecord(run, Kind.GIVEN, {})
            else:
                yield LogRecord(run, end, {"text": "x", "in": 1, "out": 1}, key, place)
        else:
            asked = dice.randrange(40)
            open_.append((run, bytes([asked]) * 16, f"ä.out[{asked + dice.randrange(2)}]"))
            yield LogRecord(run, Kind.INTENT, {"model": "m", "bytes": 3}, *open_[-1][1:])


def write(path: Path, rows: list[LogRecord]) -> None:
    async def written() -> None:
        with closing(Journal.open(path)) as journal:
            for row in rows:
                journal.note([row])

    asyncio.run(written())
