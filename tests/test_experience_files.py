"""The file of the store of endpoints: damaged, foreign, hostile, or written by several processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.experience.entries import MOST, read_book
from flowrun.runtime.experience.store import NAME, fingerprint
from flowrun.runtime.vocabulary.pace import WIDEST, Pace
from support.experience import AT, CLOCK, LINES, NOW, at, begin, learn, recall


@pytest.fixture(autouse=True)
def afresh() -> None:
    begin()


# Files of other programs in the place of the store


def hostile(**entry: Any) -> str:
    salt = "0" * 32
    model = {"refused": {"seed": NOW, "plain": "x", "../x": NOW, "a" * 99: NOW, "": NOW}, "samples": -1, "date": NOW}
    name = f"{AT} {fingerprint(salt, 'a')}"
    return json.dumps({"version": 1, "salt": salt, "endpoints": {name: entry}, "models": {f"{AT} m": model, "x": []}})


@pytest.mark.parametrize("width", [-3, 0, None, "512", 1.5, float("nan"), float("inf"), True, [], {}, 10**300])
def test_a_width_is_a_sane_number(tmp_path: Path, width: object) -> None:
    (tmp_path / NAME).write_text(hostile(width=width, date=NOW))
    found = recall(tmp_path)
    assert found.pace.width == (WIDEST if width == 10**300 else 0)
    assert (found.refused, found.most) == ({"seed"}, 0)


DAMAGED = [
    b"",
    b"{",
    b"[" * 100_000,
    b'{"version": 1, "salt": ' + b"9" * 10_000 + b"}",
    b"\xff\xfe\x00",
    b"null",
    b"[1]",
    b'{"version": "1"}',
    b'{"version": 1, "salt": 5}',
    b'{"version": 1}',
    b" " * (2 * 1024 * 1024),
    b"\x80\x04\x95.",
]


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_told_of_once_and_replaced(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    learn(tmp_path)
    assert len(LINES) == 1
    assert "is damaged" in LINES[0]
    learn(tmp_path, "seed")
    assert recall(tmp_path).refused == {"seed"}
    assert len(LINES) == 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda one: (
            st.lists(one)
            | st.dictionaries(st.text() | st.sampled_from(["width", "date", "told", "refused", "samples", "x y"]), one)
        ),
        max_leaves=12,
    )
)
def test_whatever_the_entries_are_the_rest_is_read(data: Any) -> None:
    text = json.dumps({"version": 1, "salt": "0" * 32, "endpoints": data, "models": {"x": data}})
    book = read_book(text, NOW)
    assert read_book(book.text(), NOW) == book


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    path.with_name("other").write_text("{}")
    path.symlink_to("other")


def a_loose_link(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [a_folder, a_link, a_loose_link, os.mkfifo])
def test_something_else_in_its_place_is_told_of_and_left_alone(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / NAME)
    before = os.lstat(tmp_path / NAME)
    learn(tmp_path, "seed", pace=Pace(9))
    assert len(LINES) == 1
    assert "remove it" in LINES[0]
    after = os.lstat(tmp_path / NAME)
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / "other").exists() or (tmp_path / "other").read_text() == "{}"


@pytest.mark.parametrize("beside", [".lock", ".tmp"])
@pytest.mark.parametrize("make", [a_folder, a_link, os.mkfifo])
def test_something_else_beside_it_harms_nothing(tmp_path: Path, beside: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / f"{NAME}{beside}")
    learn(tmp_path, "seed")
    assert LINES == []
    assert not (tmp_path / "other").exists() or (tmp_path / "other").read_text() == "{}"


def test_the_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    text = '{"version": 2, "new": []}'
    (tmp_path / NAME).write_text(text)
    learn(tmp_path, "seed", pace=Pace(9))
    assert (tmp_path / NAME).read_text() == text
    assert LINES == []


@pytest.mark.parametrize("folder", ["/dev/null/x", "/proc/none", "file/x", "zero\0byte", "half\ud800", "long" * 5000])
def test_a_folder_that_cannot_be_is_passed_over(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("")
    learn(tmp_path / folder, "seed")
    assert LINES == []
    assert recall(tmp_path / folder).refused == set()


@pytest.mark.parametrize("killed", [False, True], ids=["a full disk", "a kill"])
def test_a_write_that_ends_half_way_leaves_the_file_as_it_was(tmp_path: Path, killed: bool) -> None:
    learn(tmp_path, "seed")
    before = (tmp_path / NAME).read_bytes()
    # At the limit of a file's size a write fails, or the signal ends the process.
    code = (
        "import resource, signal; from pathlib import Path; from flowrun.runtime.experience.store import Store\n"
        f"signal.signal(signal.SIGXFSZ, signal.{'SIG_DFL' if killed else 'SIG_IGN'})\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))\n"
        f"store = Store(Path({str(tmp_path / NAME)!r}), print, lambda: {NOW}.0)\n"
        f"store.record({AT!r}, 'a', 'm').refused.add('stream'); store.save()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGXFSZ if killed else 0, "", "")
    assert (tmp_path / NAME).read_bytes() == before
    assert (tmp_path / f"{NAME}.tmp").exists() is killed
    learn(tmp_path, "stream")
    assert recall(tmp_path).refused == {"seed", "stream"}
    assert not (tmp_path / f"{NAME}.tmp").exists()


# Several processes


def test_it_holds_a_bounded_number_of_entries(tmp_path: Path) -> None:
    store = at(tmp_path)
    for port in range(1, MOST + 50):
        store.record(f"http://127.0.0.1:{port}", "a", "m").refused.add("seed")
    store.save()
    CLOCK.now += 60
    learn(tmp_path, "stream")
    data = json.loads((tmp_path / NAME).read_text())
    assert len(data["models"]) == MOST
    assert recall(tmp_path).refused == {"stream"}


def test_runs_at_the_same_time_keep_the_lessons_of_each_other(tmp_path: Path) -> None:
    first, second = at(tmp_path), at(tmp_path)
    # Both have read no file, so that each has a salt of its own.
    mine, other = first.record(AT, "a", "m"), second.record(AT, "b", "m")
    mine.refused.add("seed")
    other.refused.add("stream")
    mine.shown, other.shown = Pace(100), Pace(200)
    first.save()
    second.save()
    assert recall(tmp_path).refused == {"seed", "stream"}
    assert [recall(tmp_path, account=one).pace.width for one in "ab"] == [100, 200]


WRITER = """
import sys
from pathlib import Path
from flowrun.runtime.experience.store import Store
folder, name, count = sys.argv[1:]
print("ready", flush=True)
for number in range(int(count)):
    store = Store(Path(folder) / "endpoints.json", print)
    store.record(f"http://{name}.example", "a", f"m{number}").refused.add("seed")
    store.save()
"""


def writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    both = [writer(tmp_path, name, 20) for name in ("one", "two")]
    assert [process.communicate()[0] for process in both] == ["ready\n", "ready\n"]
    data = json.loads((tmp_path / NAME).read_text())
    assert len(data["models"]) == 40


def test_a_process_that_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    for wait in (0.0, 0.01, 0.03, 0.05, 0.08):
        process = writer(tmp_path, f"killed{wait}", 100_000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        recall(tmp_path)
        assert LINES == []
    learn(tmp_path, "seed")
    assert recall(tmp_path).refused == {"seed"}


def test_a_process_that_stands_still_holds_nobody_up(tmp_path: Path) -> None:
    code = f"import fcntl; file = open({str(tmp_path / NAME)!r} + '.lock', 'w'); fcntl.flock(file, fcntl.LOCK_EX)\n"
    code += "print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        began = time.monotonic()
        learn(tmp_path, "seed")
        assert time.monotonic() - began < 60
        holder.communicate(b"\n")
    assert not (tmp_path / NAME).exists()
