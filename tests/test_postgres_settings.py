"""A database or a role whose settings are meant for other programs: a journal there works as everywhere."""
# ruff: noqa: F401, F811

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from flowrun.runtime.journal.address import JournalAddress
from flowrun.runtime.journal.opening import open_journal
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.vocabulary.errors import DiskError
from support.postgres_journals import database
from support.postgres_server import PostgresServer, needs_postgres
from support.written import read_journal

pytestmark = needs_postgres

ODD = (
    ("default_transaction_isolation", "repeatable read"),
    ("default_transaction_isolation", "serializable"),
    ("datestyle", "German"),
    ("statement_timeout", "60ms"),
    ("lock_timeout", "1ms"),
    ("idle_session_timeout", "100ms"),
    ("bytea_output", "escape"),
    ("timezone", "UTC-5"),
    ("standard_conforming_strings", "off"),
)


@pytest.mark.parametrize(("name", "value"), ODD, ids=[f"{name} {value}" for name, value in ODD])
async def test_settings_of_others_cost_no_row(
    name: str, value: str, database: JournalAddress, postgres: PostgresServer
) -> None:
    postgres.sql(f"ALTER DATABASE {database.name} SET {name} TO '{value}'")
    journals = [open_journal(database) for _ in range(4)]
    head = {"id": "r", "flow": "f", "source": "f.flow", "began": 1.0}

    async def work(at: int) -> None:
        run = await journals[at].append([LogRecord(0, Kind.RUN, {**head, "id": f"r{at}"})])
        journals[at].begin(run)
        for number in range(25):
            body = {"text": "\\ \u00e9", "in": number, "out": 1}
            await journals[at].append([LogRecord(run, Kind.ANSWER, body, bytes([at, number]), f"p{number}")])

    await asyncio.gather(*(work(at) for at in range(4)))
    await asyncio.sleep(0.3 if "idle" in name else 0)
    for at in range(4):
        await work(at)
    for journal in journals:
        journal.close()
    index = read_journal(database)
    assert [run.answers for run in index.runs.values()] == [25] * 8


TABLES = (
    ("CREATE TABLE flowrun.version (id integer, name text)", "has a table flowrun.version that is not of a journal"),
    (
        "CREATE VIEW flowrun.version AS SELECT 'a' AS schema, 'b' AS format",
        "has a table flowrun.version that is not of a journal",
    ),
    (
        "CREATE VIEW flowrun.version AS SELECT 0 AS schema, 0 AS format",
        "cannot be opened: cannot insert into view",
    ),
    (
        "CREATE TABLE flowrun.records (x integer); CREATE TABLE flowrun.version (schema integer, format integer); "
        "INSERT INTO flowrun.version VALUES (0, 0)",
        "cannot be opened: ",
    ),
)


@pytest.mark.parametrize(("statements", "said"), TABLES)
def test_tables_of_another_program_are_told_of_in_a_sentence(
    statements: str, said: str, database: JournalAddress, postgres: PostgresServer
) -> None:
    postgres.sql(f"CREATE SCHEMA flowrun; {statements}", database=database.name)
    with pytest.raises(DiskError) as found, closing(open_journal(database)):
        pass
    assert said in str(found.value)


def test_a_role_that_only_reads_is_told_of(database: JournalAddress, postgres: PostgresServer) -> None:
    postgres.sql(f"ALTER DATABASE {database.name} SET default_transaction_read_only TO on")
    with pytest.raises(DiskError, match="may only read"), closing(open_journal(database)):
        pass
