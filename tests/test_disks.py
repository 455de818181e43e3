"""A disk that is full, read-only or broken stops a run in good order: what was written is not lost, or paid again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.place import MAP, Place, announced, place
from support.processes import QUICK, DiskAt


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("disk"), MAP, 300)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if made.returncode != 0:
        pytest.skip("mounting a small disk needs more rights than these")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_stops_the_run_and_keeps_its_answers(at: Place) -> None:
    before = at.served.answers()
    with small_disk(at.folder / "full", "512k") as folder:
        journal = str(folder / "journal.db")
        command = at.start("filling", journal=journal)
        assert command.end() == 74, command.err
        assert "cannot be written any more: database or disk is full" in command.err
        assert "Traceback" not in command.err
        assert command.out == ""
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        again = at.resume("filling", journal=journal)
        assert again.end() == 0, again.err
        assert again.out == at.expected
        # What was under way when the disk was full has its place kept free: nothing is in doubt.
        assert announced(again.err) == 0
        assert at.served.answers() - before == at.needed


@pytest.mark.parametrize("commit", [1, 2, 3, 6])
def test_a_sync_that_fails_stops_the_run(at: Place, commit: int) -> None:
    before, name = at.served.answers(), f"broken{commit}"
    command = at.start(name, DiskAt(commit, "fails"))
    assert command.end() == 74, command.err
    assert "disk I/O error" in command.err
    assert "Traceback" not in command.err
    assert "mistake" not in command.err
    assert command.out == ""
    again = at.resume(name, others=QUICK)
    if again.end() != 0:
        assert "has no run" in again.err or "ended before its first call" in again.err
        assert at.served.answers() == before
        return
    assert again.out == at.expected
    assert at.needed <= at.served.answers() - before <= at.needed + announced(again.err)


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_sent(at: Place) -> None:
    start = len(at.served.lines())
    for name, journal in (("kernel", "/proc/flowrun/journal.db"), ("file", str(at.items / "journal.db"))):
        command = at.start(name, journal=journal)
        assert command.end() == 74
        assert "cannot be written" in command.err
        assert "--no-journal" in command.err
        assert "Traceback" not in command.err
    assert at.served.lines(start) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(at: Place) -> None:
    folder = at.folder / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    command = at.start("beside", journal=str(folder / "journal.db"))
    assert command.end() == 74
    assert "Permission denied" in command.err


def test_a_disk_that_is_read_only(at: Place) -> None:
    with small_disk(at.folder / "sealed", "4m") as folder:
        at.start("sealed").end()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        start = len(at.served.lines())
        command = at.start("outside", journal=str(folder / "journal.db"))
        assert command.end() == 74
        assert "Traceback" not in command.err
        assert at.served.lines(start) == []
