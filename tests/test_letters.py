"""What is printed: every letter of an answer, whatever the stream can hold; on a terminal nothing that steers it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.runtime.cli.console import print_answer
from flowrun.runtime.vocabulary.quoting import inert, json_text, one_line, shown
from support.command_line import COMMAND, chat, command
from support.few_cases import some
from support.patience import PATIENCE

TEXT = "می\u200cخواهم \U0001f468\u200d\U0001f469 שלום\u200f! re\u00adsumé \u2028 \ue000 \U0001fae9 10²\r\n"
STEERS = "\x00\x07\x08\x0b\x0c\x1b\x7f\x80\x9b\x9f\u202a\u202e\u2066\u2069"
ASK = 'model m = "openai:m"\nflow f() { a = ask m "hi" return a }\n'


def test_what_steers_is_made_visible_and_nothing_else() -> None:
    assert inert(TEXT) == TEXT
    assert inert("a\tb\nc\r\nd") == "a\tb\nc\r\nd"
    assert inert("over\rwritten \x1b[2J \x9b2J \u202ekcab") == "over\\rwritten \\x1b[2J \\x9b2J \\u202ekcab"
    for char in STEERS:
        assert inert(char) == ascii(char)[1:-1]
    assert inert("\ud83d") == "\\ud83d"
    assert one_line("a\r\nb\u2028c\td") == "a\\r\\nb\\u2028c\\td"
    assert shown("a\u200db\u202ec\n") == "`a\u200db\\u202ec\\n`"


@given(st.text())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_inert(text: str) -> None:
    told = inert(text)
    told.encode()
    assert not any(char in STEERS or unicodedata.category(char) == "Cs" for char in told)
    assert told.count("\r") == told.count("\r\n")
    assert inert(told) == told
    assert "\n" not in one_line(text)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_json_is_inert_and_keeps_its_value(value: Any) -> None:
    for text in (json_text(value), json_text(value, indent=None), json_text(value, ascii_only=True)):
        assert json.loads(text) == value
        assert not any(char in STEERS for char in text)
    assert json_text(value, ascii_only=True).isascii()


def test_an_answer_to_a_terminal_is_inert(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    print_answer("a\u200d\x1b[2J")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_answer("a\u200d\x1b[2J")
    assert capsys.readouterr().out == "a\u200d\x1b[2J\na\u200d\\x1b[2J\n"


ASCII = (
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
)


@pytest.mark.parametrize("environ", some(ASCII[::-1], 2))
async def test_an_answer_comes_out_under_any_encoding(
    environ: dict[str, str], faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(ASK).parent
    faults.json(chat(TEXT + "€ \x1b[1m"))
    ran = await command("a.flow", folder=folder, OPENAI_BASE_URL=faults.url, **environ)
    assert (ran.code, ran.out) == (0, f"{TEXT}€ \x1b[1m\n")
    ran = await command("a.flow", "--output", "out.txt", folder=folder, OPENAI_BASE_URL=faults.url, **environ)
    assert ran.code == 0
    assert (folder / "out.txt").read_bytes() == f"{TEXT}€ \x1b[1m\n".encode()
    ran = await command("a.flow", "--json", folder=folder, OPENAI_BASE_URL=faults.url, **environ)
    assert json.loads(ran.out)["value"] == f"{TEXT}€ \x1b[1m"


async def on_a_terminal(folder: Path, *words: str, **environ: str) -> tuple[int, bytes]:
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *words,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "xterm", **environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    came = b""

    def more() -> bytes:
        try:
            return os.read(ours, 65536)
        except OSError:  # the other end is closed
            return b""

    while found := await asyncio.to_thread(more):
        came += found
    os.close(ours)
    return await process.wait(), came


@pytest.mark.parametrize("environ", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "utf-8"}])
async def test_a_terminal_gets_what_it_can_show(
    environ: dict[str, str], faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(ASK).parent
    faults.json(chat("5 € \x1b]0;owned\x07 \U0001f468\u200d\U0001f469"))
    code, out = await on_a_terminal(folder, "a.flow", OPENAI_BASE_URL=faults.url, **environ)
    assert code == 0
    assert b"\x1b]0" not in out
    family = "\U0001f468\u200d\U0001f469"
    if environ["PYTHONIOENCODING"] == "ascii":
        assert rb"5 \u20ac \x1b]0;owned\x07 \U0001f468\u200d\U0001f469" in out
    else:
        assert f"5 € \\x1b]0;owned\\x07 {family}".encode() in out
    code, out = await on_a_terminal(folder, "a.flow", "-q", "--json", OPENAI_BASE_URL=faults.url, **environ)
    # Development mode has a word about slow imports before it.
    assert json.loads(out[out.index(b"{\r\n") :])["value"] == f"5 € \x1b]0;owned\x07 {family}"


async def test_half_a_character_ends_no_run(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(ASK).parent
    faults.raw(json.dumps(chat("a\ud83d")).encode())
    for words in ([], ["-o", "x.txt"], ["-o", "x.json"], ["-o", "x.jsonl"], ["--json"]):
        ran = await command("a.flow", *words, folder=folder, OPENAI_BASE_URL=faults.url)
        assert ran.code in (0, 3), ran.err
        assert "a mistake of flowrun's own" not in ran.err


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param(environ, words, marks=() if (row + column) % 2 else pytest.mark.slow)
        for row, environ in enumerate(ASCII[1:])
        for column, words in enumerate([["fmt", "--diff"], ["fmt", "--check"], ["graph"], ["plan"], ["validate"], []])
    ],
)
async def test_no_command_fails_on_a_letter(
    environ: dict[str, str], words: list[str], flow: Callable[[str], Path]
) -> None:
    folder = flow('# “quoted” → €\nflow f() { a = "5 €"   return a }\n').parent
    ran = await command(*words, "a.flow", folder=folder, **environ)
    assert ran.code in (0, 1), ran.err
    assert "mistake" not in ran.err


async def shell(folder: Path, line: str, **environ: str) -> tuple[int, str, str]:
    script = f"{sys.executable} -c 'from flowrun.runtime.cli import main; main()'"
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", line.replace("FLOWRUN", script)),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode or 0, out.decode(), err.decode()


async def test_an_answer_that_cannot_be_printed_is_kept(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(ASK).parent
    faults.json(chat("paid"))
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "journal.db"}
    code, _, err = await shell(folder, "FLOWRUN a.flow >/dev/full", **server)
    assert (code, err.count("cannot be written")) == (74, 1)
    assert "1 answer is saved; resume the run with: flowrun resume" in err
    # What tells of the work is worth no failure.
    assert (await shell(folder, "FLOWRUN a.flow 2>/dev/full", **server))[:2] == (0, "paid\n")
    assert (await shell(folder, "FLOWRUN a.flow 2>&-", **server))[:2] == (0, "paid\n")
    code, out, err = await shell(folder, "FLOWRUN a.flow -o /dev/full", **server)
    assert (code, out) == (74, "paid\n")
    assert "No space left on device; the answer is on standard output" in err
    assert (await shell(folder, "FLOWRUN resume last | cat", **server))[1] == "paid\n"
    assert len(faults.seen) == 1


async def test_a_stream_that_does_not_block_gets_all_of_a_long_answer(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(ASK).parent
    faults.json(chat("x" * 1_000_000))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        "a.flow",
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "OPENAI_BASE_URL": faults.url},
        stdout=writer,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writer)
    assert process.stderr is not None
    await asyncio.sleep(1)
    size = 0
    while came := await asyncio.to_thread(os.read, reader, 1 << 16):
        size += len(came)
    os.close(reader)
    assert (await process.wait(), size) == (0, 1_000_001), await process.stderr.read()
