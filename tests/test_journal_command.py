"""`flowrun journal`: the size of a journal, its check, old runs, and runs that go for good."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowrun.runtime.cli import run_command
from flowrun.runtime.cli.journal_options import seconds_of
from flowrun.runtime.journal.records import Kind, LogRecord
from flowrun.runtime.vocabulary.amounts import size_text
from flowrun.runtime.vocabulary.errors import UsageError
from support.random_rows import write
from support.written import read_journal

DAY = 86400.0


def run_rows(name: str, number: int, began: float, answers: int, *, ended: bool = True) -> Iterator[LogRecord]:
    yield LogRecord(0, Kind.RUN, {"id": name, "flow": "f", "source": "f.flow", "began": began})
    for at in range(answers):
        call = (number * 1000 + at).to_bytes(16, "big"), f"f.out[{at}]"
        yield LogRecord(number, Kind.INTENT, {"model": "m", "bytes": 3}, *call)
        yield LogRecord(number, Kind.ANSWER, {"text": "x" * 100, "finish": "stop", "in": 1, "out": 1}, *call)
    if ended:
        yield LogRecord(number, Kind.END, {"status": "done", "ended": began + 1, "account": {"unbilled": 0.0}})


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal with runs that are 40, 20 and 0 days old; the second was killed."""
    path = tmp_path / ".flowrun" / "journal.db"
    now = time.time()
    rows = [*run_rows("old", 1, now - 40 * DAY, 3)]
    rows += run_rows("killed", len(rows) + 1, now - 20 * DAY, 2, ended=False)
    rows += run_rows("young", len(rows) + 1, now, 5)
    write(path, rows)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOWRUN_JOURNAL", raising=False)
    return path


def ids(path: Path) -> list[str]:
    return [run.id for run in read_journal(path).runs.values()]


def test_stats_tell_the_sizes(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["journal", "stats"]) == 0
    first, *runs = capsys.readouterr().out.splitlines()
    assert "3 runs, 10 answers" in first
    assert [line.split()[0] for line in runs] == ["young", "old", "killed"]
    assert run_command(["journal", "stats", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["answers"], told["kinds"]["answer"]["rows"]) == (1, 10, 10)
    assert told["kinds"]["answer"]["bytes"] > 1000
    assert told["bytes"] >= journal.stat().st_size


def test_verify_finds_damage(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["journal", "verify"]) == 0
    assert "whole: 3 runs, 10 answers" in capsys.readouterr().out
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("UPDATE records SET body = replace(body, 'xxx', 'xxy') WHERE number = 3")
        connection.commit()
    assert run_command(["journal", "verify"]) == 74
    assert "row 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--older", "30d"], ["killed", "young"]),
        (["--older", "2w"], ["young"]),
        (["--older", "30d", "--keep", "old"], ["old", "killed", "young"]),
        (["--older", "1m", "--keep", "last"], ["young"]),
        (["--keep", "last"], ["young"]),
        (["--keep", "2"], ["killed", "young"]),
        (["--keep", "0"], []),
        (["--keep", "99"], ["old", "killed", "young"]),
        (["--keep", "kil", "--keep", "1"], ["killed", "young"]),
        ([], ["old", "killed", "young"]),
    ],
)
def test_prune_removes_what_was_named(options: list[str], left: list[str], journal: Path) -> None:
    assert run_command(["journal", "prune", "--dry-run", *options]) == 0
    assert ids(journal) == ["old", "killed", "young"]
    assert run_command(["journal", "prune", *options]) == 0
    assert ids(journal) == left


def test_prune_tells_what_it_removed(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["journal", "prune", "--older", "30d", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["removed"], told["answers"], told["dry_run"]) == (["old"], 3, False)
    assert told["bytes"] <= told["bytes_before"]
    assert run_command(["journal", "prune", "--keep", "last"]) == 0
    out = capsys.readouterr().out
    assert "1 run with 2 answers removed; the journal had" in out


def test_erase_leaves_no_byte_of_a_run(tmp_path: Path, journal: Path) -> None:
    rows = [*run_rows("secret", len(rows_of(journal)) + 1, time.time(), 1)]
    rows[2] = rows[2]._replace(body={"text": "the launch code", "finish": "stop", "in": 1, "out": 1})
    write(journal, rows)
    assert run_command(["journal", "erase", "secret"]) == 0
    assert ids(journal) == ["old", "killed", "young"]
    left = b"".join(one.read_bytes() for one in journal.parent.iterdir() if one.is_file())
    assert b"launch code" not in left


def rows_of(path: Path) -> list[tuple[int]]:
    with closing(sqlite3.connect(path)) as reader:
        return reader.execute("SELECT number FROM records").fetchall()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prune", "--older", "soon"], "30d"),
        (["prune", "--older", "-3d"], "30d"),
        (["prune", "--keep", "nobody"], "has no run"),
        (["erase", "nobody"], "has no run"),
        (["erase", "last", "--journal", "missing.db"], "there is no journal"),
        (["stats", "--journal", "missing.db"], "there is no journal"),
        (["verify", "--journal", " "], "needs the name of a file"),
    ],
)
def test_mistakes_change_nothing(
    words: list[str], said: str, journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["journal", *words]) == 2
    assert said in capsys.readouterr().err
    assert ids(journal) == ["old", "killed", "young"]


def test_an_empty_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "j.db"
    write(path, [])
    for words in (["stats"], ["verify"], ["prune", "--keep", "last"]):
        assert run_command(["journal", *words, "--journal", str(path)]) == 0
        assert "0 runs" in capsys.readouterr().out


def test_ages_and_sizes() -> None:
    assert seconds_of("90m") == 5400
    assert seconds_of(" 1w ") == 7 * DAY
    for bad in ("", "d", "1y", "1.5d", "١d", "1 d"):
        with pytest.raises(UsageError):
            seconds_of(bad)
    assert [size_text(count) for count in (0, 999, 1000, 1 << 20, 5 << 30)] == [
        "0 B",
        "999 B",
        "0.977 KiB",
        "1 MiB",
        "5 GiB",
    ]
