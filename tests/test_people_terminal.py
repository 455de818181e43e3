"""Questions to people on a terminal: how they look, what may be typed, and what becomes of the run meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from flowrun.testing import FaultServer
from support.command_line import chat
from support.terminals import Terminal

COMMAND = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()"]
FLOW = """type Note = { grade: 1..5 "the better, the higher", urgent: bool, by: text? }

flow look(topic: text) {
  words = ask "Words about {{ topic }}"
  ok = ask human "Approve {{ topic }}?" -> yes | no | text
  grade = ask human "A grade?" -> 1..5
  note = ask human "A note?" -> Note when ok == yes
  return { words, ok, grade, note }
}
"""


def _terminal(folder: Path, *arguments: str, environ: dict[str, str] | None = None) -> Terminal:
    return Terminal([*COMMAND, *arguments], 100, 40, environ or {}, folder, whole=True)


def _value(folder: Path) -> object:
    return json.loads((folder / "out.json").read_text())


async def _asked_beside_a_model(folder: Path) -> Terminal:
    (folder / "look.flow").write_text(FLOW)
    server = FaultServer()
    server.json(chat("many words"))
    async with server.serving():
        given = {"OPENAI_BASE_URL": f"{server.url}/v1", "OPENAI_API_KEY": "k"}
        options = ("look.flow", "--topic", "cats", "--model", "openai:m", "-o", "out.json")

        def drive() -> Terminal:
            with _terminal(folder, *options, environ=given) as terminal:
                terminal.until(lambda text: "Approve cats?" in text and text.rstrip().endswith(">"))
                assert "1 yes   2 no   or a text" in terminal.text
                assert not terminal.cursor_hidden
                terminal.type("1\n")
                terminal.until(lambda text: "A grade?" in text and text.rstrip().endswith(">"))
                terminal.type("9\n")
                terminal.until(lambda text: "less than or equal to 5" in text)
                terminal.type("4\n")
                terminal.until(lambda text: "A note?" in text and text.rstrip().endswith(">"))
                terminal.type("\n")
                terminal.until(lambda text: "the better, the higher" in text)
                terminal.type("6\n")
                terminal.until(lambda text: text.count("the better, the higher") == 2)
                terminal.type("5\nn\n\n")
                assert terminal.end() == 0
                return terminal

        return await asyncio.to_thread(drive)


def test_a_person_answers_beside_a_model(tmp_path: Path) -> None:
    terminal = asyncio.run(_asked_beside_a_model(tmp_path))
    note = {"grade": 5, "urgent": False, "by": None}
    assert _value(tmp_path) == {"words": "many words", "ok": "yes", "grade": 4, "note": note}
    assert "1 call · 3 answers of people" in terminal.text


TEXTS = """flow f() {
  a = ask human "First?"
  b = ask human "Second?\\u{1B}[2J\\u{7} {{ a }}" -> [text]
  return { a, b }
}
"""


def test_a_text_has_several_lines_and_control_characters_are_shown(tmp_path: Path) -> None:
    (tmp_path / "f.flow").write_text(TEXTS)
    with _terminal(tmp_path, "f.flow", "-o", "out.json") as terminal:
        terminal.until(lambda text: "First?" in text and text.rstrip().endswith(">"))
        terminal.type("one\n  two\n\n")
        terminal.until(lambda text: "Second?" in text and text.rstrip().endswith(">"))
        assert "one" in terminal.text
        assert b"\x07" not in terminal.raw and b"Second?\x1b[2J" not in terminal.raw
        terminal.type('["x",\n"y"]\n')
        assert terminal.end() == 0
    assert _value(tmp_path) == {"a": "one\n  two", "b": ["x", "y"]}


def test_several_questions_come_one_after_another(tmp_path: Path) -> None:
    (tmp_path / "f.flow").write_text(
        'flow f(names: [text]) {\n  xs = map n in names { ask human "Is {{ n }} fine?" -> bool } reduce collect\n'
        "  return xs\n}\n"
    )
    (tmp_path / "names.txt").write_text("ann\nbob\ncy\n")
    with _terminal(tmp_path, "f.flow", "--names", "names.txt", "-o", "out.json") as terminal:
        terminal.until(lambda text: "Is ann fine?" in text and text.rstrip().endswith(">"))
        assert "2 more behind it" in terminal.text and "bob" not in terminal.text
        terminal.type("y\nno\n1\n")
        assert terminal.end() == 0
    assert _value(tmp_path) == [True, False, True]


def test_the_end_of_the_input_leaves_a_question_open(tmp_path: Path) -> None:
    (tmp_path / "f.flow").write_text(TEXTS)
    with _terminal(tmp_path, "f.flow") as terminal:
        terminal.until(lambda text: text.rstrip().endswith(">"))
        terminal.type("\x04")
        assert terminal.end() == 6
    assert "The question is left open." in terminal.text and "flowrun answer" in terminal.text


def test_an_interrupt_stops_the_run_at_once_and_it_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "f.flow").write_text(TEXTS)
    with _terminal(tmp_path, "f.flow") as terminal:
        terminal.until(lambda text: "First?" in text and text.rstrip().endswith(">"))
        terminal.type("one\n\n")
        terminal.until(lambda text: "Second?" in text and text.rstrip().endswith(">"))
        terminal.type("half")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert not terminal.cursor_hidden
    with _terminal(tmp_path, "resume", "last") as again:
        again.until(lambda text: "Second?" in text and text.rstrip().endswith(">"))
        assert "First?" not in again.text
        again.type("[]\n")
        assert again.end() == 0
    assert "1 answer from the journal" in again.text


def test_nobody_is_asked_without_a_terminal_or_with_no_ask(tmp_path: Path) -> None:
    (tmp_path / "f.flow").write_text(TEXTS)
    with _terminal(tmp_path, "f.flow", "--no-ask") as terminal:
        assert terminal.end() == 6
    assert "First?" not in terminal.text
    assert os.path.exists(tmp_path / ".flowrun" / "journal.db")
    with _terminal(tmp_path, "answer", "last", "a") as answering:
        answering.until(lambda text: "First?" in text and text.rstrip().endswith(">"))
        answering.type("told\n\n")
        assert answering.end() == 0
    with _terminal(tmp_path, "resume", "last", "--no-ask") as again:
        assert again.end() == 6
    assert "has not answered `b`" in again.text
