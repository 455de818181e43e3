"""Runs that are killed lose no paid answer, and pay none twice that they did not tell of: by the server's own log."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kills import has_begun, kill_until_done
from support.place import Place, announced, place
from support.processes import DiskAt
from support.soak import share
from support.written import read_journal

BIG = """
model m = "openai:x" with concurrency: 40, temperature: 0.5
flow big(items: [text]) {
  notes = map item in items {
    kind = repeat 3 { ask m "Which kind is {{ item }}?" -> A | B } reduce majority
    said = ask m "Say why {{ item }} is {{ kind }}."
    { kind, said }
  } reduce collect
  report = map note in notes { ask m "Shorten {{ note }}" } reduce by 8 ask m "Merge {{ results }}"
  return { report, notes }
}
"""
SMALL = """
model m = "openai:x" with concurrency: 4, temperature: 0.5
flow small(items: [text]) {
  kinds = map item in items {
    repeat 3 { ask m "Which kind is {{ item }}?" -> A | B } reduce majority
  } reduce ask m "Sum up {{ results }}"
  return kinds
}
"""

DEAR = """
model m = "openai:x" with concurrency: 10, max_tokens: 5, input_price: 1000, output_price: 2000
flow dear(items: [text]) {
  said = map item in items { ask m "Say {{ item }}" } reduce collect with errors: skip
  return said
}
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("big"), BIG, 40, refuse=0.02)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("small"), SMALL, 3)


@pytest.fixture(scope="module")
def dear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("dear"), DEAR, 100, seconds=0.05)


def test_a_run_that_is_killed_at_any_moment(big: Place) -> None:
    dice = random.Random()
    kills = chain = 0
    while kills < 6:
        kills += kill_until_done(big, f"chain{chain}", dice)
        chain += 1
    assert big.needed > 150


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_many_times(big: Place) -> None:
    """A soak kills 500 times."""
    dice = random.Random()
    kills = chain = 0
    while kills < share(500, least=40):
        kills += kill_until_done(big, f"long{chain}", dice)
        chain += 1


@pytest.mark.parametrize("limit", ["$0.81", "40 calls"])
def test_a_budget_holds_whatever_is_killed_when(dear: Place, limit: str) -> None:
    """Every answer costs $0.02, and a run without a budget 100 of them."""
    dice = random.Random(limit)
    name = limit.strip("$").replace(" ", "")
    before = dear.served.answers()
    command = dear.start(name, options=("--budget", limit))
    for _ in range(6):
        if command.wait(dice.uniform(0.1, 0.5) * dear.seconds) is None:
            command.kill()
            command.wait()
        assert "Traceback" not in command.err
        begun = has_begun(dear.folder / name)
        command = dear.resume(name) if begun else dear.start(name, options=("--budget", limit))
    assert command.end() in (0, 4), command.err
    paid = dear.served.answers() - before
    assert 0 < paid <= 40
    [run] = json.loads(dear.listed(name))["runs"]
    assert run["answered"] <= paid <= run["sent"] - run["refused"] <= (40 if "calls" in limit else 100)
    assert run["cost"] <= 0.02 * paid + 1e-9
    if "$" in limit:
        assert 0.02 * paid <= run["cost"] + run["unbilled"] <= 0.81 + 1e-9


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 2])
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_a_run_that_is_killed_at_each_write(small: Place, behind: bool, every: int) -> None:
    # Of every second write, those before which the one is killed are behind those of the other.
    for commit in range(1 + (behind and every > 1), 200, every):
        name = f"{'behind' if behind else 'before'}{commit}of{every}"
        before = small.served.answers()
        command = small.start(name, DiskAt(commit, "behind" if behind else "before"))
        if command.end() == 0:
            break
        command = small.start(name) if not has_begun(small.folder / name) else small.resume(name)
        assert command.end() == 0, command.err
        assert command.out == small.expected
        paid = small.served.answers() - before
        assert small.needed <= paid <= small.needed + announced(command.err)
    # The run writes at least that it begins, what it is given, one group of answers a round, and its end.
    assert 8 <= commit < 199


def test_a_journal_that_was_killed_while_it_was_made_is_read_as_empty(tmp_path: Path) -> None:
    """SQLite's own journal lies beside it then, and has to be rolled back before anybody can read."""
    made, killed = tmp_path / "made.db", tmp_path / "killed.db"
    connection = sqlite3.connect(made, isolation_level=None)
    connection.execute("CREATE TABLE one (a)")
    connection.execute("DROP TABLE one")
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE two (a)")
    connection.executemany("INSERT INTO two VALUES (?)", [("x" * 1000,)] * 100)
    shutil.copy(made, killed)
    shutil.copy(f"{made}-journal", f"{killed}-journal")
    connection.close()
    with pytest.raises(sqlite3.OperationalError):
        sqlite3.connect(f"file:{killed}?mode=ro", uri=True).execute("SELECT * FROM sqlite_master").fetchall()
    assert read_journal(killed).runs == {}
