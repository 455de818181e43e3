"""Answers of people in a journal in PostgreSQL: of two at the same time one counts, and a live run takes none."""
# ruff: noqa: F401, F811

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path

import pytest

from flowrun.runtime.journal.address import JournalAddress
from flowrun.runtime.journal.opening import open_journal
from support.command_line import Ran, command
from support.postgres_journals import database
from support.postgres_server import PostgresServer, needs_postgres

pytestmark = needs_postgres

FLOW = """
flow ask_me() {
  ok = ask human "Publish?" -> bool
  return ok
}
"""


async def test_one_of_two_answers_counts(tmp_path: Path, database: JournalAddress, postgres: PostgresServer) -> None:
    (tmp_path / "a.flow").write_text(FLOW)

    async def flowrun(*words: str) -> Ran:
        return await command(*words, folder=tmp_path, FLOWRUN_JOURNAL=database.url)

    first = await flowrun("a.flow", "--no-ask", "--json")
    assert json.loads(first.out)["questions"][0]["path"] == "ok", first.err
    with closing(open_journal(database)) as journal:
        journal.begin(1)
        refused = await flowrun("answer", "last", "ok", "yes")
        assert (refused.code, "is still active" in refused.err) == (2, True)
    both = await asyncio.gather(*(flowrun("answer", "last", "ok", word) for word in ("yes", "no")))
    assert sorted(one.code for one in both) == [0, 2], both
    won = both[0].code == 0
    assert json.loads((await flowrun("resume", "last", "--json")).out)["value"] is won
    many = "SELECT count(*) FROM flowrun.records WHERE kind = 'answer'"
    assert postgres.sql(many, database=database.name) == [(1,)]
