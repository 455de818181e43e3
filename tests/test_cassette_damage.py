"""Cassettes that are damaged, cannot be written, or are written by two at once; and the network while one is played."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowrun.runtime.cli.test import command
from flowrun.testing import load_cassette
from flowrun.testing.discovery import run_file
from support.answering import answering
from support.cpu import cpu_within
from support.patience import PATIENCE
from support.taped import tape

FLOW = """\
flow f(xs: [text]) {
  v = map x in xs { k = ask "Is {{ x }} it?" -> yes | no } reduce collect
  return v
}
test "a" of f {
  xs = ["one"]
  cassette "f.jsonl"
  expect calls == 1
}
test "b" of f {
  xs = ["two"]
  cassette "f.jsonl"
  expect calls == 1
}
"""
TAPE = Path("f.jsonl")


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.chdir(tmp_path)
    Path("f.flow").write_text(FLOW, encoding="utf-8")
    return tape(TAPE, Path("f.flow"), lambda prompt: "yes", xs=["one", "two"]).read_bytes()


def outcome() -> tuple[str, str]:
    """Run the first test of the file. Return its status, and the message with the text under its caret."""
    first = run_file("f.flow").outcomes[0]
    said = [f"{one.message} | {one.place.text}" for one in first.failures]
    return first.status, said[0] if said else ""


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.rstrip(b"\n"),
        lambda text: text.replace(b"\n", b"\n\n"),
        lambda text: b"".join([text.splitlines(True)[0], *reversed(text.splitlines(True)[1:])]),
        lambda text: text.replace(b'{"path"', b'{"colour": [1], "path"'),
        lambda text: text.decode().encode("utf-16"),
    ],
    ids=["a mark", "CRLF", "no last line end", "blank lines", "another order", "an unknown field", "UTF-16"],
)
def test_what_an_editor_does_to_a_cassette_is_no_damage(whole: bytes, change: Callable[[bytes], bytes]) -> None:
    TAPE.write_bytes(change(whole))
    assert outcome() == ("passed", "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: b"", "is no cassette"),
        (lambda text: text[:-40], ":3: this line is not JSON"),
        (lambda text: text[:-2] + b"\xc3", "is not UTF-8 text"),
        (lambda text: text + text.splitlines(True)[-1], ":4: it answers the same call as an earlier line"),
        (lambda text: text.split(b"\n", 1)[1], "is no cassette"),
        (lambda text: text.replace(b"\n", b"\n<<<<<<< HEAD\n", 1), ":2: this line is not JSON"),
        (lambda text: text + b'{"a": ' * 100_000, ":4: this line is not JSON"),
        (lambda text: text.replace(b'"sample": 0', b'"sample": 1' + b"0" * 5000), "this line is not JSON"),
        (lambda text: text.replace(b'"version": 1', b'"version": 9'), "has the version `9`"),
        (lambda text: text.replace(b'"usage"', b'"options": 3, "usage"'), ":2: `options` must be a record"),
        (lambda text: b"\0" * 99, "is not text"),
    ],
    ids=["empty", "cut", "UTF-8", "doubled", "head", "conflict", "deep", "digits", "version", "options", "zeros"],
)
def test_damage_is_told_at_the_line_of_the_test_and_nothing_is_written(
    whole: bytes, change: Callable[[bytes], bytes], said: str
) -> None:
    broken = change(whole)
    TAPE.write_bytes(broken)
    status, message = outcome()
    assert status == "error" and said in message and message.endswith('| cassette "f.jsonl"'), message
    assert "record it again" in message or "text" in said
    for mode in (["--record"], ["--record", "missing"], ["--update"]):
        ran = CliRunner().invoke(command, mode, standalone_mode=False)
        assert said in ran.output or said in str(ran.exception), ran.output
        assert "lack no answer" not in ran.output and TAPE.read_bytes() == broken


def _fifo() -> None:
    os.mkfifo(TAPE)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (TAPE.mkdir, "is a folder"),
        (_fifo, "is a device"),
        (lambda: TAPE.symlink_to("/etc/hostname"), "outside the flow's folder: put the file into the folder or below"),
        (lambda: TAPE.symlink_to("f.jsonl"), "is not a usable path"),
        (lambda: TAPE.symlink_to("gone.jsonl"), "there is no cassette"),
    ],
    ids=["folder", "pipe", "link", "loop", "gone"],
)
def test_what_is_no_file_is_told(whole: bytes, make: Callable[[], object], said: str) -> None:
    TAPE.unlink()
    make()
    status, message = outcome()
    assert status == "error" and said in message and "--allow-read" not in message, message


# Recording


@pytest.fixture
def server() -> Iterator[Any]:
    with answering(lambda prompt, model, number: "no") as served:
        yield served


def environ(url: str) -> dict[str, str]:
    return {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none", "FLOWRUN_LEARN": "0", "PATH": os.environ["PATH"]}


def record(server: Any, *more: str) -> Result:
    given = ["--record", *more, "--model", "openai:m", "--journal", "j.db"]
    return CliRunner(env=environ(server.url)).invoke(command, given, standalone_mode=False)


def test_a_recording_that_ends_beside_another_keeps_the_answers_of_both(whole: bytes, server: Any) -> None:
    TAPE.unlink()
    other: list[int] = []
    code = "from flowrun.runtime.cli import main; main()"
    given = ["test", "-k", "a", "--record", "--model", "openai:m", "--journal", "other.db"]

    def answer(prompt: str, model: str, number: int) -> str:
        # Before the first recording has its answer, the second one begins and ends.
        if "two" in prompt and not other:
            other.append(
                subprocess.run([sys.executable, "-c", code, *given], env=environ(server.url), check=False).returncode
            )
        return "yes"

    with answering(answer) as first:
        assert record(first, "-k", "b").return_value == 0
    assert other == [0]
    found = {line.messages[0][1]: line.answer for line in load_cassette(TAPE)}
    assert found == {"Is one it?": "no", "Is two it?": "yes"}
    assert all(one.status == "passed" for one in run_file("f.flow").outcomes)


def test_a_recording_that_is_killed_leaves_the_cassette_as_it_was(whole: bytes) -> None:
    reached, gone = threading.Event(), threading.Event()

    def answer(prompt: str, model: str, number: int) -> str:
        reached.set()
        gone.wait(PATIENCE)
        return "no"

    with answering(answer) as slow:
        code = "from flowrun.runtime.cli import main; main()"
        given = ["test", "--record", "--model", "openai:m", "--journal", "j.db", "--yes"]
        process = subprocess.Popen([sys.executable, "-c", code, *given], env=environ(slow.url))
        assert reached.wait(PATIENCE)
        process.kill()
        process.wait(PATIENCE)
        gone.set()
    assert TAPE.read_bytes() == whole
    assert sorted(path.name for path in Path().iterdir() if "j.db" not in path.name) == ["f.flow", "f.jsonl"]
    assert outcome() == ("passed", "")


def test_a_full_disk_leaves_the_cassette_as_it_was(whole: bytes) -> None:
    """The new cassette is larger than a file may be for this process."""
    tape(TAPE, Path("f.flow"), lambda prompt: "yes", xs=["one", "two", "three"])
    whole = TAPE.read_bytes()
    code = "from flowrun.runtime.cli import main; main()"

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))

    given = [sys.executable, "-B", "-c", code, "test", "--update"]
    ran = subprocess.run(given, capture_output=True, text=True, timeout=PATIENCE, preexec_fn=little, check=False)
    assert ran.returncode == 74 and "cannot be written" in ran.stderr and "Traceback" not in ran.stderr
    assert TAPE.read_bytes() == whole and sorted(path.name for path in Path().iterdir()) == ["f.flow", "f.jsonl"]


# The network

HOOK = """\
import sys
def hook(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system"):
        sys.stderr.write(f"seen {event}\\n")
sys.addaudithook(hook)
from flowrun.runtime.cli import main
main()
"""


@pytest.mark.parametrize(("mode", "seen"), [((), False), (("--update",), False), (("--record",), True)])
def test_no_connection_is_tried_while_a_cassette_is_played(
    whole: bytes, server: Any, mode: tuple[str, ...], seen: bool
) -> None:
    """A call that the cassette lacks fails, and an unknown host is not looked up. The same hook sees a recording."""
    edited = FLOW.replace('xs = ["two"]', 'xs = ["lacking"]')
    edited = edited.replace("-> yes | no", "-> yes | no with retries: 3, hedge: p95, stream: true")
    Path("f.flow").write_text(edited, encoding="utf-8")
    more = ("--model", "openai:m", "--journal", "j.db", "--yes") if seen else ()
    given = [sys.executable, "-c", HOOK, "test", *mode, *more]
    ran = subprocess.run(given, capture_output=True, text=True, timeout=PATIENCE, env=environ(server.url), check=False)
    assert ran.returncode == (0 if seen else 1), ran.stdout + ran.stderr
    assert ("seen " in ran.stderr) is seen and bool(server.prompts) is seen
    assert seen or "lacks this call: `v[0].k`" in ran.stdout


def test_a_table_of_a_thousand_rows_shares_a_large_cassette(whole: bytes) -> None:
    rows = [json.dumps({"xs": [f"number {number}"]}) for number in range(1000)]
    Path("rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
    head, _ = FLOW.split('test "a"', 1)
    Path("f.flow").write_text(
        head + 'test "r" of f {\n  cases "rows.jsonl"\n  cassette "f.jsonl"\n  expect calls == 1\n}\n', encoding="utf-8"
    )
    tape(TAPE, Path("f.flow"), lambda prompt: "yes", xs=[f"number {number}" for number in range(1500)])
    with cpu_within(10):
        result = run_file("f.flow")
    assert {one.status for one in result.outcomes} == {"passed"} and len(result.outcomes) == 1000
