"""A journal in PostgreSQL whose server is restarted or killed, or whose connections break: no row is lost or twice."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from flowrun.runtime.journal.address import JournalAddress
from flowrun.runtime.journal.opening import live_in, open_journal
from flowrun.runtime.journal.postgres import idle_queue, writer
from flowrun.runtime.journal.postgres.store import PostgresJournal
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.few_cases import few
from support.patience import eventually, until
from support.postgres_server import PostgresServer, needs_postgres, server
from support.written import read_journal

pytestmark = needs_postgres

_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'j'"


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    """A server that syncs each commit to the disk."""
    with server(durable=True) as started:
        yield started


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_queue, "PULSE", 0.2)


@pytest.fixture
def database(durable: PostgresServer) -> JournalAddress:
    if durable.process is None:
        durable.start()
    durable.sql("DROP DATABASE IF EXISTS j WITH (FORCE)")
    return JournalAddress(durable.make_database("j"))


def opened(address: JournalAddress) -> PostgresJournal:
    found = open_journal(address)
    assert isinstance(found, PostgresJournal)
    return found


async def begun(journal: PostgresJournal, name: str) -> int:
    head = {"id": name, "flow": "f", "source": "f.flow", "began": 1.0}
    run = await journal.append([LogRecord(0, Kind.RUN, head)])
    journal.begin(run)
    return run


def call(run: int, number: int, kind: Kind) -> LogRecord:
    return LogRecord(run, kind, {"model": "m", "bytes": 3, "text": "x"}, number.to_bytes(16, "big"), f"a[{number}]")


def test_no_remark_on_a_server_that_keeps_what_it_commits(database: JournalAddress) -> None:
    with closing(opened(database)) as journal:
        assert journal.notes == []


async def written_through(
    durable: PostgresServer, database: JournalAddress, break_: Any, calls: int = 300
) -> dict[str, int]:
    """Write calls, break something in the middle, and count the rows of each kind."""
    with closing(opened(database)) as journal:
        run = await begun(journal, "r1")

        async def one(number: int) -> None:
            await asyncio.sleep(number / calls)
            await journal.append([call(run, number, Kind.INTENT)])
            await journal.append([call(run, number, Kind.ANSWER)])

        async def fault() -> None:
            for _ in range(4):
                await asyncio.sleep(0.2)
                await asyncio.to_thread(break_)

        await asyncio.gather(fault(), *(one(number) for number in range(calls)))
        # The run is live again, although nothing is written any more.
        for _ in range(100):
            if run in live_in(database, [run]):
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("the run is not live")
    index = read_journal(database)
    assert index.runs[run].answers == calls
    assert not index.open
    rows = durable.sql("SELECT kind, count(*) FROM flowrun.records GROUP BY kind", database="j")
    return {str(kind): int(count) for kind, count in rows}


BREAKS = {
    "terminated": lambda durable: durable.sql(_END),
    "restarted": lambda durable: durable.restart(),
    "killed": lambda durable: durable.restart(signal.SIGKILL),
}


@pytest.mark.parametrize("name", few(list(BREAKS), "terminated", "killed"))
async def test_each_row_is_there_once_after_a_break(
    name: str, durable: PostgresServer, database: JournalAddress
) -> None:
    found = await written_through(durable, database, lambda: BREAKS[name](durable))
    assert found == {"run": 1, "intent": 300, "answer": 300}


class _Broken:
    """A connection that breaks once, just before or just after a commit reached the server."""

    def __init__(self, connection: Any, *, after: bool) -> None:
        self._connection = connection
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: Any, *others: Any, **options: Any) -> Any:
        import psycopg

        if sql != "COMMIT":
            return self._connection.execute(sql, *others, **options)
        if self._after:
            self._connection.execute(sql)
            self._connection.pgconn.pipeline_sync() if self._connection.pgconn.pipeline_status else None
        self._connection.close()
        raise psycopg.OperationalError("the connection is lost")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("many", [1, 500])
async def test_a_commit_without_an_answer_is_neither_lost_nor_repeated(
    many: int, after: bool, database: JournalAddress
) -> None:
    with closing(opened(database)) as journal:
        run = await begun(journal, "r1")
        inner = journal._link.writer
        inner._connection = _Broken(inner._connection, after=after)  # type: ignore[assignment]
        first = await journal.append([call(run, number, Kind.INTENT) for number in range(many)])
        assert first == run + 1
        assert await journal.append([call(run, 0, Kind.ANSWER)]) == first + many
    index = read_journal(database)
    assert sum(len(found) for found in index.open.values()) == many - 1


async def test_a_run_that_another_process_resumed_stops(durable: PostgresServer, database: JournalAddress) -> None:
    with closing(opened(database)) as journal:
        run = await begun(journal, "r1")
        with closing(_resumed_elsewhere(journal, lambda: durable.sql(_END), database)) as other:
            await other.append([LogRecord(run, Kind.RESUMED, {"began": 2.0})])
            troubles: list[DiskError] = []
            journal.on_trouble = troubles.append
            with pytest.raises(DiskError, match=r"another process .* has resumed the run since: this process stops"):
                await journal.append([call(run, 1, Kind.INTENT)])
            await asyncio.sleep(0.01)
            assert len(troubles) == 1


async def test_a_run_that_was_resumed_and_ended_stops_too(durable: PostgresServer, database: JournalAddress) -> None:
    with closing(opened(database)) as journal:
        run = await begun(journal, "r1")
        with closing(_resumed_elsewhere(journal, lambda: durable.sql(_END), database)) as other:
            await other.append([LogRecord(run, Kind.RESUMED, {"began": 2.0})])
        with pytest.raises(DiskError, match="has resumed the run since"):
            await journal.append([call(run, 1, Kind.INTENT)])


def _resumed_elsewhere(
    journal: PostgresJournal, break_: Callable[[], Any], database: JournalAddress
) -> PostgresJournal:
    """Break the connection of a run, and resume the run before it opens another one."""
    with journal._link.writer._in_use:
        break_()
        other = opened(database)
        _begin_soon(other)
    return other


def _begin_soon(journal: PostgresJournal, run: int = 1) -> None:
    """Resume the run of a connection that was closed. The server needs a moment to notice the end of that."""

    def begun() -> bool:
        try:
            journal.begin(run)
        except UsageError as error:
            if "is still active" in str(error):
                return False
            raise
        return True

    eventually(begun)


async def test_an_idle_run_notices_that_another_process_resumed_it(
    durable: PostgresServer, database: JournalAddress
) -> None:
    with closing(opened(database)) as journal:
        await begun(journal, "r1")
        troubles: list[DiskError] = []
        journal.on_trouble = troubles.append
        with closing(_resumed_elsewhere(journal, journal._link.writer._connection.close, database)) as other:
            await other.append([LogRecord(1, Kind.RESUMED, {"began": 2.0})])
            await until(lambda: troubles)
        assert "has resumed the run" in str(troubles[0])


async def test_a_server_that_stays_away_is_trouble_as_a_full_disk_is(
    durable: PostgresServer, database: JournalAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.5)
    journal = opened(database)
    try:
        run = await begun(journal, "r1")
        durable.stop()
        began = time.monotonic()
        with pytest.raises(DiskError, match="cannot be written any more"):
            await journal.append([call(run, 1, Kind.INTENT)])
        assert time.monotonic() - began < 45
    finally:
        journal.close()
        durable.start()


async def test_a_run_is_resumed_by_one_at_a_time(database: JournalAddress) -> None:
    with closing(opened(database)) as journal:
        run = await begun(journal, "r1")
        await journal.append([call(run, 1, Kind.INTENT)])
        with closing(opened(database)) as other:
            # The attempts of a live run are under way, and in no doubt.
            assert other.index.doubts() == {}
            with pytest.raises(UsageError, match=r"the run r1 is still active \(.*process \d+\)"):
                other.begin(run)
    with closing(opened(database)) as later:
        assert len(later.index.in_doubt(run)) == 1
        _begin_soon(later, run)


async def test_a_run_that_went_on_since_its_journal_was_read_is_not_resumed(database: JournalAddress) -> None:
    journal = opened(database)
    run = await begun(journal, "r1")
    other = opened(database)
    await journal.append([call(run, 1, Kind.INTENT)])
    journal.close()
    with closing(other), pytest.raises(UsageError, match="the run r1 has gone on elsewhere"):
        _begin_soon(other, run)


async def test_many_writers_make_one_chain(database: JournalAddress) -> None:
    journals = [opened(database) for _ in range(6)]

    async def work(journal: PostgresJournal, name: str) -> None:
        run = await begun(journal, name)
        for number in range(40):
            await journal.append([call(run, number, Kind.INTENT)])
            await journal.append([call(run, number, Kind.ANSWER)])

    await asyncio.gather(*(work(journal, f"r{at}") for at, journal in enumerate(journals)))
    with JournalReader(database) as reader:
        assert sorted(run.answers for run in reader.index.runs.values()) == [40] * 6
        assert len({run.user for run in reader.index.runs.values()}) == 1
        assert set(live_in(database, reader.index.runs)) == set(reader.index.runs)
    for journal in journals:
        journal.close()
