"""The tables of the limits that runs share: a file beside a journal, and a table in PostgreSQL."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.journal.address import JournalAddress
from flowrun.runtime.journal.limit_file import FileTable
from flowrun.runtime.journal.limit_table import LimitTable
from flowrun.runtime.journal.opening import limits_of, open_journal
from flowrun.runtime.vocabulary.errors import DiskError
from support.postgres_journals import database
from support.postgres_server import PostgresServer, needs_postgres

__all__ = ["database"]


@pytest.fixture(params=["file", pytest.param("postgres", marks=needs_postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "file":
        return tmp_path / "journal.db"
    address: JournalAddress = request.getfixturevalue("database")
    open_journal(address).close()
    return address


def _more(state: Any, now: float) -> tuple[Any, Any]:
    return (state or 0) + 1, state


def _none(state: Any, now: float) -> tuple[Any, Any]:
    return None, state


def test_a_turn_changes_the_state_of_one_endpoint(place: Path) -> None:
    one, other = limits_of(place), limits_of(place)
    assert [one.turn("a", _more), other.turn("a", _more), one.turn("b", _more), one.turn("a", _more)] == [
        None,
        1,
        None,
        2,
    ]
    assert other.turn("a", _none) == 3
    assert one.turn("a", lambda state, now: (state, state)) is None
    one.turn("b", _none)
    one.close()
    other.close()


def test_turns_of_many_threads_are_one_after_another(place: Path) -> None:
    def work() -> None:
        table = limits_of(place)
        for _ in range(50):
            _patient(table, _more)
        table.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    table = limits_of(place)
    assert _patient(table, _none) == 200
    table.close()


def _patient(table: LimitTable, change: Callable[[Any, float], tuple[Any, Any]]) -> Any:
    while True:
        try:
            return table.turn("a", change)
        except BlockingIOError:
            os.sched_yield()


def test_the_file_is_of_its_user_alone_and_goes_with_its_last_state(tmp_path: Path) -> None:
    table, file = FileTable(tmp_path / "journal.db"), tmp_path / "journal.db.limits"
    table.turn("a", _more)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    table.turn("a", _none)
    assert not file.exists()
    assert table.turn("a", _more) is None
    assert file.exists()
    table.close()


@pytest.mark.parametrize("content", [b"", b"00000000\n{}", b"\xff" * 100, b"x" * 5000])
def test_a_damaged_file_begins_anew(tmp_path: Path, content: bytes) -> None:
    table, file = FileTable(tmp_path / "journal.db"), tmp_path / "journal.db.limits"
    table.turn("a", _more)
    file.write_bytes(content)
    assert table.turn("a", _more) is None
    assert table.turn("a", _more) == 1
    table.close()


def test_a_removed_file_begins_anew_for_all(tmp_path: Path) -> None:
    one, other = FileTable(tmp_path / "journal.db"), FileTable(tmp_path / "journal.db")
    one.turn("a", _more)
    other.turn("a", _more)
    (tmp_path / "journal.db.limits").unlink()
    assert [one.turn("a", _more), other.turn("a", _more)] == [None, 1]
    one.close()
    other.close()


def test_a_link_or_a_missing_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.db.limits").symlink_to(tmp_path / "other")
    with pytest.raises(DiskError, match="a link"):
        FileTable(tmp_path / "journal.db").turn("a", _more)
    with pytest.raises(DiskError, match=r"no\.db\.limits beside the journal cannot be used"):
        FileTable(tmp_path / "missing" / "no.db").turn("a", _more)


@needs_postgres
def test_a_table_without_rights_or_server_is_told(database: JournalAddress, postgres: PostgresServer) -> None:
    open_journal(database).close()
    table = limits_of(database)
    table.turn("a", _more)
    postgres.sql("ALTER TABLE flowrun.limits RENAME TO others", database=database.name)
    with pytest.raises(DiskError, match=r'refuses them .relation "limits" does not exist'):
        table.turn("a", _more)
    postgres.sql("ALTER TABLE flowrun.others RENAME TO limits", database=database.name)
    assert table.turn("a", _more) == 1
    table.close()
    with pytest.raises(DiskError, match="cannot be opened"):
        limits_of(JournalAddress(f"{database.url}x")).turn("a", _more)
