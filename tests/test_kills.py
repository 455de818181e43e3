"""Runs that are killed lose no paid answer, and pay none twice that they did not tell of: by the server's own log."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.model_server import Served, model_server
from support.processes import Command, KillAt

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
DOUBT = re.compile(r"(\d+) calls? (?:was|were) under way when the run \S+ was ended, and may have been paid")


@dataclass
class Place:
    """A folder with a flow and its items, beside a server. The first run of it tells what all others must come to."""

    folder: Path
    served: Served
    items: Path
    expected: str = ""
    needed: int = 0
    seconds: float = 0.0

    def start(self, name: str, kill_at: KillAt | None = None) -> Command:
        arguments = (str(self.folder / "a.flow"), "--items", str(self.items), "--journal", "journal.db")
        return Command(arguments, self.folder / name, self.environ, kill_at)

    def resume(self, name: str) -> Command:
        return Command(("resume", "last", "--journal", "journal.db"), self.folder / name, self.environ)

    @property
    def environ(self) -> dict[str, str]:
        return {"HOME": str(self.folder), "OPENAI_BASE_URL": self.served.url, "PATH": os.environ["PATH"]}

    def learn(self) -> None:
        began = time.monotonic()
        whole = self.start("whole")
        assert whole.end() == 0, whole.err
        self.seconds = time.monotonic() - began
        self.expected, self.needed = whole.out, self.served.answers()


def place(folder: Path, flow: str, items: int, refuse: float = 0.0) -> Iterator[Place]:
    folder.joinpath("a.flow").write_text(flow)
    listed = folder / "items.json"
    listed.write_text(json.dumps([f"thing {number}" for number in range(items)]))
    with model_server(folder / "server.log", refuse=refuse) as served:
        made = Place(folder, served, listed)
        made.learn()
        yield made


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("big"), BIG, 60, refuse=0.02)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("small"), SMALL, 3)


def announced(err: str) -> int:
    return sum(int(number) for number in DOUBT.findall(err))


def kill_until_done(at: Place, name: str, dice: random.Random) -> int:
    """Run, kill and resume, over and over, to the end; how many kills that took."""
    before, first = at.served.answers(), len(at.served.lines())
    told = kills = 0
    command = at.start(name)
    while True:
        code = command.wait(dice.uniform(0, at.seconds * 0.5))
        if code is None:
            command.kill()
            code = command.wait()
            kills += 1
        told += announced(command.err)
        if code == 0:
            break
        assert code == -9, command.err
        command = at.resume(name) if _has_begun(at.folder / name) else at.start(name)
    assert command.out == at.expected
    paid = at.served.answers() - before
    assert at.needed <= paid <= at.needed + told
    twice = sum(count - 1 for count in at.served.billed_keys(first).values())
    assert twice <= told
    return kills


def _has_begun(folder: Path) -> bool:
    """Whether the journal has a run that can be gone on with."""
    from flowrun.runtime.journal.reading import read_journal

    return any(run.given for run in read_journal(folder / "journal.db").runs.values())


def test_a_run_that_is_killed_at_any_moment(big: Place) -> None:
    dice = random.Random()
    kills = chain = 0
    while kills < 50:
        kills += kill_until_done(big, f"chain{chain}", dice)
        chain += 1
    assert big.needed > 200


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_500_times(big: Place) -> None:
    dice = random.Random()
    kills = chain = 0
    while kills < 500:
        kills += kill_until_done(big, f"long{chain}", dice)
        chain += 1


@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
def test_a_run_that_is_killed_at_each_write(small: Place, behind: bool) -> None:
    for commit in range(1, 200):
        name = f"{'behind' if behind else 'before'}{commit}"
        before = small.served.answers()
        command = small.start(name, KillAt(commit, behind))
        if command.end() == 0:
            break
        command = small.start(name) if not _has_begun(small.folder / name) else small.resume(name)
        assert command.end() == 0, command.err
        assert command.out == small.expected
        paid = small.served.answers() - before
        assert small.needed <= paid <= small.needed + announced(command.err)
    # The run writes at least that it begins, what it is given, one group of answers a round, and its end.
    assert 8 <= commit < 199
