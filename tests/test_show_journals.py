"""The choice of a run for `flowrun show`, `diff` and `runs`: its name, and journals that are missing or read-only."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.cli import run_command
from flowrun.runtime.journal import reading
from flowrun.runtime.journal.index import Run
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.vocabulary.errors import DiskError
from flowrun.runtime.vocabulary.run_record import RunRecord
from support import run_records as made
from support.command_line import COMMAND, PYTHON, command
from support.patience import PATIENCE

BEGAN = 1_790_000_000.0


async def write(path: Path, *names: str, end: bool = True) -> None:
    """Write a journal with a run for each name."""
    journal = Journal.open(path)
    try:
        for at, name in enumerate(names):
            head = {"id": name, "flow": "letters", "source": f"/flows/{name[:8]}.flow", "began": BEGAN + 60 * at}
            run = await journal.append([LogRecord(0, Kind.RUN, head)])
            await journal.append([LogRecord(run, Kind.GIVEN, {"plan": {}, "inputs": {}})])
            if end:
                account = {"answered": 3, "cost": 0.0021 * at, "unbilled": 0.0}
                body = {"status": "done", "ended": BEGAN + 60 * at + 12.5, "account": account}
                await journal.append([LogRecord(run, Kind.END, body)])
    finally:
        journal.close()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    asyncio.run(write(path, "swift-otter-1a2b", "swift-eagle-3c4d", "calm-fox-5e6f"))
    return path


@pytest.fixture(autouse=True)
def records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the record of every run by hand, with the id of the run that was chosen."""

    def read(reader: JournalReader, run: Run) -> RunRecord:
        return made.record(made.element(0), id=run.id)

    monkeypatch.setattr("flowrun.runtime.replay.read_run", read)


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run_command(list(words))
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ((), "calm-fox-5e6f"),
        (("last",), "calm-fox-5e6f"),
        (("calm",), "calm-fox-5e6f"),
        (("swift-o",), "swift-otter-1a2b"),
        (("swift-eagle-3c4d",), "swift-eagle-3c4d"),
    ],
)
def test_a_run_has_a_name(
    words: tuple[str, ...], chosen: str, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "show", *words, "--journal", str(journal))
    assert (code, err) == (0, "")
    assert out.startswith(f"run {chosen} · ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "swift"), "the names of 2 runs begin with `swift`: swift-otter-1a2b, swift-eagle-3c4d; write more"),
        (("show", "lsat"), "has no run `lsat`; did you mean `last`?"),
        (("show", "swift-otter-1a2c"), "did you mean `swift-otter-1a2b`?"),
        (("show", "notes"), "If it is a step of the last run, write `flowrun show last notes`"),
        (("show", "notes[0].x"), "a path follows the name of a run: write `flowrun show last 'notes[0].x'` for the"),
        (("show", "notes.0"), "write `flowrun show last notes.0` for the last run"),
        (("show", ""), "has no run ``"),
        (("show", "\x1b[31m"), "write `flowrun show last '\\x1b[31m'`"),
        (("show", "last", "nots"), "did you mean `notes`?"),
        (("show", "last", ""), "the path `` is empty"),
        (("show", "--grep", ""), "--grep needs a word"),
        (("diff", "swift", "last"), "the names of 2 runs begin with `swift`"),
        (("diff", "last", "nobody"), "has no run `nobody`"),
    ],
)
def test_a_wrong_name_is_refused_with_the_way_out(
    words: tuple[str, ...], message: str, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, *words, "--journal", str(journal))
    assert (code, out) == (2, "")
    assert message in err
    assert "\x1b" not in err


@pytest.mark.parametrize("words", [("last", "nobody"), ("nobody",), ("last", "notes.17"), ("notes[0].x", "last")])
def test_diff_takes_no_path_and_tells_of_none(
    words: tuple[str, ...], journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "diff", *words, "--journal", str(journal))
    assert (code, out) == (2, "")
    assert "has no run" in err
    assert "`flowrun runs` lists its runs" in err
    assert "flowrun show" not in err


def test_diff_compares_with_the_last_run(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "diff", "swift-o", "--journal", str(journal))
    assert code == 0
    assert out.split()[:2] == ["swift-otter-1a2b", "calm-fox-5e6f"]


@pytest.mark.parametrize("words", [("show",), ("show", "last", "x"), ("diff", "a", "b"), ("runs",)])
def test_a_place_without_a_journal(words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, *words, "--journal", str(tmp_path / "none.db"))
    assert (code, out) == (0 if words == ("runs",) else 2, "")
    assert "none.db" in err
    assert "a run makes it" in err
    assert not list(tmp_path.iterdir())
    code, _, err = said(capsys, *words, "--journal", str(tmp_path))
    assert code == 74
    assert "is a folder" in err
    foreign = tmp_path / "foreign.db"
    foreign.write_text("no database\n" * 100)
    code, _, err = said(capsys, *words, "--journal", str(foreign))
    assert code == 74
    assert "is damaged: file is not a database" in err


def test_a_journal_without_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "journal.db"
    asyncio.run(write(path))
    for words, code in ((("runs",), 0), (("show",), 2), (("diff", "last"), 2)):
        ended, out, err = said(capsys, *words, "--journal", str(path))
        assert (ended, out) == (code, "")
        assert re.search(r"the journal \S+ has no runs", err)


# The list of runs


def test_the_list_of_runs_has_heads(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = said(capsys, "runs", "--journal", str(journal))
    head, *rows = out.splitlines()
    assert head.split() == ["run", "began", "time", "file", "state", "answers", "cost"]
    assert len(rows) == 3
    cells = re.split(r"\s{2,}", rows[1])
    assert cells[0] == "swift-eagle-3c4d"
    assert cells[2:] == ["12.5 s", "swift-ea.flow", "done", "0", "$0.0021"]


def test_the_json_of_runs_has_a_version(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data: dict[str, Any] = json.loads(said(capsys, "runs", "--json", "--journal", str(journal))[1])
    assert data["version"] == 1
    first = data["runs"][0]
    assert (first["run"], first["file"], first["source"]) == (
        "swift-otter-1a2b",
        "swift-ot.flow",
        "/flows/swift-ot.flow",
    )
    assert (first["ms"], first["began"], first["ended"]) == (12_500, "2026-09-21T14:13:20Z", "2026-09-21T14:13:32Z")
    empty = json.loads(said(capsys, "runs", "--json", "--journal", str(journal.with_name("none.db")))[1])
    assert empty == {"version": 1, "runs": []}


def test_a_killed_run_has_no_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "journal.db"
    asyncio.run(write(path, "one", end=False))
    [run] = json.loads(said(capsys, "runs", "--json", "--journal", str(path))[1])["runs"]
    assert (run["status"], run["ms"], run["ended"]) == ("killed", None, None)


# Terminals, pipes and read-only places


def on_terminal(words: list[str], folder: Path, columns: int, **environ: str) -> str:
    """Run a command on a terminal with this many columns, and return what it printed."""
    main, other = pty.openpty()
    try:
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "COLUMNS": str(columns), "LINES": "24", **environ}
        process = subprocess.Popen([*COMMAND, *words], cwd=folder, env=environ, stdout=other, stderr=subprocess.PIPE)
        os.close(other)
        told = b""
        while True:
            try:
                part = os.read(main, 65_536)
            except OSError:  # Linux reports the end of a terminal as an error
                break
            if not part:
                break
            told += part
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        process.stderr.close()
    finally:
        os.close(main)
    return told.decode().replace("\r\n", "\n")


def test_a_narrow_terminal_gets_the_important_columns(journal: Path) -> None:
    words = ["runs", "--journal", str(journal)]
    narrow = on_terminal(words, journal.parent, 36, TERM="dumb")
    assert "\x1b" not in narrow
    assert all(len(line) <= 36 for line in narrow.splitlines())
    assert narrow.splitlines()[0].split() == ["run", "file", "state"]
    wide = on_terminal(words, journal.parent, 120, TERM="xterm")
    assert wide.startswith("\x1b[2mrun ")
    assert "12.5 s" in wide
    assert "\x1b" not in on_terminal(words, journal.parent, 120, TERM="xterm", NO_COLOR="1")


def test_a_reader_that_leaves_early_is_no_error(journal: Path) -> None:
    process = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *COMMAND, "runs", "--journal", str(journal)],
        capture_output=True,
        check=True,
        timeout=PATIENCE,
        env={**os.environ, "HOME": str(journal.parent)},
    )
    assert process.stdout.startswith(b"run ")
    assert b"Traceback" not in process.stderr


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Forbid everybody to write in a folder. Root may write in spite of modes, so the folder is mounted for reading."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(0o755)
        return
    bound = subprocess.run(["mount", "--bind", str(folder), str(folder)], capture_output=True, check=False)
    if bound.returncode:
        pytest.skip("mounting needs more rights than these")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_journal_in_a_read_only_folder_is_read(journal: Path) -> None:
    before = sorted(path.name for path in journal.parent.iterdir())
    with read_only(journal.parent):
        for words in (("runs",), ("runs", "--json")):
            ran = await command(*words, "--journal", str(journal), folder=journal.parent)
            assert (ran.code, ran.err) == (0, "")
            assert "calm-fox-5e6f" in ran.out
    for name in ("-wal", "-shm"):
        journal.with_name(journal.name + name).unlink(missing_ok=True)
    with read_only(journal.parent):
        ran = await command("runs", "--journal", str(journal), folder=journal.parent)
        assert (ran.code, ran.err) == (0, "")
        assert len(ran.out.splitlines()) == 4
    assert set(before) >= {path.name for path in journal.parent.iterdir()}


async def test_an_open_log_in_a_read_only_folder_is_read_too(journal: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("UPDATE records SET place = place")
        connection.commit()
        copy = tmp_path / "copy"
        copy.mkdir(mode=0o700)
        for path in journal.parent.glob("journal.db*"):
            if not path.name.endswith("-shm"):
                (copy / path.name).write_bytes(path.read_bytes())
                (copy / path.name).chmod(0o600)
    with read_only(copy):
        ran = await command("runs", "--journal", str(copy / "journal.db"), folder=tmp_path)
        assert (ran.code, len(ran.out.splitlines())) == (0, 4)


def test_an_open_log_is_never_left_out(journal: Path) -> None:
    journal.with_name("journal.db-wal").write_bytes(b"rows")
    with pytest.raises(DiskError, match="was left with an open log in a folder that cannot be written: copy"):
        reading.open_finished(journal)


def test_the_view_of_a_run_loads_no_client(journal: Path) -> None:
    code = (
        "import sys\nfrom flowrun.runtime.cli import run_command\n"
        "run_command(['show', '--help'])\nrun_command(['runs', '--journal', sys.argv[1]])\n"
        "print('modules:', *sys.modules)"
    )
    done = subprocess.run(
        [*PYTHON, "-c", code, str(journal)], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    loaded = set(done.stdout.rpartition("modules:")[2].split())
    assert not loaded & {"aiohttp", "asyncio", "pydantic", "flowrun.runtime.engine.state"}
