"""The past of a run from a journal that is opened for it: the same in a file and in PostgreSQL, and after a resume."""
# ruff: noqa: F401, F811

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest
from test_bought import drawn, plain
from test_postgres_journal import write

from flowrun.runtime.journal.address import JournalAddress
from flowrun.runtime.journal.history import History
from flowrun.runtime.journal.opening import open_journal
from flowrun.runtime.vocabulary.account import Account
from support.postgres_journals import database
from support.postgres_server import needs_postgres


def pasts(place: Path) -> list[Account]:
    """Return the accounts of three runs from the sums of the fold. They are those of a count row by row."""
    with closing(open_journal(place, past=True)) as journal:
        assert journal.index.bought is not None
        assert any(one.paid for one in journal.index.bought.of.values())
        found = [plain(journal.past(run).account) for run in (1, 2, 3)]
        for run, account in enumerate(found, 1):
            history = History()
            for row in journal.attempts(run):
                history.take(row)
            assert plain(history.account) == account
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_file_that_is_opened_for_a_resume_has_the_figures_of_its_rows(seed: int, tmp_path: Path) -> None:
    write(tmp_path / "j.db", list(drawn(random.Random(seed), 150, 0.1)))
    assert sum(one.sent for one in pasts(tmp_path / "j.db")) > 50


@needs_postgres
@pytest.mark.parametrize("seed", range(2))
def test_a_database_has_the_figures_of_a_file(seed: int, tmp_path: Path, database: JournalAddress) -> None:
    rows = list(drawn(random.Random(seed), 150, 0.1))
    write(tmp_path / "j.db", rows)
    write(database, rows)
    assert pasts(database) == pasts(tmp_path / "j.db")
