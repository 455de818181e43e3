"""Heavy documents are read in a process with a limit on its memory."""

from __future__ import annotations

import io
import os
import re
import signal
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from flowrun.runtime import run_async
from flowrun.runtime.dispatch import read_pool
from flowrun.runtime.documents import reading
from flowrun.runtime.documents.process import ReadingProcess
from flowrun.runtime.documents.reading import READERS, parse, read_plain_document
from flowrun.runtime.vocabulary.errors import InputError
from support.word_files import docx_of, para

MIB = 1024 * 1024
PAGE = b"<h1>One</h1><p>two"


@pytest.fixture
def process() -> Iterator[ReadingProcess]:
    process = ReadingProcess(160 * MIB)
    yield process
    process.close()
    process.close()


def read(process: ReadingProcess, suffix: str, data: bytes, name: str) -> str:
    text: str = process.run(partial(parse, suffix, data, name), name)
    return text


def pid_of(process: ReadingProcess) -> int:
    assert process._child is not None
    return process._child.pid


def test_one_child_reads_one_document_after_another(process: ReadingProcess) -> None:
    assert read(process, ".html", PAGE, "`x`") == "# One\n\ntwo"
    child = pid_of(process)
    assert read(process, ".docx", docx_of(para("é")), "`x`") == "é"
    with pytest.raises(InputError, match="`y` is damaged or incomplete"):
        read(process, ".docx", b"nothing", "`y`")
    assert read(process, ".html", b"", "`x`") == ""
    assert pid_of(process) == child
    assert child != os.getpid()


def test_what_takes_too_much_memory_is_an_error_of_its_document(process: ReadingProcess) -> None:
    with pytest.raises(InputError) as caught:
        read(process, ".html", b"<p>" + b"x" * 60 * MIB, "`large.html`")
    assert str(caught.value).startswith("`large.html` takes more than 160 MiB of memory to read")
    assert read(process, ".html", PAGE, "`x`") == "# One\n\ntwo"


def test_a_part_that_unpacks_to_too_much(process: ReadingProcess) -> None:
    process.most_memory = 100 * MIB
    data = docx_of("<w:p><w:r><w:t>" + "é" * 25_000_000 + "</w:t></w:r></w:p>")
    assert len(data) < MIB
    assert READERS[".docx"].is_heavy(data)
    with pytest.raises(InputError, match="`x` takes more than 100 MiB"):
        read(process, ".docx", data, "`x`")


def test_a_child_that_is_ended(process: ReadingProcess) -> None:
    read(process, ".html", PAGE, "`x`")
    os.kill(pid_of(process), signal.SIGKILL)
    time.sleep(0.05)
    assert read(process, ".html", PAGE, "`x`") == "# One\n\ntwo"
    child = pid_of(process)
    killer = threading.Timer(0.3, os.kill, (child, signal.SIGKILL))
    killer.start()
    with pytest.raises(InputError, match="`x` cannot be read: the process that reads it was ended by SIGKILL"):
        read(process, ".html", b"<p>a" * 2_000_000, "`x`")
    killer.join()
    assert read(process, ".html", PAGE, "`x`") == "# One\n\ntwo"


def test_threads_take_turns(process: ReadingProcess) -> None:
    found: dict[int, str] = {}

    def one(number: int) -> None:
        found[number] = read(process, ".html", f"<p>{number}".encode() * 1000, "`x`")

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: set(text.split()) for number, text in found.items()} == {n: {str(n)} for n in range(8)}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the environment of a process is not shown")
def test_the_child_has_no_keys(process: ReadingProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    read(process, ".html", PAGE, "`x`")
    environ = Path(f"/proc/{pid_of(process)}/environ").read_bytes()
    assert b"PATH=" in environ
    assert b"sk-secret" not in environ


def zipped(size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * size)
    return out.getvalue()


def test_what_is_heavy(tmp_path: Path, process: ReadingProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    assert READERS[".pdf"].is_heavy(b"%PDF-1.4")
    assert not READERS[".html"].is_heavy(PAGE)
    assert READERS[".html"].is_heavy(b" " * 3 * MIB)
    assert not READERS[".docx"].is_heavy(docx_of(para("x")))
    assert not READERS[".docx"].is_heavy(b"nothing")
    assert READERS[".docx"].is_heavy(zipped(5 * MIB))
    assert not READERS[".md"].is_heavy(b" " * 9 * MIB)
    monkeypatch.setattr(reading, "PROCESS", process)
    (tmp_path / "a.html").write_bytes(PAGE)
    read_plain_document(tmp_path / "a.html")
    assert process._child is None
    (tmp_path / "b.html").write_bytes(PAGE + b" " * 3 * MIB)
    assert read_plain_document(tmp_path / "b.html") == "# One\n\ntwo"
    assert process._child is not None


async def test_a_run_tells_which_file_is_too_large(
    tmp_path: Path, process: ReadingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PROCESS", process)
    monkeypatch.setattr(read_pool, "PROCESS", process)
    (tmp_path / "large.html").write_bytes(b"<p>" + b"x" * 60 * MIB)
    (tmp_path / "f.flow").write_text(
        'flow f(d: document = "x") { a = file("large.html") return { d, n: length(a) } }\n'
    )
    words = re.escape("`large.html` takes more than 160 MiB of memory to read")
    result = await run_async(tmp_path / "f.flow")
    assert not result.ok
    assert re.search(words, result.failures[0].reason)
    with pytest.raises(InputError, match=r"large\.html` takes more than 160 MiB"):
        await run_async(tmp_path / "f.flow", {"d": tmp_path / "large.html"})
