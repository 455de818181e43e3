"""A journal in PostgreSQL: readers find what they find in a file; rights, places and settings."""
# ruff: noqa: F401, F811

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_totals import run_of

from flowrun.runtime.journal.address import JournalAddress
from flowrun.runtime.journal.opening import open_journal
from flowrun.runtime.journal.postgres import schema
from flowrun.runtime.journal.postgres.writer import PostgresWriter
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.rewrite import rewrite
from flowrun.runtime.journal.survey import read_answers
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.postgres_journals import database
from support.postgres_server import PostgresServer, needs_postgres
from support.random_rows import records
from support.written import read_journal

pytestmark = needs_postgres

HEAD = {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0, "user": "ann"}
COLUMNS = "number, run, kind, key, place, body, sum"


def write(place: Path, rows: list[LogRecord]) -> None:
    async def written() -> None:
        with closing(open_journal(place)) as journal:
            for row in rows:
                begins = row.kind is Kind.RUN and isinstance(row.body, dict)
                journal.note([row._replace(body={**HEAD, **row.body}) if begins else row])

    asyncio.run(written())


@pytest.mark.parametrize("seed", range(3))
def test_the_rows_are_those_of_a_file_to_the_byte(
    seed: int, tmp_path: Path, database: JournalAddress, postgres: PostgresServer
) -> None:
    rows = list(records(random.Random(seed), 300))
    write(tmp_path / "j.db", rows)
    write(database, rows)
    with closing(sqlite3.connect(tmp_path / "j.db")) as file:
        expected = file.execute(f"SELECT {COLUMNS} FROM records ORDER BY number").fetchall()
    assert postgres.sql(f"SELECT {COLUMNS} FROM flowrun.records ORDER BY number", database=database.name) == expected
    assert len(expected) == 300


def _decoded(fields: Any) -> Any:
    found = json.loads(fields) if isinstance(fields, str) else fields
    return [one or "" for one in found] if len(found) == 2 else found


@pytest.mark.parametrize("seed", range(3))
def test_every_reader_finds_what_it_finds_in_a_file(seed: int, tmp_path: Path, database: JournalAddress) -> None:
    dice = random.Random(seed)
    rows = [LogRecord(0, Kind.RUN, HEAD), *run_of(dice, 1, 60, ("openai:a", "local:ä"), 0.4)]
    rows += [LogRecord(1, Kind.FORGOTTEN, {"at": 1.0}, row.key, row.place) for row in rows[20:30] if row.key]
    rows += [LogRecord(1, Kind.GIVEN, {"plan": "word", "inputs": {"x": 1.5}}), LogRecord(1, Kind.READ, {"path": "p"})]
    write(tmp_path / "j.db", rows)
    write(database, rows)
    keys = sorted({row.key for row in rows if row.key})
    places = ["out[3].answer", "out[7].answer", "no\0where", "\ud800"]
    found: list[tuple[Any, ...]] = []
    for place in (tmp_path / "j.db", database):
        with JournalReader(place) as reader:
            last = reader.last_row(1)
            account = reader.past(1).account
            run_rows = list(reader.rows(1, last))
            found.append(
                (
                    reader.index,
                    [(row.number, row.kind, row.key, row.place, row.body) for row in run_rows],
                    reader.rows_at(1, *places),
                    reader.rows_under(1, places[:1], 50),
                    reader.rows_under(1, ["out"], 2),
                    reader.paid_keys(keys),
                    reader.has_elsewhere(1, run_rows[5:6]),
                    dict(reader.answers_before(40)),
                    list(reader.notes_of(1, Kind.READ)),
                    reader.keys(1, Kind.ANSWER),
                    [reader.body(number) for number in range(1, last + 1)],
                    [reader.part(last - 1, name) for name in ("plan", "inputs", "none")],
                    [(*row[:-1], row[-1] and _decoded(row[-1])) for row in reader.attempts(1)],
                    (
                        account.requests,
                        vars(account.use("openai:a")) if hasattr(account.use("openai:a"), "__dict__") else 0,
                    ),
                )
            )
        with JournalReader(place, read_answers) as reader:
            found[-1] += (dict(reader.index.paid),)
    file, server = found
    for one, other in zip(file, server, strict=True):
        assert one == other


async def test_places_that_a_database_cannot_hold(database: JournalAddress) -> None:
    with closing(open_journal(database)) as journal:
        run = await journal.append([LogRecord(0, Kind.RUN, HEAD)])
        for number, place in enumerate(("a\0b", "a\ud800b", "ä[1]", "🎈")):
            call = bytes([number]), place
            await journal.append([LogRecord(run, Kind.INTENT, {"model": "\0 \ud800", "bytes": 1}, *call)])
    with JournalReader(database) as reader:
        found = [one.place for opens in reader.index.open.values() for one in opens]
        assert found == ["a\ufffdb", "a?b", "ä[1]", "🎈"]
        assert reader.body(2) == {"model": "\0 \ud800", "bytes": 1}


async def test_rights_to_read_or_to_write_suffice(database: JournalAddress, postgres: PostgresServer) -> None:
    await asyncio.to_thread(write, database, [LogRecord(0, Kind.RUN, HEAD)])
    name = database.name
    for role in ("reader", "author"):
        postgres.sql(f"CREATE ROLE {role} LOGIN")
        postgres.sql(f"GRANT USAGE ON SCHEMA flowrun TO {role}", database=name)
        postgres.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA flowrun TO {role}", database=name)
    postgres.sql("GRANT INSERT ON flowrun.records TO author", database=name)
    reads, writes = (JournalAddress(postgres.url(name, role)) for role in ("reader", "author"))
    assert len(read_journal(reads).runs) == 1
    with closing(open_journal(writes)) as journal:
        await journal.append([LogRecord(0, Kind.RUN, HEAD)])
    with closing(open_journal(reads)) as journal, pytest.raises(DiskError, match="permission denied"):
        await journal.append([LogRecord(0, Kind.RUN, HEAD)])
    assert len(read_journal(database).runs) == 2
    with pytest.raises(DiskError, match="this user may not read"):
        postgres.sql("CREATE ROLE stranger LOGIN")
        read_journal(JournalAddress(postgres.url(name, "stranger")))


async def test_commits_wait_for_the_disk(database: JournalAddress, postgres: PostgresServer) -> None:
    postgres.sql(f"ALTER DATABASE {database.name} SET synchronous_commit TO off")
    with closing(open_journal(database)) as journal:
        assert "`fsync` and `full_page_writes` off" in journal.notes[0]
        writer = journal._shared.writer
        assert isinstance(writer, PostgresWriter)
        assert writer._connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_a_journal_that_is_in_use_is_not_rewritten(database: JournalAddress) -> None:
    write(database, [LogRecord(0, Kind.RUN, HEAD), LogRecord(0, Kind.RUN, {**HEAD, "id": "r2"})])
    with closing(open_journal(database)), pytest.raises(UsageError, match="a process uses the journal"):
        rewrite(database, [1])
    sizes = rewrite(database, [1])
    assert (sizes.rows_before, sizes.rows) == (2, 1)
    assert [run.id for run in read_journal(database).runs.values()] == ["r2"]


def test_a_changed_row_is_damage_and_is_named(database: JournalAddress, postgres: PostgresServer) -> None:
    write(database, list(records(random.Random(1), 50)))
    postgres.sql("UPDATE flowrun.records SET place = 'b' WHERE number = 7", database=database.name)
    with pytest.raises(DiskError, match=r"is damaged: row 7 .*Put back a copy of the database"):
        open_journal(database)


def test_tables_are_made_once_by_many_at_the_same_time(database: JournalAddress, postgres: PostgresServer) -> None:
    async def one() -> None:
        await asyncio.to_thread(lambda: open_journal(database).close())

    async def many() -> None:
        await asyncio.gather(*(one() for _ in range(8)))

    asyncio.run(many())
    assert postgres.sql("SELECT schema FROM flowrun.version", database=database.name) == [(len(schema.MIGRATIONS),)]


def test_a_journal_with_older_tables_is_read_as_it_is(
    database: JournalAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
        write(database, [LogRecord(0, Kind.RUN, HEAD)])
    assert len(read_journal(database).runs) == 1


def test_each_later_step_is_taken_once(
    database: JournalAddress, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(database, [LogRecord(0, Kind.RUN, HEAD)])
    later = (*schema.MIGRATIONS, "ALTER TABLE flowrun.records ADD COLUMN more text")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", later)
        for _ in range(2):
            open_journal(database).close()
    assert postgres.sql("SELECT schema FROM flowrun.version", database=database.name) == [(len(later),)]
    with pytest.raises(DiskError, match="newer version of flowrun"):
        open_journal(database)
