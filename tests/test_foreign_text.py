"""Foreign text in messages: whatever a source holds, what is shown cannot steer a terminal or break a line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import Diagnostic, Source, Span, inert, one_line, render_diagnostics
from flowrun.dsl.diagnostics import Label
from flowrun.runtime.cli import exits, run_command
from flowrun.runtime.providers.endings import Endings
from flowrun.runtime.vocabulary.errors import FlowrunError, MalformedError, UsageError, mistake_in, told
from flowrun.runtime.vocabulary.quoting import json_text, sentence, shown
from support.command_line import chat, command

HOSTILE = "a\x1b[2J\x1b]0;x\x07\x9b31m\u202eb\u2066c\rd\udcff\x7f"
"""A clear screen, a title, a one-byte CSI, two bidi marks, a return to the line's start, half a character, a delete."""
FROM_A_FILE = HOSTILE.replace("\udcff", "")
STEERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)")


def calm(text: str) -> str:
    """Check that a text steers nothing, and return it."""
    assert not STEERS.search(text), ascii(text)
    return text


@given(st.text(st.characters(exclude_categories=()), max_size=80), st.integers(2, 90))
def test_every_maker_of_safe_text(text: str, most: int) -> None:
    assert inert(inert(text)) == calm(inert(text))
    assert "\n" not in calm(one_line(text))
    quoted, said = calm(shown(text, most)), calm(sentence(text, most))
    assert not {"\n", "\t"} & {*quoted, *said}
    assert len(said) <= most
    assert quoted[0] == quoted[-1] == "`"
    assert json.loads(calm(json_text(text))) == text
    assert calm(str(UsageError(text))) == inert(text)


def test_ordinary_text_stays_as_it_is() -> None:
    for text in ("naïve 日本 👩‍💻 ك\u200fa", "two\nlines\tof text", "windows\r\nline"):
        assert inert(text) == text
    assert sentence("  two\n lines ") == "two lines"
    assert sentence("x" * 50, 20) == "x" * 19 + "…"


class Rude(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words for it")


@pytest.mark.parametrize("kind", [ValueError, FlowrunError, MalformedError, OSError])
def test_an_exception_is_described_in_one_safe_line(kind: type[Exception]) -> None:
    error = kind(HOSTILE)
    for text in (told(error), mistake_in(error), mistake_in(error, lambda words: f"{words}\n{HOSTILE}" * 99)):
        assert "\n" not in calm(text)
        assert r"a\x1b[2J" in text
        assert len(text) < 700


def test_an_exception_without_words_is_described_by_its_kind() -> None:
    assert told(Rude()) == mistake_in(Rude()) == "Rude"


def test_the_word_of_a_server_for_the_end_of_an_answer() -> None:
    endings = Endings("finish_reason", frozenset({"stop"}), frozenset(), frozenset())
    for reason in (HOSTILE, [HOSTILE]):
        assert r"\x1b" in calm(endings.read(reason, "text", "").said)


def test_a_diagnostic_shows_the_program_and_its_own_words_safely() -> None:
    source = Source(f"flow f() {{ {FROM_A_FILE} }}\n", f"{HOSTILE}.flow")
    span = Span(source, 11, 14)
    one = Diagnostic("F0201", HOSTILE, span, label=HOSTILE, labels=(Label(span, HOSTILE),), note=HOSTILE, help=HOSTILE)
    text = calm(render_diagnostics([one]))
    assert text.count(r"\u202e") >= 6
    assert "\x1b[1;31m" in render_diagnostics([one], colour=True)


async def test_an_answer_and_an_error_of_a_server(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow('flow f() { a = ask "?" -> int with retries: 0 return a }\n').parent
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_MODEL": "openai:m"}
    faults.json(chat(f"answer {HOSTILE}"))
    ran = await command("a.flow", folder=folder, **server)
    assert ran.code == exits.FAILED
    assert "answer a" in calm(ran.err)
    faults.replies.clear()
    faults.seen.clear()
    faults.json({"error": {"message": f"refused {HOSTILE}"}}, status=400)
    ran = await command("a.flow", "--fresh", folder=folder, **server)
    assert ran.code == exits.FAILED
    assert r"refused a\x1b[2J" in calm(ran.err)


async def test_an_answer_that_fits_is_safe_in_the_account_of_a_vote(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow('flow f() { a = repeat 3 { ask "?" -> text } reduce majority return a }\n').parent
    faults.json(chat(*[f"{HOSTILE}{number}" for number in (1, 1, 2)]))
    ran = await command("a.flow", folder=folder, OPENAI_BASE_URL=faults.url, FLOWRUN_MODEL="openai:m")
    assert "(2 of 3)" in calm(ran.err)


@pytest.mark.parametrize("raised", ["raise ValueError(TEXT)", "raise SystemExit(TEXT)", "print(TEXT, end='') or 1 / 0"])
async def test_an_exception_of_an_extern(raised: str, flow: Callable[[str], Path]) -> None:
    folder = flow('extern look() -> int from "mod:look"\nflow f() { a = look() return a }\n').parent
    (folder / "mod.py").write_text(f"TEXT = {HOSTILE!r}\ndef look():\n    {raised}\n", encoding="utf-8")
    ran = await command("a.flow", "--allow-python", folder=folder)
    assert ran.code == exits.FAILED
    assert "`look` failed" in calm(ran.err)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["NAME.flow"],
        ["NAME"],
        ["plan", "NAME.flow"],
        ["plan", "NAME.flow", "-h"],
        ["NAME.flow", "-h"],
        ["NAME.flow", "--NAME"],
        ["plan", "gone-NAME.flow"],
        ["graph", "NAME.flow", "-o", "NAME"],
        ["graph", "NAME.flow", "NAME"],
        ["validate", "NAME.flow", "gone-NAME.flow", "NAME/*.flow"],
        ["validate", "bad-NAME.flow"],
        ["validate", "--diff", "NAME.flow"],
        ["validate", "--NAME"],
        ["fmt", "--diff", "NAME.flow"],
        ["fmt", "gone-NAME.flow"],
        ["init", "new-NAME.flow"],
        ["init", "NAME.flow"],
        ["explain", "NAME"],
        ["resume", "NAME"],
        ["resume", "NAME", "--journal", "NAME.db"],
        ["runs", "--journal", "NAME.db"],
        ["models", "NAME"],
        ["completion", "NAME"],
        ["NAME.flow", "--x", "@gone-NAME"],
        ["NAME.flow", "--x", "1", "--model", "NAME:NAME"],
        ["NAME.flow", "--x", "1", "--model", "openai:NAME"],
        ["NAME.flow", "--x", "1", "--allow-read", "NAME"],
        ["NAME.flow", "--x", "1", "--allow-host", "NAME"],
        ["NAME.flow", "--x", "1", "--budget", "NAME"],
        ["NAME.flow", "--x", "1", "-o", "NAME/NAME.txt"],
        ["NAME.flow", "--flow", "NAME"],
        ["NAME.flow", "--param", "NAME"],
        ["NAME.flow", "--param", "NAME=1"],
        ["NAME.flow", "--x", "1", "--param", "x=NAME"],
        ["NAME.flow", "NAME"],
        ["plan", "NAME.flow", "--max-cost", "NAME"],
        ["plan", "NAME.flow", "--max-calls", "NAME"],
    ],
    ids=" ".join,
)
def test_names_of_files_and_words_of_the_command(
    words: list[str], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "flow f(x: int) {\n  return   x\n}\n"
    for name in ("", "bad-"):
        (here / f"{name}{HOSTILE}.flow").write_text(text if not name else f"flow f( {FROM_A_FILE}", encoding="utf-8")
    code = run_command([word.replace("NAME", HOSTILE) for word in words])
    captured = capsys.readouterr()
    calm(captured.err)
    calm(captured.out)
    assert code != exits.MISTAKE
    assert captured.err or captured.out


@pytest.mark.parametrize(
    "variable", ["FLOWRUN_MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "FLOWRUN_JOURNAL", "HTTPS_PROXY", "FLOWRUN_GGUF"]
)
def test_values_of_the_environment(
    variable: str, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "a.flow").write_text('flow f() { a = ask "?" return a }\n', encoding="utf-8")
    for name, value in {"OPENAI_BASE_URL": "http://127.0.0.1:1", "FLOWRUN_MODEL": "openai:m"}.items():
        monkeypatch.setenv(name, value)
    if variable == "FLOWRUN_GGUF":
        monkeypatch.setenv("FLOWRUN_MODEL", "embedded")
    monkeypatch.setenv("FLOWRUN_TIMEOUT", "1")
    monkeypatch.setitem(os.environ, variable, HOSTILE)
    code = run_command(["plan", "a.flow"])
    captured = capsys.readouterr()
    calm(captured.err + captured.out)
    assert code != exits.MISTAKE


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.txt"])
def test_what_a_file_of_inputs_holds(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {
        "a.csv": f"n,{FROM_A_FILE}\n1,{FROM_A_FILE}\n",
        "a.json": json.dumps([{"n": FROM_A_FILE, FROM_A_FILE: 1}], ensure_ascii=False),
        "a.jsonl": json.dumps({"n": FROM_A_FILE}, ensure_ascii=False),
        "a.txt": FROM_A_FILE,
    }
    (here / name).write_text(rows[name], encoding="utf-8", newline="")
    (here / "a.flow").write_text("flow f(x: [{ n: int }]) { return x }\n", encoding="utf-8")
    assert run_command(["a.flow", "--x", name]) == exits.USAGE
    captured = capsys.readouterr()
    assert "`x`: " in calm(captured.err)
