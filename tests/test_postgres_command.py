"""The commands of flowrun with a journal in PostgreSQL, and databases that cannot be used."""
# ruff: noqa: F401, F811

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.dsl import Source
from flowrun.runtime import RunOptions, load, resume_async, run_async
from flowrun.runtime.journal.address import JournalAddress, place_of
from flowrun.runtime.journal.postgres.connecting import said_by
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.command_line import COMMAND, chat, command
from support.postgres_journals import database
from support.postgres_server import PASSWORD, PostgresServer, needs_postgres
from support.written import read_journal

pytestmark = needs_postgres

FLOW = """flow each(rows: [text]) {
  out = map row in rows { ask "Say {{ row }}" } reduce collect
  return out
}
"""


class Model:
    """A model that counts its prompts."""

    def __init__(self, pause: float = 0.0) -> None:
        self.asked: list[str] = []
        self.pause = pause
        self._more = asyncio.Condition()

    async def got(self, many: int) -> None:
        """Wait until so many prompts came."""
        async with self._more:
            await self._more.wait_for(lambda: len(self.asked) >= many)

    async def reply(self, request: web.Request) -> web.StreamResponse:
        prompt = (await request.json())["messages"][0]["content"]
        async with self._more:
            self.asked.append(prompt)
            self._more.notify_all()
        await asyncio.sleep(self.pause)
        return web.json_response(chat(f"<{prompt}>"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "each.flow").write_text(FLOW)
    return tmp_path


@pytest.fixture
def model(faults: Any) -> Model:
    made = Model()
    faults.replies.append(made.reply)
    return made


@pytest.fixture
def flowrun(folder: Path, faults: Any) -> Callable[..., Any]:
    async def run(*words: str, journal: str, **environ: str) -> Any:
        found = await command(
            *words,
            folder=folder,
            OPENAI_BASE_URL=faults.url,
            FLOWRUN_JOURNAL=journal,
            FLOWRUN_MODEL="openai:m",
            **environ,
        )
        assert PASSWORD not in found.out + found.err
        return found

    return run


def rows(count: int) -> str:
    return json.dumps([f"r{number}" for number in range(count)])


async def test_every_command_takes_the_address(
    folder: Path, model: Model, flowrun: Any, postgres: PostgresServer, database: JournalAddress
) -> None:
    postgres.sql(f"CREATE ROLE joe LOGIN PASSWORD '{PASSWORD}'")
    postgres.sql(f"GRANT CREATE ON DATABASE {database.name} TO joe")
    url = f"postgresql://joe:{PASSWORD}@127.0.0.1:{postgres.port}/{database.name}"
    postgres.hba("host all flowrun 127.0.0.1/32 trust", "host all joe 127.0.0.1/32 scram-sha-256")
    try:
        ran = await flowrun("each.flow", "--rows", rows(3), journal=url)
        assert ran.code == 0, ran.err
        assert json.loads((await flowrun("each.flow", "--rows", rows(3), "--json", journal=url)).out)["value"][0]
        assert len(model.asked) == 3
        listed = json.loads((await flowrun("runs", "--json", journal=url)).out)["runs"]
        assert [(one["answers"], one["status"]) for one in listed] == [(3, "done"), (0, "done")]
        user = listed[0]["user"]
        for words, many in (
            (("--user", user), 2),
            (("--user", "nobody else"), 0),
            (("--flow", "each"), 2),
            (("--flow", "x"), 0),
        ):
            found = json.loads((await flowrun("runs", "--json", *words, journal=url)).out)["runs"]
            assert len(found) == many, words
        assert user in (await flowrun("runs", journal=url)).out
        first = listed[0]["run"]
        assert "<Say r1>" in (await flowrun("show", first, "out[1]", journal=url)).out
        assert (await flowrun("report", first, "-o", "page.html", journal=url)).code == 0
        assert PASSWORD not in (folder / "page.html").read_text()
        assert (await flowrun("journal", "verify", journal=url)).code == 0
        assert "2 runs, 3 answers" in (await flowrun("journal", "stats", journal=url)).out
        forgotten = await flowrun("journal", "forget", first, "out[1]", journal=url)
        assert f"--journal postgresql://joe@127.0.0.1:{postgres.port}/{database.name}" in forgotten.out
        assert (await flowrun("resume", first, journal=url)).code == 0
        assert model.asked[3:] == ["Say r1"]
        assert (await flowrun("journal", "export", first, "-o", "run.jsonl", journal=url)).code == 0
        assert (await flowrun("journal", "erase", first, journal=url)).code == 0
        assert "has no run" in (await flowrun("show", first, journal=url)).err
        assert (await flowrun("journal", "import", "run.jsonl", journal=url)).code == 0
        assert "<Say r2>" in (await flowrun("show", first, "out[2]", journal=url)).out
        text = postgres.sql("SELECT string_agg(body, '') FROM flowrun.records", database=database.name)[0][0]
        assert PASSWORD not in text
    finally:
        postgres.hba("host all all 127.0.0.1/32 trust")


async def test_python_takes_the_address(folder: Path, model: Model, faults: Any, database: JournalAddress) -> None:
    options = RunOptions(model="openai:m", environ={"OPENAI_BASE_URL": faults.url}, journal=database.url)
    result = await run_async(folder / "each.flow", {"rows": ["a", "b"]}, options=options)
    assert result.value == ["<Say a>", "<Say b>"]
    again = await resume_async("last", database.url, options=RunOptions(environ={"OPENAI_BASE_URL": faults.url}))
    assert again.value == result.value
    assert len(model.asked) == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_a_run_goes_on_while_its_server_restarts(
    how: int, folder: Path, model: Model, faults: Any, postgres: PostgresServer, database: JournalAddress
) -> None:
    model.pause = 0.02
    options = RunOptions(model="openai:m", environ={"OPENAI_BASE_URL": faults.url}, journal=database.url)
    names = [f"r{number}" for number in range(120)]
    running = asyncio.create_task(run_async(folder / "each.flow", {"rows": names}, options=options))
    await model.got(30)
    await asyncio.to_thread(postgres.restart, how)
    result = await running
    assert result.value == [f"<Say {name}>" for name in names]
    assert len(model.asked) == 120
    assert read_journal(database).runs[1].answers == 120


async def test_a_killed_process_is_resumed_and_pays_nothing_twice_unannounced(
    folder: Path, model: Model, flowrun: Any, faults: Any, database: JournalAddress
) -> None:
    model.pause = 0.05
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "OPENAI_BASE_URL": faults.url,
        "FLOWRUN_MODEL": "openai:m",
        "FLOWRUN_JOURNAL": database.url,
    }
    words = [*COMMAND, "each.flow", "--rows", rows(200), "--quiet"]
    process = await asyncio.create_subprocess_exec(*words, cwd=folder, env=environ)
    await model.got(60)
    process.kill()
    await process.wait()
    sent = len(model.asked)
    listed = json.loads((await flowrun("runs", "--json", journal=database.url)).out)["runs"]
    assert listed[0]["status"] == "killed"
    resumed = await flowrun("resume", "last", journal=database.url)
    assert resumed.code == 0
    twice = len(model.asked) - 200
    doubts = listed[0]["in_doubt"]
    assert 0 < twice <= doubts
    assert f"{doubts} calls" in resumed.err
    assert sent < 200


# Databases that cannot be used


def refusal(url: str) -> str:
    flow = Source("flow f() { x = ask 'q' return x }".replace("'", '"'))
    with pytest.raises((DiskError, UsageError)) as found:
        asyncio.run(run_async(load(flow), options=RunOptions(model="scripted:m", journal=url)))
    return str(found.value)


BAD = (
    ("postgresql://flowrun@127.0.0.1:1/x", "no server listens at this address"),
    ("postgresql://flowrun@no.such.host.invalid/x", "there is no such host"),
    ("postgresql://flowrun@127.0.0.1:{port}/none", "it has no such database"),
    ("postgresql://nobody@127.0.0.1:{port}/postgres", "it knows no user `nobody`"),
    ("postgresql://flowrun@127.0.0.1:{port}/postgres?sslmode=require", "it has no TLS"),
    ("postgresql://flowrun@127.0.0.1:{port}/postgres?color=blue", "an option of the URL is wrong"),
    ("postgresql://flowrun@127.0.0.1:{port}/latin", "holds its texts in LATIN1"),
    ("postgresql://ann:wrong-horse@127.0.0.1:{port}/postgres", "it refuses the password of `ann`"),
    ("postgresql://ann@127.0.0.1:{port}/postgres", "it wants a password: set PGPASSWORD"),
    ("postgresql://tls:x@127.0.0.1:{port}/postgres", "it takes `tls` only with TLS"),
    ("postgresql://poor@127.0.0.1:{port}/postgres", "this user may not make its tables in the database"),
    ("postgresql://flowrun@127.0.0.1:{port}/newer", "was written by a newer version of flowrun"),
    ("postgresql://flowrun@127.0.0.1:{port}/other", "has a table flowrun.records that is not of a journal"),
    ("postgresql://flowrun@127.0.0.1:0/x", "names the port"),
    ("postgresql://flowrun@host:secret-word/x#y", "the URL of the journal cannot be read"),
)


@pytest.fixture(scope="module")
def odd(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A server with databases and users that a journal cannot use."""
    postgres.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    for name in ("ann", "tls", "poor"):
        postgres.sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    postgres.make_database("newer")
    postgres.sql("CREATE SCHEMA flowrun", database="newer")
    postgres.sql("CREATE TABLE flowrun.version (schema integer, format integer)", database="newer")
    postgres.sql("INSERT INTO flowrun.version VALUES (99, 2)", database="newer")
    postgres.make_database("other")
    postgres.sql("CREATE SCHEMA flowrun", database="other")
    postgres.sql("CREATE TABLE flowrun.records (x integer)", database="other")
    postgres.hba(
        "host all flowrun,poor,nobody 127.0.0.1/32 trust",
        "host all ann 127.0.0.1/32 scram-sha-256",
        "hostssl all tls 127.0.0.1/32 scram-sha-256",
    )
    yield postgres
    postgres.hba("host all all 127.0.0.1/32 trust")


@pytest.mark.parametrize(("url", "said"), BAD, ids=[said for _, said in BAD])
def test_a_database_that_cannot_be_used_is_told_of_in_a_sentence(
    url: str, said: str, odd: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    found = refusal(url.format(port=odd.port))
    assert said in found
    assert "\n" not in found
    assert "wrong-horse" not in found and "secret-word" not in found


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'flowrun-dsl[postgres]'" in refusal("postgresql://flowrun@127.0.0.1:1/x")


def test_a_journal_that_nobody_has_made_is_empty(database: JournalAddress, postgres: PostgresServer) -> None:
    assert not read_journal(database).runs
    assert postgres.sql("SELECT to_regclass('flowrun.records')", database=database.name) == [(None,)]


# Addresses

PRINTED = (
    ("postgres://u:a%20b@h:5/d", "postgresql://u@h:5/d"),
    ("postgresql://u@h/d?password=geheim&sslmode=require", "postgresql://u@h/d?sslmode=require"),
    ("postgresql:///d?host=/run/postgresql", "postgresql:///d?host=/run/postgresql"),
    ("postgresql://u:p@one:1,two:2/d", "postgresql://u@one:1,two:2/d"),
)


@pytest.mark.parametrize(("url", "text"), PRINTED)
def test_an_address_is_printed_without_its_password(url: str, text: str) -> None:
    place = place_of(url)
    assert isinstance(place, JournalAddress)
    assert (str(place), os.fspath(place), place.url) == (text, text, url)
    assert repr(place) == f"JournalAddress({text!r})"
    assert str(place_of(place)) == text
    assert not isinstance(place_of("journal.db"), JournalAddress)


def test_no_word_of_the_driver_shows_a_password() -> None:
    place = JournalAddress("postgresql://u:two%20words@h/d?sslpassword=third")
    said = said_by(place, ValueError("connection failed: two words, two%20words and third\nmore"))
    assert said == "***, *** and ***"


def test_warnings_of_the_driver_do_not_stand_in_the_output() -> None:
    program = (
        "from flowrun.runtime.journal.postgres.connecting import driver; driver(); "
        "import logging; logging.getLogger('psycopg.pipeline').warning('error ignored')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
