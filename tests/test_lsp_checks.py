"""The checks of open flows: their order, what a change meanwhile does, a fault in a check, and what is shown."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from flowrun.dsl import Source, ide
from flowrun.runtime.ide.checks import Checks, Seen, check
from flowrun.runtime.ide.documents import Document, Documents
from flowrun.runtime.ide.published import Published, told
from flowrun.runtime.ide.ranges import Ranges
from support.patience import PATIENCE

FLOW = 'flow f(mail: text) {\n  x = ask "Sum up: {{ mail }}"\n  return x\n}\n'
MAIN = 'import "lib.flow"\n\nflow g(mail: text) {\n  x = f(mail)\n  return x\n}\n'


class Slow:
    """A check that waits until it may end."""

    def __init__(self, asked: frozenset[str] = frozenset()) -> None:
        self.begun: list[str] = []
        self.may_end = threading.Event()
        self.has_begun = threading.Event()
        self.asked = asked

    def __call__(self, document: Document, opened: Mapping[str, Source], before: ide.View | None) -> Seen:
        self.begun.append(document.source.text)
        self.has_begun.set()
        assert self.may_end.wait(PATIENCE)
        return Seen(document, None, "checked", self.asked)


async def test_a_file_that_changes_while_it_is_read_is_read_again() -> None:
    documents, slow = Documents(), Slow(frozenset({"/a/lib.flow"}))
    done: list[Seen] = []
    checks = Checks(documents, done.append, slow)
    document = Document("file:///a/x.flow", FLOW, 1)
    documents.put(document)
    checks.touch(document, wait=False)
    assert await asyncio.to_thread(slow.has_begun.wait, PATIENCE)
    checks.changed("/a/other.flow")
    checks.changed("/a")
    slow.may_end.set()
    seen = await checks.newest(document.uri)
    assert seen is not None and len(slow.begun) == 2 and done == [seen]
    checks.changed("/a/other.flow")
    await asyncio.sleep(0.1)
    assert len(slow.begun) == 2


async def test_a_check_that_its_text_has_outrun_is_not_used() -> None:
    documents, slow = Documents(), Slow()
    done: list[Seen] = []
    checks = Checks(documents, done.append, slow)
    one = Document("file:///a/x.flow", "one", 1)
    documents.put(one)
    checks.touch(one, wait=False)
    assert await asyncio.to_thread(slow.has_begun.wait, PATIENCE)
    two = one.changed([], 2, "utf-16")
    documents.put(two)
    checks.touch(two)
    waiting = asyncio.ensure_future(checks.newest(one.uri))
    slow.may_end.set()
    seen = await waiting
    assert seen is not None and seen.document is two
    assert [found.document.version for found in done] == [2]
    checks.touch(two)
    waiting = asyncio.ensure_future(checks.newest(one.uri))
    await asyncio.sleep(0)
    documents.drop(one.uri)
    checks.forget(one.uri)
    assert await waiting is None
    assert await checks.newest(one.uri) is None


async def test_a_fault_in_a_check_is_told_and_the_next_check_comes(caplog: pytest.LogCaptureFixture) -> None:
    documents: Documents = Documents()
    done: list[Seen] = []

    def broken(document: Document, opened: Mapping[str, Source], before: ide.View | None) -> Seen:
        if document.source.text == "fault":
            raise KeyError("planted")
        return Seen(document, None, "fine")

    checks = Checks(documents, done.append, broken)
    for version, text in enumerate(("fault", "fine")):
        document = Document("file:///a/x.flow", text, version)
        documents.put(document)
        checks.touch(document, wait=False)
        with caplog.at_level(logging.CRITICAL, "flowrun.lsp"):
            await checks.newest(document.uri)
    assert ["this is a bug" in one.reason for one in done] == [True, False]
    with pytest.raises(ZeroDivisionError):
        await checks.work(lambda: 1 // 0)
    assert await checks.work(lambda: 7) == 7


def test_a_finding_in_an_earlier_text_of_an_open_file_is_not_shown(tmp_path: Path) -> None:
    lib, main = (tmp_path / name for name in ("lib.flow", "main.flow"))
    documents = Documents()
    shown: dict[str, list[str]] = {}
    published = Published(
        Ranges(documents), lambda uri, version, found: shown.update({uri: [str(one.code) for one in found]})
    )
    broken = Document(lib.as_uri(), FLOW.replace("return x", "return y"), 1)
    root = Document(main.as_uri(), MAIN, 1)
    documents.put(broken)
    documents.put(root)
    published.put(check(root, documents.sources(), None))
    assert shown[broken.uri] == ["F0201"]
    whole = Document(lib.as_uri(), FLOW, 2)
    documents.put(whole)
    published.put(check(whole, documents.sources(), None))
    assert shown[whole.uri] == []
    published.put(check(root, documents.sources(), None))
    assert shown == {whole.uri: [], root.uri: []}
    documents.drop(whole.uri)
    published.drop(whole.uri)
    assert shown[whole.uri] == []


def test_the_server_loads_nothing_that_sends() -> None:
    code = "import sys, flowrun.runtime.ide.serving; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert not {"aiohttp", "pydantic", "sqlite3", "rich"} & set(done.stdout.split())


def test_a_code_leads_to_its_page_once_there_is_a_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    document = Document((tmp_path / "x.flow").as_uri(), FLOW.replace("return x", "return y"), 1)
    found = check(document, {}, None)
    assert found.view is not None
    ranges = Ranges(Documents())
    assert told(found.view.findings[0], ranges).code_description is None
    monkeypatch.setattr("flowrun.dsl.project.SITE", "https://flowrun.example/")
    led = told(found.view.findings[0], ranges).code_description
    assert led is not None and led.href == "https://flowrun.example/codes/F0201/"
