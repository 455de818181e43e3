"""Eight runs in eight processes share a journal, whichever of them are killed: by the server's own log."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from flowrun.runtime.journal.lock import holder_of
from support.model_server import Served, model_server
from support.place import announced
from support.processes import PATIENT, QUICK, Command, DiskAt
from support.soak import share
from support.written import read_journal

FLOW = """
model m = "openai:x" with concurrency: 6
flow many(items: [text]) {
  said = map item in items {
    first = ask m "Say {{ item }}"
    then = ask m "Go on: {{ first }} of {{ item }}"
    { first, then }
  } reduce collect
  return said
}
"""
MANY = 8
ITEMS = 15
CALLS = MANY * ITEMS * 2


class Office:
    """A folder with a flow for each process, a server, and the outputs that the runs must have."""

    def __init__(self, folder: Path, served: Served) -> None:
        self.folder, self.served = folder, served
        self.environ = {"HOME": str(folder), "OPENAI_BASE_URL": served.url, "PATH": "/usr/bin:/bin"}
        for one in range(MANY):
            folder.joinpath(f"{one}.flow").write_text(FLOW)
            folder.joinpath(f"{one}.json").write_text(json.dumps([f"thing {one}.{n}" for n in range(ITEMS)]))
        alone = [self.start(one, folder / f"alone{one}.db", f"alone{one}") for one in range(MANY)]
        assert [one.end() for one in alone] == [0] * MANY, [one.err for one in alone]
        self.expected = [one.out for one in alone]

    def start(self, one: int, journal: Path, name: str, disk: DiskAt | None = None) -> Command:
        words = (str(self.folder / f"{one}.flow"), "--items", str(self.folder / f"{one}.json"))
        return Command((*words, "--journal", str(journal)), self.folder / name, self.environ, disk, PATIENT)

    def go_on(self, one: int, journal: Path, name: str) -> Command:
        """Resume the run of a process, or start it again if it had not begun."""
        for run in read_journal(journal).runs.values():
            if run.source == str(self.folder / f"{one}.flow"):
                words = ("resume", run.id, "--journal", str(journal))
                return Command(words, self.folder / name, self.environ, others=QUICK | PATIENT)
        return self.start(one, journal, name)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    with model_server(folder / "server.log", 0.02) as served:
        yield Office(folder, served)


def finished(office: Office, journal: Path, name: str, running: dict[int, Command], told: int, first: int) -> None:
    """Wait for all runs. Compare the journal and the outputs with what the server billed since a line of its log."""
    errs = []
    for one, command in running.items():
        code = command.end()
        assert code == 0, command.err
        assert command.out == office.expected[one]
        assert "Traceback" not in command.err
        errs.append(command.err)
    told += sum(map(announced, errs))
    billed = sum(office.served.billed_keys(first).values())
    assert CALLS <= billed <= CALLS + told
    assert sum(count - 1 for count in office.served.billed_keys(first).values()) <= told
    index = read_journal(journal)
    assert [run.status for run in index.runs.values()] == ["done"] * MANY
    assert {run.answers for run in index.runs.values()} == {ITEMS * 2}
    before = len(office.served.lines())
    again = {one: office.go_on(one, journal, f"{name}again{one}") for one in range(MANY)}
    for one, command in again.items():
        assert command.end() == 0, command.err
        assert command.out == office.expected[one]
    assert len(office.served.lines()) == before


def test_eight_processes_share_a_journal(office: Office, tmp_path: Path) -> None:
    journal, first = tmp_path / "j.db", len(office.served.lines())
    running = {one: office.start(one, journal, f"plain{one}") for one in range(MANY)}
    finished(office, journal, "plain", running, 0, first)


@pytest.mark.slow
def test_a_run_whose_writer_stands_still_waits_and_can_be_stopped(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The answers wait, so the first run goes on when the second one begins.
    with model_server(tmp_path / "slow.log") as served:
        served.hold()
        monkeypatch.setitem(office.environ, "OPENAI_BASE_URL", served.url)
        stand_still(office, served, tmp_path / "j.db")


def stand_still(office: Office, served: Served, journal: Path) -> None:
    writing = office.start(0, journal, "still0")
    while holder_of(journal) is None:
        time.sleep(0.002)
    other = office.start(1, journal, "still1")
    while len(read_journal(journal).runs) < 2 or not read_journal(journal).open:
        time.sleep(0.01)
    writing.send(signal.SIGSTOP)
    late = office.start(2, journal, "still2")
    assert late.end() == 2
    assert "the process that writes the journal" in late.err and "does not answer: wait for it" in late.err
    assert other.wait(1) is None
    for _ in range(2):
        other.send(signal.SIGINT)
        time.sleep(0.2)
    assert other.end() == 130, other.err
    served.go_on()
    writing.send(signal.SIGCONT)
    assert writing.end() == 0
    assert writing.out == office.expected[0]
    again = office.go_on(1, journal, "still1again")
    assert again.end() == 0
    assert again.out == office.expected[1]


def kill_some(office: Office, folder: Path, name: str, kills: int, dice: random.Random, *, writers: bool) -> None:
    """Kill processes of eight, and resume their runs, until as many are killed; then all come to their end."""
    journal, first, told = folder / f"{name}.db", len(office.served.lines()), 0
    running = {one: office.start(one, journal, f"{name}{one}") for one in range(MANY)}
    for number in range(kills):
        time.sleep(dice.uniform(0.05, 0.3))
        holder = holder_of(journal)
        writing = [one for one, command in running.items() if holder and command.process.pid == holder.process]
        others = [one for one in running if one not in writing]
        chosen = writing if writers else others
        if not chosen:
            continue
        one = dice.choice(chosen)
        running[one].kill()
        code = running[one].wait()
        assert code in (0, -9), running[one].err
        told += announced(running[one].err)
        running[one] = office.go_on(one, journal, f"{name}{one}.{number}")
    finished(office, journal, name, running, told, first)


def test_the_process_that_writes_is_killed_again_and_again(office: Office, tmp_path: Path) -> None:
    kill_some(office, tmp_path, "writers", 3, random.Random(), writers=True)


@pytest.mark.slow
def test_processes_that_do_not_write_are_killed(office: Office, tmp_path: Path) -> None:
    kill_some(office, tmp_path, "others", 6, random.Random(), writers=False)


@pytest.mark.slow
def test_processes_are_killed_many_times(office: Office, tmp_path: Path) -> None:
    """A soak kills 200 times."""
    dice, kills = random.Random(), 0
    while kills < share(200, least=10):
        kill_some(office, tmp_path, f"soak{kills}", 10, dice, writers=dice.random() < 0.6)
        kills += 10


@pytest.mark.slow
@pytest.mark.parametrize("what", ["before", "behind"])
def test_the_process_that_writes_is_killed_at_a_commit_of_others(
    what: Literal["before", "behind"], office: Office, tmp_path: Path
) -> None:
    """Behind the commit its entries are on the disk, but nobody has been told so."""
    killed = 0
    for commit in (6, 13) if what == "before" else (6, 9):
        name = f"{what}{commit}"
        journal, first = tmp_path / f"{name}.db", len(office.served.lines())
        writing = office.start(0, journal, f"{name}w", DiskAt(commit, what))
        while holder_of(journal) is None and writing.process.is_alive():
            time.sleep(0.002)
        running = {other: office.start(other, journal, f"{name}{other}") for other in range(1, MANY)}
        code = writing.wait()
        assert code in (0, -9), writing.err
        killed += code == -9
        told = announced(writing.err)
        running[0] = office.go_on(0, journal, f"{name}again")
        finished(office, journal, name, running, told, first)
    assert killed
