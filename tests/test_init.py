"""`flowrun init`: the first flows are good examples, nothing is overwritten, and the printed commands work."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowrun.dsl import Source, check_flow, format_file, parse_flow
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.starter_files import GITLAB, SETTINGS
from flowrun.runtime.cli.starters import STARTERS
from flowrun.testing.parallel import run_files
from support.command_line import COMMAND, chat, command
from support.terminals import Terminal

CACHE = os.environ.get("FLOWRUN_CACHE", os.path.expanduser("~/.cache/flowrun"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("what", STARTERS)
def test_a_first_flow_is_a_good_example(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = STARTERS[what]
    checked = check_flow(Source(one.text, one.name), catalog())
    assert checked.warnings == ()
    assert format_file(parse_flow(Source(one.text, one.name))) == one.text
    monkeypatch.chdir(tmp_path)
    Path(one.name).write_text(one.text)
    (result,) = run_files([one.name], covers=True)
    assert {outcome.status for outcome in result.outcomes} == {"passed"}


@pytest.mark.parametrize(("what", "answers"), [("vote", 3), ("review", 9), ("table", 9), ("panel", 4)])
async def test_the_printed_commands_work(what: str, answers: int, tmp_path: Path, faults: Any) -> None:
    (tmp_path / ".git").mkdir()
    ran = await command("init", what, "my flows", folder=tmp_path)
    assert ran.code == 0, ran.err
    commands = re.findall(r"^  flowrun (.*)$", ran.out, re.MULTILINE)
    assert [shlex.split(one)[0] for one in commands[:2]] == ["test", "plan"]
    assert len(commands) == 3
    for _ in range(answers):
        faults.json(chat("SPAM" if what == "vote" else "billing"))
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "OPENAI_API_KEY": "k", "FLOWRUN_MODEL": "openai:m"}
    for one in commands:
        done = await command(*shlex.split(one), folder=tmp_path, **environ)
        assert (done.code, bool(done.out)) == (0, True), (one, done.err)
    for words in (["validate", "--strict", "my flows"], ["fmt", "--check", "my flows"], ["test", "my flows"]):
        assert (await command(*words, folder=tmp_path)).code == 0
    written = re.findall(r"^(.*) is written$", ran.out, re.MULTILINE)
    assert set(written) == {
        *(os.path.join("my flows", name) for name in (STARTERS[what].name, *STARTERS[what].samples, "flowrun.toml")),
        ".github/workflows/flowrun.yml",
    }
    assert (tmp_path / ".gitignore").read_text() == ".flowrun/\n"
    workflow = yaml.safe_load((tmp_path / ".github/workflows/flowrun.yml").read_text())
    steps = [step.get("run", "") for step in workflow["jobs"]["flowrun"]["steps"]]
    checks = [shlex.split(step)[1:] for step in steps if step.startswith("flowrun ")]
    assert [one[0] for one in checks] == ["validate", "test"]
    for words in checks:
        assert (await command(*words, folder=tmp_path)).code == 0


@pytest.mark.slow
@pytest.mark.embedded
@pytest.mark.parametrize("what", STARTERS)
async def test_a_first_flow_runs_with_the_local_model(what: str, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    ran = await command("init", what, folder=tmp_path)
    last = shlex.split(re.findall(r"^  flowrun (.*)$", ran.out, re.MULTILINE)[-1])
    done = await command(*last, "--model", "embedded:tiny", folder=tmp_path, FLOWRUN_CACHE=CACHE)
    assert (done.code, bool(done.out.strip())) == (0, True), done.err


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    for name in ("flowrun.toml", "handbook.md", ".gitlab-ci.yml"):
        (tmp_path / name).write_text("# mine\n")
    (tmp_path / ".gitignore").write_text("*.pyc")
    ran = await command("init", "review", "--ci", "gitlab", folder=tmp_path)
    assert ran.code == 0, ran.err
    for name in ("flowrun.toml", "handbook.md", ".gitlab-ci.yml"):
        assert (tmp_path / name).read_text() == "# mine\n"
        assert f"{name} is there already, and stays as it is" in ran.out
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n.flowrun/\n"
    before = names(tmp_path)
    again = await command("init", "review", folder=tmp_path)
    assert (again.code, "`review.flow` exists already, and is not overwritten" in again.err) == (2, True)
    assert names(tmp_path) == before
    more = await command("init", "vote", "--ci", "none", "--no-settings", folder=tmp_path)
    assert more.code == 0
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n.flowrun/\n"


async def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("a file")
    ran = await command("init", "vote", folder=tmp_path)
    assert (ran.code, "cannot be written" in ran.err) == (74, True)
    assert names(tmp_path) == [".github"]
    ran = await command("init", "vote", ".github", folder=tmp_path)
    assert (ran.code, "`.github` is a file, not a folder" in ran.err) == (2, True)
    for words, said in [
        (["init", "bote", "x"], "is no first flow: write vote, review, table, panel"),
        (["init", "--ci", "gitlab"], "name what to write"),
        (["init", "vote", "--ci", "jenkins"], "jenkins"),
    ]:
        ran = await command(*words, folder=tmp_path)
        assert (ran.code, said in ran.err) == (2, True), ran.err


async def test_the_gitlab_file_has_the_commands(tmp_path: Path) -> None:
    await command("init", "panel", "flows", "--ci", "gitlab", folder=tmp_path)
    job = yaml.safe_load((tmp_path / "flows" / ".gitlab-ci.yml").read_text())["flowrun"]
    assert job["script"][1:] == [
        "flowrun validate --strict .",
        "flowrun test --format junit . > flowrun-tests.xml",
    ]
    assert "{folder}" in GITLAB


async def test_the_commented_settings_are_valid_when_they_are_on(tmp_path: Path) -> None:
    assert tomllib.loads(SETTINGS) == {}
    lines = [re.sub(r"^# (?=[\[\w-]+(\]| =|\.)|\"|\[)", "", line) for line in SETTINGS.splitlines()]
    on = "\n".join(line for line in lines if not re.match(r"[A-Z#]", line))
    found = tomllib.loads(on)
    assert set(found) == {"model", "exclude", "lint", "endpoints"}
    await command("init", "vote", folder=tmp_path)
    (tmp_path / "flowrun.toml").write_text(on)
    ran = await command("validate", "--strict", ".", folder=tmp_path, HOME="/nowhere")
    assert ran.code == 0, ran.err


def test_a_terminal_asks_what_to_write(tmp_path: Path) -> None:
    with Terminal([*COMMAND, "init"], 100, 40, {}, tmp_path, whole=True) as terminal:
        terminal.until(lambda text: "4 panel" in text and text.endswith(">"))
        for one in STARTERS.values():
            assert one.title in terminal.text
        terminal.type("tabel\n")
        terminal.until(lambda text: "is none of them: type a number from 1 to 4" in text and text.endswith(">"))
        terminal.type("table\n")
        terminal.until(lambda text: text.endswith("The folder [.]:"))
        terminal.type("mine\n")
        terminal.until(lambda text: "2 a check for GitLab" in text and text.endswith(">"))
        terminal.type("2\n")
        terminal.until(lambda text: "[Y/n]:" in text)
        terminal.type("n\n")
        assert terminal.end() == 0
        assert "flowrun mine/sort.flow --messages mine/messages.csv" in terminal.text
    assert names(tmp_path / "mine") == [".gitignore", ".gitlab-ci.yml", "messages.csv", "sort.flow"]


@pytest.mark.parametrize("end", ["interrupt", "close"])
async def test_leaving_the_questions_writes_nothing(end: str, tmp_path: Path) -> None:
    def drive() -> None:
        with Terminal([*COMMAND, "init"], 100, 40, {}, tmp_path, whole=True) as terminal:
            terminal.until(lambda text: text.endswith(">"))
            terminal.type("\n")
            terminal.until(lambda text: text.endswith("The folder [.]:"))
            if end == "interrupt":
                terminal.process.send_signal(signal.SIGINT)
                assert terminal.end() == 130
            else:
                terminal.type("\x04")
                assert terminal.end() == 2
                assert "nothing is written" in terminal.text

    await asyncio.to_thread(drive)
    assert not list(os.scandir(tmp_path))
