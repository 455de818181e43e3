"""Entries whose end a process did not hear of are found in the journal, if they are there, and only then."""

from __future__ import annotations

from pathlib import Path

from flowrun.runtime.journal.reading import open_to_read
from flowrun.runtime.journal.records import JUST_BEGUN, Kind, LogRecord, content
from flowrun.runtime.journal.resent import found_rows
from flowrun.runtime.journal.store import Journal
from support.journal_processes import begun, call

PLAN = content(JUST_BEGUN, {"json": [1, 2]})


def given(number: int) -> LogRecord:
    return LogRecord(JUST_BEGUN, Kind.GIVEN, {"plan": PLAN.key.hex(), "number": number})


async def test_what_is_in_the_journal_is_found_once(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    journal = Journal.open(path)
    first = await journal.append([begun("r1"), PLAN, given(1)])
    other = await journal.append([begun("r2"), PLAN, given(2)])
    assert (first, other) == (1, 4)
    intent, answer = call(1, 1, Kind.INTENT, at=1), call(1, 1, Kind.ANSWER, text="\ud800ü", finish="stop")
    await journal.append([intent])
    await journal.append([call(other, 1, Kind.INTENT, at=1)])
    await journal.append([answer, intent])
    await journal.append([answer._replace(place="\ud800")])

    def found(after: int, *entries: list[LogRecord]) -> list[int]:
        reader = open_to_read(path)
        try:
            return found_rows(reader, after, entries)
        finally:
            reader.close()

    # The first content was written with the first run, and left out with the second.
    assert found(0, [begun("r1"), PLAN, given(1)], [intent]) == [1, 6]
    assert found(3, [begun("r2"), PLAN, given(2)]) == [4]
    assert found(3, [begun("r3"), PLAN, given(2)], [begun("r2"), PLAN, given(3)]) == [0, 0]
    # Each copy of an entry counts once, in the order of the entries.
    assert found(5, [intent], [answer, intent], [intent]) == [6, 8, 0]
    assert found(5, [intent], [intent], [intent]) == [6, 9, 0]
    assert found(6, [intent], [answer, intent]) == [9, 0]
    assert found(5, [answer, intent], [intent]) == [8, 0]
    # An entry is whole or not there.
    assert found(5, [answer, answer], [answer._replace(place="\ud800")]) == [0, 10]
    assert found(5, [call(1, 1, Kind.INTENT, at=2)], [call(1, 2, Kind.INTENT, at=1)]) == [0, 0]
    assert found(9, [answer, intent, answer]) == [0]
    assert found(0, [PLAN], []) == [0, 0]
    assert found(0) == []
    journal.close()
