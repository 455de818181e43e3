"""The files of a journal are plain files of its user: nothing else is followed, waited for, written to or believed."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from flowrun.runtime.journal.files import ENDS
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary.errors import DiskError
from support.command_line import command

FLOW = 'flow f(x: text) { a = ask "{{ x }}" return a }\n'
HEAD = LogRecord(0, Kind.RUN, {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0})


def a_link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def a_hard_link(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


def a_pipe(path: Path, victim: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path, victim: Path) -> None:
    path.mkdir()


def a_socket(path: Path, victim: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def another_users(path: Path, victim: Path) -> None:
    path.touch()
    os.chown(path, 12345, 12345)


PLANTS = [a_link, a_hard_link, a_pipe, a_folder, a_socket]
PLANTS += [another_users] if os.geteuid() == 0 else []
Plant = Callable[[Path, Path], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim").write_bytes(b"dear")
    (tmp_path / ".flowrun").mkdir()
    return Path(".flowrun")


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("end", ENDS)
def test_nothing_but_a_plain_file_of_ones_own_is_taken(end: str, plant: Plant, folder: Path) -> None:
    """The commands return at once, even where a pipe would be waited for, and the foreign file is not touched."""
    journal, victim = folder / "journal.db", folder.parent / "victim"
    planted = folder / f"journal.db{end}"
    plant(planted, victim)
    before = os.lstat(planted)
    for opened in (Journal.open, JournalReader):
        with pytest.raises(DiskError, match=r"file `.*` (is a|has . names \(hard links\)|belongs to another)"):
            opened(journal)
    assert victim.read_bytes() == b"dear"
    after = os.lstat(planted)
    assert (before.st_ino, before.st_mode, before.st_size) == (after.st_ino, after.st_mode, after.st_size)


@pytest.mark.parametrize("plant", [a_link, a_pipe, another_users])
def test_the_folder_of_a_project_is_a_folder_of_ones_own(plant: Plant, folder: Path) -> None:
    other = folder.parent / "other"
    other.mkdir()
    folder.rmdir()
    if plant is another_users:
        if os.geteuid() != 0:
            pytest.skip("only root gives files away")
        folder.mkdir()
        os.chown(folder, 12345, 12345)
    else:
        plant(folder, other)
    for opened in (Journal.open, JournalReader):
        with pytest.raises(DiskError, match=r"journal's (folder|file) `.*` (is a|belongs to another user)"):
            opened(folder / "journal.db")
    assert list(other.iterdir()) == []


def test_a_folder_that_the_user_names_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "large").mkdir()
    (tmp_path / "short").symlink_to("large")
    Journal.open(tmp_path / "short" / "journal.db").close()
    assert (tmp_path / "large" / "journal.db").exists()


def test_a_link_that_is_put_there_later_is_not_written_through(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reserve is made anew, whatever its name has come to mean since it was looked at."""
    from flowrun.runtime.journal import reserve

    victim = folder.parent / "victim"
    planted = folder / "journal.db.reserve"
    kept = reserve.Reserve(folder / "journal.db")
    with monkeypatch.context() as patch:
        patch.setattr(reserve, "status_of", lambda path: planted.symlink_to(victim))
        kept.keep()
    assert victim.read_bytes() == b"dear"
    assert stat.S_ISREG(os.lstat(planted).st_mode)


async def test_the_commands_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.flow").write_text(FLOW)
    (tmp_path / "victim").write_bytes(b"dear")
    (tmp_path / ".flowrun").mkdir()
    (tmp_path / ".git").mkdir()
    os.mkfifo(tmp_path / ".flowrun" / "journal.db.lock")
    for words in (("runs",), ("a.flow", "--x", "hi", "--model", "openai:m")):
        done = await command(*words, folder=tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1")
        assert done.code == 74, done.err
        assert "`" in done.err and "journal.db.lock` is a pipe: remove it" in done.err


def test_the_journal_works_where_nothing_is_amiss(folder: Path) -> None:
    async def write() -> None:
        journal = Journal.open(folder / "journal.db")
        await journal.append([HEAD])
        journal.close()

    asyncio.run(write())
    names = {path.name for path in folder.iterdir()}
    assert names == {f"journal.db{end}" for end in ("", ".lock", ".reserve", ".head", ".runs")}
    assert all(stat.S_IMODE(os.lstat(folder / name).st_mode) == 0o600 for name in names)
