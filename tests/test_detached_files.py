"""The record, the log and the socket of a detached run: what is written, what is found, and what is dropped."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.detached.control import LONGEST, MOST_LISTENERS, Control, Link, listening
from flowrun.runtime.detached.log import MOST, Tail
from flowrun.runtime.detached.places import check_folder, folder_of, made_folder
from flowrun.runtime.detached.records import DetachedRecord, all_of, find, sweep
from flowrun.runtime.vocabulary.errors import DiskError
from support.patience import PATIENCE

LOGS = """
import os, sys
from pathlib import Path
from flowrun.runtime.detached.log import Log
folder = Path(sys.argv[1])
file = os.open(folder / "a.log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
os.dup2(file, 2)
log = Log(folder, "a")
for number in range(int(sys.argv[2])):
    log.write(b"line %d %s\\n" % (number, b"x" * 1000))
os.write(2, b"from C\\n")
log.write(b"the end")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made_folder(tmp_path / "journal.db")


@pytest.fixture
def record(folder: Path) -> Iterator[DetachedRecord]:
    made = DetachedRecord(folder)
    listening(folder, made.name).close()
    yield made
    for number in (made._lock, made.log, made.answer):
        try:
            os.close(number)
        except OSError:
            continue


def test_a_run_is_found_from_its_beginning_to_its_end(folder: Path, record: DetachedRecord) -> None:
    assert all_of(folder) == {}
    record.begin("r1")
    found = find(folder, "r1")
    assert found is not None
    assert (found.run, found.process, found.code, found.lives) == ("r1", os.getpid(), None, True)
    record.end(4)
    found = find(folder, "r1")
    assert found is not None
    assert (found.code, found.lives) == (4, True)
    os.close(record._lock)
    assert {name: one.lives for name, one in all_of(folder).items()} == {"r1": False}
    assert sorted(os.listdir(folder)) == ["r1.log", "r1.out", "r1.run"]


def test_a_run_that_does_not_begin_leaves_nothing(folder: Path, record: DetachedRecord) -> None:
    record.forget()
    assert not folder.exists()


def test_a_run_that_another_process_runs_is_not_begun_twice(folder: Path, record: DetachedRecord) -> None:
    record.begin("r1")
    other = DetachedRecord(folder)
    listening(folder, other.name).close()
    with pytest.raises(OSError, match="another process runs it"):
        other.begin("r1")
    other.forget()
    found = find(folder, "r1")
    assert found is not None
    assert found.lives


@pytest.mark.parametrize("data", ["", "{}", "null", "[1]", '{"run": 1, "code": "x"}', "\xff" * 5000, "[" * 4000])
def test_a_damaged_record_tells_nothing(data: str, folder: Path) -> None:
    (folder / "r1.run").write_text(data)
    (folder / "r1.run").chmod(0o600)
    assert find(folder, "r1") is None
    assert all_of(folder) == {}


def test_a_link_in_place_of_a_record_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("{}")
    (folder / "r1.run").symlink_to(tmp_path / "other")
    with pytest.raises(DiskError, match="is a link"):
        find(folder, "r1")


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    folder_of(tmp_path / "journal.db").symlink_to(tmp_path / "other")
    with pytest.raises(DiskError, match="is no folder"):
        check_folder(folder_of(tmp_path / "journal.db"))


def test_what_dead_runs_left_is_removed(folder: Path, record: DetachedRecord) -> None:
    record.begin("lives")
    old = time.time() - 40 * 86400
    for name in ("dead.sock", "dead.run", "ancient.run", "ancient.out", ".123.log"):
        (folder / name).write_text("")
    for name in ("ancient.run", "ancient.out", ".123.log", "lives.log"):
        os.utime(folder / name, (old, old))
    sweep(folder)
    assert sorted(os.listdir(folder)) == ["dead.run", "lives.log", "lives.out", "lives.run", "lives.sock"]


def test_a_log_has_a_bound_and_is_read_as_it_grows(folder: Path) -> None:
    lines = 3 * MOST // 1000
    subprocess.run([sys.executable, "-c", LOGS, str(folder), str(lines)], check=True, timeout=PATIENCE)
    sizes = [file.stat().st_size for file in folder.iterdir()]
    assert len(sizes) == 2
    assert all(size <= MOST + 2000 for size in sizes)
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.glob("a.log")} == {0o600}
    tail = Tail(folder, "a")
    found = tail.read()
    assert [int(line.split()[1]) for line in found[:-1]] == [*range(lines - len(found) + 1, lines)]
    assert found[-1] == "from C"
    assert tail.last() == ["the end"]
    tail.close()


def test_no_line_is_lost_when_a_log_goes_on_in_a_new_file(folder: Path) -> None:
    log, old = folder / "a.log", folder / "a.old"
    log.write_text("one\ntw")
    log.chmod(0o600)
    tail, rest = Tail(folder, "a"), Tail(folder, "a", rest=True)
    assert tail.read() == ["one"]
    with log.open("a") as file:
        file.write("o\nthree\n")
    log.replace(old)
    log.write_text("four\n")
    assert tail.read() == ["two", "three", "four"]
    assert tail.read() == []
    assert rest.read()[-2:] == ["three", "four"]
    tail.close()
    rest.close()


@pytest.fixture
def control(folder: Path) -> Iterator[Control]:
    def answer(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if asked.get("ask") == "fail":
            raise RuntimeError("a fault")
        if asked.get("ask") == "much":
            return {"much": "x" * 10_000_000}
        return {"asked": asked}

    made = Control(listening(folder, "r1"), answer, lambda: None)
    made.start()
    yield made
    made.close()


def raw(folder: Path, data: bytes) -> bytes:
    """Send data, and return what comes until the other side closes the connection."""
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(PATIENCE)
        made.connect(os.path.relpath(folder / "r1.sock"))
        found = b""
        try:
            made.sendall(data)
            while some := made.recv(65536):
                found += some
        except ConnectionError:
            return found
    return found


@pytest.mark.usefixtures("control")
@pytest.mark.parametrize(
    "data", [b"\n", b"no JSON\n", b"[1]\n", b"[" * 5000 + b"\n", b"x" * (LONGEST + 2), b"\xff\n", b'{"ask": "much"}\n']
)
def test_what_is_no_question_is_dropped_and_others_are_answered(data: bytes, folder: Path) -> None:
    found = raw(folder, data)
    assert not found.endswith(b"\n")
    link = Link(folder, "r1")
    assert link.ask(ask="line") == {"asked": {"ask": "line"}}
    link.close()


@pytest.mark.usefixtures("control")
def test_a_fault_in_an_answer_does_not_end_the_socket(folder: Path) -> None:
    link = Link(folder, "r1")
    said = link.ask(ask="fail")
    assert said is not None
    assert "RuntimeError" in said["error"]
    assert link.ask(ask="line") == {"asked": {"ask": "line"}}
    link.close()


@pytest.mark.usefixtures("control")
def test_only_some_commands_are_heard_at_a_time(folder: Path) -> None:
    links = [Link(folder, "r1") for _ in range(MOST_LISTENERS + 1)]
    found = [link.ask(ask="line") is not None for link in links]
    assert found == [True] * MOST_LISTENERS + [False]
    links[0].close()
    time.sleep(0.1)
    assert links[-1].ask(ask="line") is not None
    for link in links:
        link.close()


def test_a_run_without_a_socket_does_not_answer(folder: Path) -> None:
    assert Link(folder, "r1").ask(ask="line") is None


def test_the_socket_is_its_users_own(folder: Path) -> None:
    with listening(folder, "r1"):
        assert stat.S_IMODE((folder / "r1.sock").lstat().st_mode) == 0o600


def test_a_record_is_short_and_has_no_secrets(folder: Path, record: DetachedRecord) -> None:
    record.begin("r1")
    said = json.loads((folder / "r1.run").read_text())
    assert set(said) == {"version", "run", "process", "host", "began", "code"}
