"""The quick way of rows into the index: after any rows, the index is as if it had taken each by itself."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from flowrun.runtime.journal.index import Index
from flowrun.runtime.journal.reading import open_to_read
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.rows import read_through
from flowrun.runtime.journal.store import Journal

CALLS = [Kind.INTENT] * 6 + [Kind.ANSWER] * 5 + [Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED]


def drawn(draw: random.Random) -> list[LogRecord]:
    """Rows of few calls in few runs, so that each kind of row meets each state of a call."""
    found = [LogRecord(0, Kind.RUN, {"id": f"r{number}", "flow": "f", "source": "", "began": 1.0}) for number in (1, 2)]
    for _ in range(draw.randrange(60)):
        kind = draw.choice([*CALLS, Kind.FORGOTTEN])
        found.append(LogRecord(draw.choice([1, 2]), kind, {}, bytes([draw.randrange(3)]), draw.choice("aé")))
    return found


async def _written(path: Path, records: list[LogRecord]) -> None:
    journal = Journal.open(path)
    await journal.append(records)
    journal.close()


def test_rows_that_come_together_make_the_same_index(tmp_path: Path) -> None:
    draw, open_at_the_end = random.Random(3), 0
    for number in range(60):
        path, records, slow = tmp_path / f"{number}.db", drawn(draw), Index()
        asyncio.run(_written(path, records))
        for at, one in enumerate(records, 1):
            slow.take(at, one.run or at, one.kind, one.key, one.place, one.body)
        connection, quick = open_to_read(path), Index()
        assert read_through(connection, path, quick).rows == len(records)
        connection.close()
        assert dict(quick.paid) == dict(slow.paid)
        assert (quick.open, quick.runs, quick.latest) == (slow.open, slow.runs, slow.latest)
        assert {key: found for key, found in quick.unanswered.items() if found} == {
            key: found for key, found in slow.unanswered.items() if found
        }
        open_at_the_end += bool(quick.open)
    assert open_at_the_end > 25
