"""What a command writes to: through links, devices and pipes; never over what is read; nothing refused is paid."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flowrun.runtime.outputs import pipe as pipes
from flowrun.runtime.outputs import replace, target
from flowrun.runtime.outputs.part import PartFile
from flowrun.runtime.outputs.target import Target
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.patience import PATIENCE
from support.reader import reading

ROOT = os.geteuid() == 0
FLOW = "flow f() { return 1 }\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrote(path: str, text: str = "whole\n", *sources: Path | int) -> None:
    Target(Path(path), sources).write(text)


def only(*names: str) -> bool:
    """Whether nothing else lies about."""
    return sorted(os.listdir()) == sorted(names)


# Through what stands there


def test_a_file_is_replaced_with_its_mode_and_owner(here: Path) -> None:
    path = here / "x"
    path.write_text("much more than before")
    path.chmod(0o640)
    if ROOT:
        os.chown(path, 1234, 4321)
    before = path.stat()
    with path.open() as old:
        wrote("x")
        # Who has it open still reads the old one: it was replaced in one step.
        assert old.read() == "much more than before"
    found = path.stat()
    assert path.read_text() == "whole\n"
    assert (found.st_mode, found.st_uid, found.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert only("x")


def test_a_new_file_has_the_mode_that_the_user_gives_new_files(here: Path) -> None:
    before = os.umask(0o027)
    try:
        wrote("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((here / "x").stat().st_mode) == 0o640


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(here: Path, there: bool) -> None:
    (here / "real").mkdir()
    if there:
        (here / "real" / "x").write_text("old")
    os.symlink("real/x", "link")
    os.symlink("link", "second")
    wrote("second")
    assert os.readlink("second") == "link"
    assert (here / "real" / "x").read_text() == "whole\n"
    assert only("real", "link", "second")


def test_a_file_with_two_names_keeps_both(here: Path) -> None:
    (here / "x").write_text("long " * 100)
    os.link("x", "y")
    wrote("x")
    assert (here / "y").read_text() == "whole\n"
    assert (here / "y").stat().st_nlink == 2
    assert only("x", "y")


@pytest.mark.parametrize("number", [16, 18, 1, 13])
def test_a_file_that_cannot_be_renamed_over_is_written_into(
    here: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that a container is given is a mount: EBUSY."""
    (here / "x").write_text("long " * 100)
    node = (here / "x").stat().st_ino

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)
    wrote("x")
    assert ((here / "x").read_text(), (here / "x").stat().st_ino) == ("whole\n", node)
    assert only("x")


def test_an_owner_that_cannot_be_kept_is_not_changed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "x").write_text("old")
    node = (here / "x").stat().st_ino
    monkeypatch.setattr(replace, "_made_like", lambda *_: False)
    wrote("x")
    assert ((here / "x").read_text(), (here / "x").stat().st_ino) == ("whole\n", node)


def test_a_device_stays_a_device(here: Path) -> None:
    try:
        os.mknod("nul", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.close(os.open("nul", os.O_WRONLY))
    except OSError:
        pytest.skip("this user cannot make a device")
    wrote("nul")
    assert stat.S_ISCHR(os.stat("nul").st_mode)
    assert only("nul")


@pytest.mark.parametrize("size", [5, 1_000_000])
def test_a_pipe_is_fed_and_stays_a_pipe(here: Path, size: int) -> None:
    os.mkfifo("pipe")
    came = reading(here / "pipe")
    wrote("pipe", "x" * size)
    assert came() == b"x" * size
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


def test_a_pipe_is_not_waited_for_before_the_end(here: Path) -> None:
    """A slow reader must not hold up calls that are under way."""
    reader, writer = os.pipe()
    out = pipes.Pipe(writer)

    def write() -> None:
        for _ in range(1000):
            out.write(b"x" * 1000)

    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    writing.join(PATIENCE)
    assert not writing.is_alive()
    thread = threading.Thread(target=out.finish, daemon=True)
    thread.start()
    count = 0
    while count < 1_000_000:
        count += len(os.read(reader, 1 << 16))
    thread.join(PATIENCE)
    out.close()
    assert (count, os.read(reader, 1)) == (1_000_000, b"")
    os.close(reader)


def test_a_pipe_without_a_reader_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "READER", 0.2)
    os.mkfifo("pipe")
    with pytest.raises(DiskError, match="`pipe` is a pipe without a reader: start the reader first"):
        Target(Path("pipe"))


@pytest.mark.parametrize("path", ["/dev/fd/{}", "/proc/self/fd/{}", "/proc/{pid}/fd/{}", "link"])
def test_an_open_file_is_written_on_where_it_is(here: Path, path: str) -> None:
    """What a shell redirects is not truncated, nor replaced: others write there as well."""
    number = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(number, b"before\n")
    name = path.format(number, pid=os.getpid())
    os.symlink(f"/dev/fd/{number}", "link")
    wrote(name)
    os.write(number, b"behind\n")
    os.close(number)
    assert (here / "log").read_text() == "before\nwhole\nbehind\n"


def test_a_terminal_is_not_steered_and_a_pipe_gets_every_letter() -> None:
    ours, theirs = os.openpty()
    reader, writer = os.pipe()
    for number, came, expected in ((theirs, ours, "a\\x1b[2Jb\u200dc\\u202ed\r\n"), (writer, reader, None)):
        wrote(f"/dev/fd/{number}", "a\x1b[2Jb\u200dc\u202ed\n")
        assert os.read(came, 1000).decode() == (expected or "a\x1b[2Jb\u200dc\u202ed\n")
    for number in (ours, theirs, reader, writer):
        os.close(number)


def test_half_a_character_is_written_as_an_escape(here: Path) -> None:
    wrote("x", "a\ud83db")
    assert (here / "x").read_text() == "a\\ud83db"


# What is refused


def test_what_cannot_be_written_is_refused_at_the_start(here: Path) -> None:
    (here / "folder").mkdir()
    (here / "read_only").write_text("old")
    (here / "read_only").chmod(0o444)
    os.symlink("read_only", "link")
    os.symlink("loop", "loop")
    os.symlink("folder", "to_folder")
    os.symlink("gone/x", "dangling")
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    server.close()
    closed = os.open("read_only", os.O_RDONLY)
    names = os.listdir()
    for path, said in (
        ("folder", "is a folder"),
        ("to_folder", "is a folder"),
        ("read_only", "it is read-only, and is not changed"),
        ("link", "it is read-only, and is not changed"),
        ("read_only/x", "Not a directory"),
        ("loop", "Too many levels"),
        ("gone/x", "No such file or directory; there is no folder"),
        ("dangling", "No such file or directory; there is no folder"),
        ("socket", "is a socket"),
        ("x" * 300, "File name too long"),
        ("/dev/fd/987", "Bad file descriptor"),
        (f"/dev/fd/{closed}", "is open, but not for writing"),
        ("/proc/version_x", "cannot be written"),
    ):
        with pytest.raises(DiskError) as error:
            Target(Path(path))
        assert said in str(error.value), path
    os.close(closed)
    assert (here / "read_only").read_text() == "old"
    assert sorted(os.listdir()) == sorted(names)


def test_a_disk_is_refused(here: Path) -> None:
    try:
        os.mknod("disk", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    except OSError:
        pytest.skip("this user cannot make a device")
    with pytest.raises(DiskError, match="is a disk"):
        Target(Path("disk"))


def test_nothing_that_is_read_is_overwritten(here: Path) -> None:
    (here / "a.flow").write_text(FLOW)
    (here / "in.md").write_text("input")
    os.link("in.md", "other_name")
    os.symlink("in.md", "link")
    os.symlink("a.flow", "flow_link")
    number = os.open("in.md", os.O_RDWR)
    for path in ("in.md", "other_name", "link", "./in.md", f"/dev/fd/{number}"):
        for source in (here / "in.md", Path("in.md"), Path("link"), number):
            with pytest.raises(UsageError, match="this command reads"):
                Target(Path(path), [Path("gone"), source])
    for path in ("a.flow", "flow_link", "new.flow", "NEW.FLOW"):
        with pytest.raises(UsageError, match="is a flow file or has the name of a flow file"):
            Target(Path(path))
    # A journal that is to be made is no place either.
    with pytest.raises(UsageError, match="this command reads"):
        Target(Path("./new.db"), [here / "new.db"])
    os.close(number)
    assert (here / "in.md").read_text() == "input"


def test_a_place_that_becomes_another_meanwhile_is_left_alone(here: Path) -> None:
    (here / "source").write_text("source")
    (here / "elsewhere").write_text("elsewhere")

    def becomes_read_only() -> None:
        (here / "x").write_text("theirs")
        (here / "x").chmod(0o444)

    changes: list[Callable[[], None]] = [
        lambda: os.mkdir("x"),
        lambda: os.mkfifo("x"),
        lambda: os.symlink("elsewhere", "x"),
        lambda: os.link("source", "x"),
        lambda: os.symlink("nowhere/at/all", "x"),
        becomes_read_only,
    ]
    for change in changes:
        found = Target(Path("x"), [Path("source")])
        change()
        with pytest.raises((DiskError, UsageError)):
            found.write("whole\n")
        os.rmdir("x") if os.path.isdir("x") else os.unlink("x")
    assert (here / "source").read_text() == "source"
    assert (here / "elsewhere").read_text() == "elsewhere"
    assert only("source", "elsewhere")


def test_a_write_that_fails_leaves_the_old_file_whole(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "x").write_text("old")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskError, match="`x` cannot be written: No space left on device"):
        wrote("x")
    assert (here / "x").read_text() == "old"
    assert only("x")


# Parts


def part(rows: list[bytes], *, ends: str, sources: tuple[Path, ...] = ()) -> PartFile:
    made = PartFile(Target(Path("x.jsonl"), sources))
    for row in rows:
        made.write(row)
    if ends == "finish":
        made.finish()
    if ends != "killed":
        made.leave(empty=not rows)
    else:
        made._file.flush()
    return made


def test_a_part_that_stands_in_another_is_taken_away(here: Path) -> None:
    part([b"1\n"], ends="leave")
    assert only("x.jsonl.part")
    part([b"1\n", b"2\n"], ends="leave")
    assert only("x.jsonl.2.part")
    part([b"1\n", b"2\n", b"3\n"], ends="finish")
    assert only("x.jsonl")
    part([], ends="leave")
    assert only("x.jsonl")


def test_a_part_of_somebody_else_is_kept(here: Path) -> None:
    (here / "x.jsonl.part").write_bytes(b"a user's own\n")
    (here / "x.jsonl.3.part").write_bytes(b"1\n")
    os.symlink("x.jsonl.3.part", "x.jsonl.2.part")
    part([b"1\n", b"2\n"], ends="finish", sources=(Path("x.jsonl.3.part"),))
    assert (here / "x.jsonl.part").read_bytes() == b"a user's own\n"
    assert only("x.jsonl", "x.jsonl.part", "x.jsonl.2.part", "x.jsonl.3.part")


def test_a_part_that_another_run_writes_is_kept(here: Path) -> None:
    other = part([b"1\n"], ends="killed")
    part([b"1\n", b"2\n"], ends="finish")
    assert only("x.jsonl", "x.jsonl.part")
    other.leave(empty=False)
