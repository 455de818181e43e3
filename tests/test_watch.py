"""`flowrun validate --watch`: what it checks again, what it tells, and what it costs while nothing happens."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrun.runtime.cli.lints import ChosenLints
from flowrun.runtime.cli.watch import EVERY, Round, changes, check_round
from support.command_line import COMMAND, command
from support.patience import PATIENCE
from support.terminals import Terminal

GOOD = 'flow {}(word: text) {{ a = ask "Say {{{{ word }}}}" return a }}\n'
MAIN = 'import "lib.flow"\nprompt note(word: text) from "note.md"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flows" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "flows" / "a.flow", GOOD.format("a"))
    return tmp_path


def write(path: Path, text: str) -> None:
    """Write a file of a while ago, with a time that no other file has."""
    path.write_text(text)
    at = time.time_ns() - 10**10
    os.utime(path, ns=(at, at))


def looked(last: Round | None = None) -> Round:
    return check_round([Path("flows")], ChosenLints(), last)


def seen(last: Round) -> list[str]:
    return changes([Path("flows")], last)


def test_nothing_is_seen_while_nothing_changes(folder: Path) -> None:
    last = looked()
    assert (last.names, last.found, last.unread) == (("flows/a.flow",), (), ())
    assert seen(last) == seen(last) == []
    (folder / "flows" / "note.txt").write_text("no flow")
    assert seen(last) == []


def test_new_changed_and_vanished_flows_are_seen(folder: Path) -> None:
    last = looked()
    write(folder / "flows" / "deep" / "b.flow", "flow b() {}\n")
    assert seen(last) == ["flows/deep/b.flow is there"]
    last = looked(last)
    assert {one.severity for one in last.found} == {"error"}
    write(folder / "flows" / "deep" / "b.flow", GOOD.format("b"))
    assert seen(last) == ["flows/deep/b.flow changed"]
    last = looked(last)
    assert last.found == ()
    (folder / "flows" / "a.flow").unlink()
    assert seen(last) == ["flows/a.flow is gone"]
    (folder / "flows" / "deep" / "b.flow").unlink()
    last = looked(last)
    assert [one.reason for one in last.unread] == ["`flows` has no .flow file"]
    write(folder / "flows" / "c.flow", GOOD.format("c"))
    assert seen(last) == ["flows/c.flow is there"]


def test_imports_prompts_and_settings_are_watched_also_before_they_exist(folder: Path) -> None:
    write(folder / "flows" / "main.flow", MAIN + GOOD.format("m"))
    last = looked()
    for name in ("lib.flow", "note.md"):
        write(folder / "flows" / name, "text")
        assert f"flows/{name} " in " ".join(seen(last)), (name, [one.message for one in last.found])
        last = looked(last)
        assert seen(last) == []
    for place in (folder, folder / "flows"):
        write(place / "flowrun.toml", '[lint]\nignore = ["F0701"]\n')
        assert seen(last) == [f"{place / 'flowrun.toml'} changed"]
        last = looked(last)


def test_a_change_during_the_check_is_seen_by_the_next_look(folder: Path) -> None:
    last = looked()
    write(folder / "flows" / "a.flow", GOOD.format("other"))
    before = last
    last = looked(last)
    assert seen(before)
    assert seen(last) == []
    (folder / "flows" / "fresh.flow").write_text(GOOD.format("fresh"))
    last = looked(last)
    assert seen(last) == ["flows/fresh.flow changed"]


async def test_it_shows_only_findings(folder: Path) -> None:
    for words in (["--fix"], ["--diff"], ["--format", "json"], ["--audit"], ["-o", "x"]):
        ran = await command("validate", "flows", "--watch", *words, folder=folder)
        assert (ran.code, "--watch" in ran.err) == (2, True), ran.err
    assert (await command("validate", "-", "--watch", folder=folder)).code == 2


def test_a_terminal_is_cleared_for_each_check_until_the_end(folder: Path) -> None:
    with Terminal([*COMMAND, "validate", "flows", "--watch"], 100, 30, {}, folder, whole=True) as terminal:
        terminal.until(lambda text: "1 file checked: no findings" in text)
        write(folder / "flows" / "a.flow", "flow a(word: text) { return nobody }\n")
        text = terminal.until(lambda text: "1 error" in text and "a.flow changed" in text)
        assert "no findings" not in text
        assert "error[F0201]" in text
        (folder / "flows" / "a.flow").unlink()
        assert "has no .flow file" in terminal.until(lambda text: "a.flow is gone" in text)
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130


@pytest.fixture
def many(folder: Path) -> Iterator[subprocess.Popen[str]]:
    for number in range(999):
        write(folder / "flows" / f"f{number}.flow", GOOD.format(f"f{number}"))
    process = subprocess.Popen(
        [*COMMAND, "validate", "flows", "--watch"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.mark.no_cover
def test_a_thousand_files_cost_little_while_nothing_changes(many: subprocess.Popen[str], folder: Path) -> None:
    assert many.stderr is not None
    line = many.stderr.readline()
    assert "1,000 files checked: no findings" in line
    assert "\x1b" not in line
    used = _seconds(many.pid)
    time.sleep(6 * EVERY)
    # With Python's development mode on a busy machine; it is about 0.02.
    assert (_seconds(many.pid) - used) / (6 * EVERY) < 0.1
    many.send_signal(signal.SIGINT)
    assert many.wait(PATIENCE) == 130


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
