"""What a detached run refuses, it refuses at the terminal, before anything is sent; and what it asks, it asks there."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from flowrun.runtime.cli.people import at_terminal
from support.away import Folder, lives
from support.command_line import COMMAND
from support.patience import PATIENCE, eventually
from support.place import Place, place
from support.terminals import Terminal

ONE = """
model m = "openai:x" with concurrency: 8, temperature: 0.5
flow one(items: [text]) {
  notes = map item in items { ask m "Say {{ item }}" } reduce collect
  return notes
}
"""
ELSEWHERE = 'endpoint lab = "http://gpu.example:8000/v1"\n' + ONE.replace("openai:x", "lab:x")
HUMAN = """
flow asks(items: [text]) {
  said = ask human "Publish {{ items }}?" -> yes | no
  return said
}
"""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from place(tmp_path_factory.mktemp("quick"), ONE, 2)


@pytest.fixture
def at(quick: Place, tmp_path: Path) -> Folder:
    return Folder(tmp_path, quick)


def test_a_run_without_a_journal_is_refused(at: Folder) -> None:
    ran = at.command(str(at.place.folder / "a.flow"), "--items", "[]", "--no-journal", "--detach")
    assert (ran.code, ran.out) == (2, "")
    assert "--detach keeps the run in its journal: leave out --no-journal" in ran.err
    assert os.listdir(at.path) == []


@pytest.mark.parametrize(
    ("text", "arguments", "environ", "code", "told"),
    [
        (ONE, (), {}, 2, "the flow `one` needs a value"),
        (ONE, ("--items", "nowhere.json"), {}, 2, "nowhere.json"),
        (ONE, ("--items", "[]", "--budget", "much"), {}, 2, "much"),
        (ONE, ("--items", '["a"]', "--output", "none/there.json"), {}, 74, "none/there.json"),
        (ONE, ("--items", '["a"]'), {"OPENAI_BASE_URL": ""}, 2, "OPENAI_API_KEY"),
        (ELSEWHERE, ("--items", '["a"]'), {}, 2, "gpu.example"),
        (ONE.replace("reduce collect", "reduce colect"), ("--items", '["a"]'), {}, 1, "colect"),
        (ONE, ("--items", '["a"]', "--budget", "$1"), {}, 2, "price"),
    ],
)
def test_what_can_be_refused_is_refused_at_the_terminal(
    text: str, arguments: tuple[str, ...], environ: dict[str, str], code: int, told: str, at: Folder
) -> None:
    (at.path / "b.flow").write_text(text)
    before = at.place.served.answers()
    ran = at.command("b.flow", *arguments, "--journal", "journal.db", "--detach", **environ)
    assert (ran.code, ran.out) == (code, ""), ran.err
    assert told in ran.err
    assert at.left() == []
    assert at.place.served.answers() == before


def test_a_resume_is_refused_at_the_terminal(at: Folder) -> None:
    ran = at.command("resume", "last", "--journal", "journal.db", "--detach")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no journal" in ran.err
    assert os.listdir(at.path) == []
    at.detach()
    at.attach()
    ran = at.command("resume", "nobody", "--journal", "journal.db", "--detach")
    assert ran.code == 2
    assert "has no run `nobody`" in ran.err
    assert len(at.left()) == 3


@pytest.mark.parametrize("command", ["attach", "stop"])
def test_there_must_be_such_a_run(command: str, at: Folder) -> None:
    ran = at.command(command, "nobody", "--journal", "journal.db")
    assert ran.code == 2
    assert "there is no journal" in ran.err
    at.detach()
    at.attach()
    ran = at.command(command, "nobody", "--journal", "journal.db")
    assert ran.code == 2
    assert "has no run `nobody`" in ran.err


def test_standard_input_is_read_before_the_command_ends(at: Folder) -> None:
    arguments = [str(at.place.folder / "a.flow"), "--items", "-", "--journal", "journal.db", "--detach"]
    ran = at.command(*arguments, stdin=at.place.items.read_text())
    assert ran.code == 0, ran.err
    assert at.attach().out == at.place.expected


def test_a_question_about_a_host_is_put_at_the_terminal(at: Folder) -> None:
    (at.path / "c.flow").write_text(ELSEWHERE)
    command = [*COMMAND, "c.flow", "--items", "[]", "--journal", "journal.db", "--detach"]
    with Terminal(command, 120, 24, at.environ, at.path, whole=True) as terminal:
        terminal.until(lambda text: "Allow this? [y/N]" in text)
        terminal.type("y\n")
        assert terminal.end() == 0, terminal.text
        assert "the run goes on without this terminal" in terminal.text
    assert at.attach().out == "[]\n"


def test_a_question_that_is_answered_by_no_begins_nothing(at: Folder) -> None:
    (at.path / "c.flow").write_text(ELSEWHERE)
    command = [*COMMAND, "c.flow", "--items", '["a"]', "--journal", "journal.db", "--detach"]
    with Terminal(command, 120, 24, at.environ, at.path, whole=True) as terminal:
        terminal.until(lambda text: "Allow this? [y/N]" in text)
        terminal.type("\n")
        assert terminal.end() == 2
    assert at.left() == []


def test_an_interrupt_before_the_beginning_ends_both_processes(at: Folder) -> None:
    (at.path / "c.flow").write_text(ELSEWHERE)
    command = [*COMMAND, "c.flow", "--items", '["a"]', "--journal", "journal.db", "--detach"]
    with Terminal(command, 120, 24, at.environ, at.path, whole=True) as terminal:
        terminal.until(lambda text: "Allow this? [y/N]" in text)
        os.killpg(terminal.process.pid, 2)
        terminal.type("\n")
        assert terminal.end() in (2, 130)
    assert not lives(terminal.process.pid)
    assert at.left() == []


def test_a_question_to_a_person_is_left_open(at: Folder) -> None:
    (at.path / "d.flow").write_text(HUMAN)
    command = [*COMMAND, "d.flow", "--items", '["a"]', "--journal", "journal.db", "--detach"]
    with Terminal(command, 120, 24, at.environ, at.path, whole=True) as terminal:
        assert terminal.end() == 0, terminal.text
    ran = at.attach()
    assert (ran.code, ran.out) == (6, "")
    assert "answer with: flowrun answer " in ran.err


def test_the_live_page_asks_alone_when_the_terminal_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    main, side = pty.openpty()
    with open(side, "w", encoding="utf-8") as terminal, open(main, "rb", buffering=0):
        monkeypatch.setattr("sys.stdin", terminal)
        monkeypatch.setattr("sys.stderr", terminal)
        assert at_terminal(lambda: nullcontext(terminal)) is not None
        assert at_terminal(lambda: nullcontext(terminal), away=True) is None


def test_a_parameter_may_have_the_name_of_the_option(at: Folder) -> None:
    text = ONE.replace("flow one(items", "flow one(detach: text, items").replace("Say", "Say {{ detach }}")
    (at.path / "b.flow").write_text(text)
    arguments = ("--items", '["a"]', "--param-detach", "much", "--journal", "journal.db")
    ran = at.command("b.flow", *arguments, "--detach")
    assert ran.code == 2
    assert "--option-detach" in ran.err
    assert at.command("b.flow", *arguments, "--option-detach").code == 0
    assert at.attach().code == 0


def test_a_file_in_place_of_the_folder_is_refused_at_the_terminal(at: Folder) -> None:
    (at.path / "journal.db.detached").write_text("")
    ran = at.command(*at.run_arguments, "--detach")
    assert ran.code == 74
    assert "should be the folder of the detached runs, and is no folder: remove it" in ran.err


def test_a_folder_with_a_long_path_has_runs_too(at: Folder) -> None:
    deep = at.path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    far = Folder(deep, at.place)
    run = far.detach()
    assert far.attach(run).out == at.place.expected


@pytest.mark.parametrize("command", ["attach", "stop"])
def test_only_its_machine_knows_of_a_run(command: str, at: Folder) -> None:
    run = at.detach()
    at.attach()
    record = at.files / f"{run}.run"
    said = json.loads(record.read_text())
    record.write_text(json.dumps({**said, "host": "gpu\x1b[31m", "code": None}))
    ran = at.command(command, run, "--journal", "journal.db")
    assert (ran.code, ran.out) == (2, "")
    assert "was detached on the machine `gpu" in ran.err
    assert "write the command there" in ran.err
    assert "\x1b" not in ran.err


def caught(process: int) -> set[int]:
    """The signals that a process handles."""
    found = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert found is not None
    return {number for number in range(1, 65) if int(found[1], 16) >> (number - 1) & 1}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
@pytest.mark.parametrize("signal_", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_beginning_ends_the_run(signal_: signal.Signals, at: Folder) -> None:
    (at.path / "a.flow").write_text(ONE)
    arguments = ["a.flow", "--items", "-", "--journal", "journal.db", "--detach"]
    command = at.begin(*arguments)
    eventually(lambda: signal.SIGHUP in caught(command.pid))
    command.send_signal(signal_)
    command.wait(PATIENCE)
    command.communicate()
    assert command.returncode in (128 + signal_, 130)
    assert at.left() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_runs_of_another_user_are_left_alone(at: Folder) -> None:
    run = at.detach()
    at.attach()
    os.chown(at.files, 12345, 12345)
    for words in (("attach", run), ("stop", run), (*at.run_arguments[:3], "--detach")):
        ran = at.command(*words, "--journal", "journal.db")
        assert ran.code == 74
        assert "belongs to another user (12345)" in ran.err
