"""An error in the thread that writes the journal, and not the disk's: it reaches its run, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.api import RunOptions, resume_async, run_async
from flowrun.runtime.journal import writer
from flowrun.runtime.journal.head import HeadFile
from flowrun.runtime.journal.records import Kind, LogRecord, row
from flowrun.runtime.journal.store import Journal
from support.command_line import chat
from support.patience import PATIENCE
from support.written import read_journal

HEAD = LogRecord(0, Kind.RUN, {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0})
ERRORS = [
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    TypeError("Object of type set is not JSON serializable"),
    MemoryError(),
    RecursionError("maximum recursion depth exceeded"),
    OverflowError("Python int too large to convert to SQLite INTEGER"),
    KeyboardInterrupt(),
]
deep: list[Any] = []
for _ in range(100_000):
    deep = [deep]


def intent(number: int, run: int = 1) -> LogRecord:
    return LogRecord(run, Kind.INTENT, {}, number.to_bytes(16, "big"), f"a[{number}]")


class Plant:
    """Raises ``error`` when a record of the kind ``at`` is made into a row."""

    def __init__(self, at: Kind, error: BaseException) -> None:
        self.at, self.error = at, error

    def __call__(self, number: int, record: LogRecord, *given: Any) -> Any:
        if record.kind is self.at:
            raise self.error
        return row(number, record, *given)


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (LogRecord(1, Kind.INTENT, {1, 2}, b"k", "p"), TypeError),
        (LogRecord(1, Kind.INTENT, deep, b"k", "p"), RecursionError),
        (LogRecord(1, Kind.INTENT, None, "key", "p"), TypeError),  # type: ignore[arg-type]
        (LogRecord(1 << 70, Kind.INTENT, None, b"k", "p"), OverflowError),
    ],
    ids=["no JSON", "too deep", "text for bytes", "a number past 64 bits"],
)
async def test_a_record_that_makes_no_row_fails_alone(tmp_path: Path, record: LogRecord, kind: type[Exception]) -> None:
    """Those that share its transaction are written, under the numbers that they are told."""
    journal = Journal.open(tmp_path / "j.db")
    await journal.append([HEAD])
    waits = [journal.append([intent(1)]), journal.append([intent(2), record]), journal.append([intent(3), intent(4)])]
    before, bad, behind = await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), PATIENCE)
    assert (before, type(bad), behind) == (2, kind, 3)
    assert await journal.append([intent(5)]) == 5
    journal.close()
    found = {attempt.number: attempt.place for attempt in read_journal(tmp_path / "j.db").in_doubt(1)}
    assert found == {2: "a[1]", 3: "a[3]", 4: "a[4]", 5: "a[5]"}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("where", ["row", "executemany", "commit", "rollback"])
async def test_whatever_is_raised_the_writer_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, where: str
) -> None:
    planted: set[str] = set()

    class Faulty(sqlite3.Connection):
        def executemany(self, *given: Any) -> sqlite3.Cursor:
            if planted & {"executemany", "rollback"}:
                raise error
            return super().executemany(*given)

        def commit(self) -> None:
            if "commit" in planted:
                raise error
            super().commit()

        def rollback(self) -> None:
            if "rollback" in planted:
                raise error
            super().rollback()

    journal = Journal.open(tmp_path / "j.db", lambda *given, **named: sqlite3.connect(*given, **named, factory=Faulty))
    await journal.append([HEAD])
    planted.add(where)
    with monkeypatch.context() as patch:
        if where == "row":
            patch.setattr(writer, "row", Plant(Kind.INTENT, error))
        waits = [asyncio.ensure_future(_caught(journal, number)) for number in range(3)]
        done = await asyncio.wait_for(asyncio.gather(*waits), PATIENCE)
    assert done == [error] * 3
    planted.clear()
    assert await asyncio.wait_for(journal.append([intent(9)]), PATIENCE) == 2
    await asyncio.wait_for(asyncio.to_thread(journal.close), PATIENCE)
    assert [attempt.place for attempt in read_journal(tmp_path / "j.db").in_doubt(1)] == ["a[9]"]


async def _caught(journal: Journal, number: int) -> BaseException | int:
    done = journal.append([intent(number)])
    await asyncio.wait([done])
    return done.exception() or done.result()


async def test_rows_on_the_disk_are_not_written_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head cannot be moved behind the transaction."""
    journal = Journal.open(tmp_path / "j.db")
    await journal.append([HEAD])
    with monkeypatch.context() as patch:
        patch.setattr(HeadFile, "move", lambda *given: (_ for _ in ()).throw(MemoryError()))
        waits = [journal.append([intent(number)]) for number in range(3)]
        done = await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), PATIENCE)
    assert {type(one) for one in done} == {MemoryError}
    await asyncio.wait_for(asyncio.to_thread(journal.close), PATIENCE)
    with closing(sqlite3.connect(tmp_path / "j.db")) as reader:
        assert reader.execute("SELECT place FROM records").fetchall() == [("",), ("a[0]",), ("a[1]",), ("a[2]",)]


async def test_an_iterator_that_ends_early_reaches_the_run_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A future of asyncio does not take a StopIteration."""
    journal = Journal.open(tmp_path / "j.db")
    monkeypatch.setattr(writer, "row", Plant(Kind.RUN, StopIteration("early")))
    with pytest.raises(RuntimeError, match="StopIteration: early"):
        await asyncio.wait_for(journal.append([HEAD]), PATIENCE)
    journal.close()


async def test_records_that_nobody_waits_for_are_told_of(tmp_path: Path) -> None:
    journal, other = Journal.open(tmp_path / "j.db"), Journal.open(tmp_path / "j.db")
    told: list[BaseException] = []
    journal.on_mistake = told.append
    other.on_mistake = lambda error: pytest.fail("it is the mistake of another run")
    journal.note([HEAD._replace(body={1, 2})])
    await other.append([HEAD])
    assert [type(one) for one in told] == [TypeError]
    journal.close()
    other.close()


async def test_a_closed_journal_lets_nobody_wait(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j.db")
    journal.close()
    with pytest.raises(ValueError, match="is closed in this process"):
        await asyncio.wait_for(journal.append([HEAD]), PATIENCE)
    journal.close()


def _append(journal: Journal, told: Any) -> None:
    async def append() -> None:
        await asyncio.wait_for(journal.append([HEAD]), PATIENCE)

    try:
        asyncio.run(append())
    except Exception as error:  # noqa: BLE001 (the test looks at it)
        told.put(repr(error))


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_forked_process_does_not_wait_for_the_thread_of_its_parent(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    told = context.SimpleQueue()
    journal = Journal.open(tmp_path / "j.db")
    child = context.Process(target=_append, args=(journal, told))
    child.start()
    assert "is closed in this process" in told.get()
    child.join()
    journal.close()


@pytest.mark.parametrize("error", ERRORS[:3], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("at", [Kind.RUN, Kind.GIVEN, Kind.INTENT, Kind.ANSWER, Kind.END])
async def test_a_run_ends_with_the_error_and_can_be_resumed(
    faults: Any, flow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Kind, error: Exception
) -> None:
    faults.json(chat("fine"))
    faults.json(chat("again"))
    path, journal = flow('flow f() { a = ask "hi" return a }\n'), tmp_path / "j.db"
    environ = {"OPENAI_BASE_URL": faults.url}
    options = RunOptions(model="openai:m", environ=environ, journal=journal)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "row", Plant(at, error))
        with pytest.raises(type(error)) as caught:
            await asyncio.wait_for(run_async(path, options=options), PATIENCE)
    assert caught.value is error
    runs = list(read_journal(journal).runs.values())
    # A transaction is whole or absent: a run without its inputs has not begun.
    assert [run.status for run in runs] == ([] if at in (Kind.RUN, Kind.GIVEN) else [None])
    assert len(faults.seen) == (1 if at in (Kind.ANSWER, Kind.END) else 0)
    for run in runs:
        result = await resume_async(run.id, journal, options=RunOptions(environ=environ))
        assert result.value == ("again" if at is Kind.ANSWER else "fine")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (Kind.REFUSED, 'a = ask "hi" with retries: 1'),
        (Kind.CANCELLED, 'a = fanout { x = ask "one" y = ask "two" } reduce first'),
    ],
)
async def test_a_run_hears_of_a_record_that_it_does_not_wait_for(
    faults: Any, flow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Kind, text: str
) -> None:
    """At once, though a second attempt hangs; and if it is written when the last answer has come."""
    faults.json({"error": {"message": "no"}}, 503) if at is Kind.REFUSED else faults.json(chat("fine"))
    faults.hang()
    monkeypatch.setattr(writer, "row", Plant(at, TypeError("planted")))
    options = RunOptions(model="openai:m", environ={"OPENAI_BASE_URL": faults.url}, journal=tmp_path / "j.db")
    with pytest.raises(TypeError, match="planted"):
        await asyncio.wait_for(run_async(flow(f"flow f() {{ {text} return a }}\n"), options=options), PATIENCE)
    faults.closing.set()
