"""`flowrun FILE` at a terminal asks for the inputs that the command line does not give."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import Source, param_comments, parse_flow
from support.command_line import chat, command
from support.terminals import Terminal

COMMAND = [sys.executable, "-c", "from flowrun.runtime.cli import main; main()"]
FLOW = """type Row = { id: int, text: text }

flow f(
  mail: text,  # the mail to judge
  # how it should sound
  tone: formal | warm,
  count: 1..5,
  urgent: bool,
  page: document,
  rows: [Row],
  note: text?,
) {
  said = ask "{{ mail }}|{{ tone }}|{{ count }}|{{ urgent }}|{{ page }}|{{ rows | length }}"
  return said
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.flow").write_text(FLOW)
    (tmp_path / "page.md").write_text("a page")
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "text": "x"}\n{"id": 2, "text": "y"}\n')
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


Drive = Callable[[Terminal], None]


async def driven(folder: Path, faults: Any, drive: Drive, *words: str) -> None:
    environ = {"OPENAI_BASE_URL": f"{faults.url}/v1", "OPENAI_API_KEY": "k", "FLOWRUN_MODEL": "openai:m"}

    def run() -> None:
        with Terminal([*COMMAND, *words], 110, 50, environ, folder, whole=True) as terminal:
            drive(terminal)

    await asyncio.to_thread(run)


def asked(terminal: Terminal, name: str) -> None:
    terminal.until(lambda text: f"\n{name}: " in f"\n{text}" and text.rstrip().endswith(">"))


async def test_each_input_is_asked_with_its_type_and_comment_and_checked_at_once(folder: Path, faults: Any) -> None:
    faults.json(chat("the answer"))

    def drive(terminal: Terminal) -> None:
        asked(terminal, "mail")
        assert "mail: text\n  the mail to judge\n" in terminal.text
        # A pasted text has empty lines.
        terminal.type("You have won!\n\nClick here.\n")
        terminal.until(lambda text: "Click here.\n…" in text)
        terminal.type("\n")
        asked(terminal, "tone")
        assert "  how it should sound\n  1 formal   2 warm" in terminal.text
        terminal.type("loud\n")
        terminal.until(lambda text: "formal" in text.rpartition("loud")[2] and text.endswith(">"))
        terminal.type("2\n")
        asked(terminal, "count")
        terminal.type("9\n")
        terminal.until(lambda text: "`count`" in text and text.endswith(">"))
        terminal.type("3\n")
        asked(terminal, "urgent")
        terminal.type("yes\n")
        asked(terminal, "page")
        terminal.type("none.md\n")
        terminal.until(lambda text: "none.md" in text.partition("`page`")[2] and text.endswith(">"))
        terminal.type("page.md\n")
        asked(terminal, "rows")
        terminal.type('[{"id": "x", "text": "y"}]\n')
        terminal.until(lambda text: "`rows`" in text and text.endswith(">"))
        terminal.type("rows.jsonl\n")
        terminal.until(lambda text: "the answer" in text)
        assert terminal.end() == 0
        assert "\nnote: " not in terminal.text

    await driven(folder, faults, drive, "a.flow")
    sent = faults.seen[0]["messages"][-1]["content"]
    assert sent == "You have won!\n\nClick here.|warm|3|true|a page|2"


async def test_only_missing_inputs_are_asked_and_a_file_behind_an_at_sign_is_a_text(folder: Path, faults: Any) -> None:
    faults.json(chat("the answer"))

    def drive(terminal: Terminal) -> None:
        asked(terminal, "mail")
        terminal.type("@none.txt\n")
        terminal.until(lambda text: "`mail`" in text and text.endswith(">"))
        terminal.type("-\n\n")
        terminal.until(lambda text: "standard input is this terminal" in text and text.endswith(">"))
        terminal.type("@page.md\n")
        asked(terminal, "urgent")
        assert "tone:" not in terminal.text
        terminal.type("\n")
        terminal.until(lambda text: "a value is needed" in text and text.endswith(">"))
        terminal.type("n\n")
        assert terminal.end() == 0

    given = ["--tone", "warm", "--count", "1", "--page", "page.md", "--rows", "rows.jsonl"]
    await driven(folder, faults, drive, "a.flow", *given)
    assert faults.seen[0]["messages"][-1]["content"] == "a page|warm|1|false|a page|2"


async def test_leaving_leaves_no_trace(folder: Path, faults: Any) -> None:
    before = names(folder)

    def interrupt(terminal: Terminal) -> None:
        asked(terminal, "mail")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130
        assert "Traceback" not in terminal.text

    def end(terminal: Terminal) -> None:
        asked(terminal, "mail")
        terminal.type("\x04")
        assert terminal.end() == 2
        assert "the flow `f` needs a value: add --mail TEXT" in terminal.text

    for drive in (interrupt, end):
        await driven(folder, faults, drive, "a.flow")
    assert not faults.seen
    assert names(folder) == before


async def test_nobody_is_asked_without_a_terminal_or_against_the_will(folder: Path, faults: Any) -> None:
    ran = await command("a.flow", folder=folder)
    assert (ran.code, "the flow `f` needs a value: add --mail TEXT" in ran.err) == (2, True)

    def refused(terminal: Terminal) -> None:
        assert terminal.end() == 2
        assert "needs a value: add --mail TEXT" in terminal.text.replace("\n", "")

    await driven(folder, faults, refused, "a.flow", "--no-ask")


async def test_a_model_that_is_missing_is_told_before_the_first_question(folder: Path) -> None:
    def run() -> None:
        words = ["a.flow", "--model", "anthropic:m"]
        with Terminal([*COMMAND, *words], 110, 50, {}, folder, whole=True) as terminal:
            assert terminal.end() == 2
            assert "ANTHROPIC_API_KEY" in terminal.text
            assert "mail:" not in terminal.text

    await asyncio.to_thread(run)


def test_a_comment_belongs_to_the_parameter_before_it_on_its_line_or_below_it() -> None:
    text = """# of the flow
flow f(a: text, b: text,  # of b
  # one
  # two
  c: text = "x"  # of c
  , # flowrun: ignore[F0711]
  # of d
  d: text
) {  # of nothing
  return a
}

flow g(e: text) {  # of nothing
  return e
}
"""
    file = parse_flow(Source(text, "a.flow"))
    assert param_comments(file, "f") == {"b": "of b", "c": "of c", "d": "of d"}
    assert param_comments(file, "g") == param_comments(file, "none") == {}
    assert json.dumps(param_comments(parse_flow(Source(FLOW, "a.flow")), "f")) == (
        '{"mail": "the mail to judge", "tone": "how it should sound"}'
    )
