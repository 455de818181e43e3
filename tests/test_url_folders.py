"""Outputs of one object for each element: a folder behind a URL of a local server of S3's protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_url_outputs import SERVED, rows

from flowrun.dsl import types
from flowrun.runtime.cli.answer_folder import AnswerFolder
from flowrun.runtime.files.urls import url_place
from flowrun.runtime.outputs.elements import Elements
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.command_line import chat, command
from support.s3_objects import objects, server
from support.s3_server import SECRET, Objects

__all__ = ["objects", "server"]
NOTES = types.ListOf(types.TEXT)


def folder(url: str = "s3://box/notes/", *sources: str) -> AnswerFolder:
    elements = Elements(NOTES, "", "--name-from")
    return AnswerFolder(url_place(url), elements, [url_place(one) for one in sources], (), url=url)


def test_each_element_is_an_object_and_older_ones_are_replaced(objects: Objects) -> None:
    objects.box["notes/other.md"] = b"other"
    for text in ("older", "note"):
        with folder() as answer:
            for n in range(50):
                answer.row(f"{text} {n}")
            assert answer.finish([], handed=True) == "50 files are in `s3://box/notes/`"
    assert objects.box.pop("notes/other.md") == b"other"
    assert sorted(objects.box.values()) == sorted(f"note {n}\n".encode() for n in range(50))
    assert all(name.startswith("notes/") and name.endswith(".md") for name in objects.box)
    assert not objects.uploads


def test_an_object_that_cannot_be_sent_is_told(objects: Objects) -> None:
    with folder() as answer:
        answer.row("one")
        assert answer.left() == "the first file is in `s3://box/notes/`"
        objects.denied.add(next(iter(objects.box)).replace("1", "2"))
        answer.row("two")
        with pytest.raises(DiskError, match="have no right to write it"):
            answer.finish([], handed=True)
        assert answer.left() == "the first file is in `s3://box/notes/`"
    assert [*objects.box.values()] == [b"one\n"]


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("s3://nobox/out/", DiskError, "there is no such bucket"),
        ("s3://box/denied/", DiskError, "the credentials at hand have no right to write it"),
        ("https://x.org/out/", UsageError, "flowrun reads https:// URLs, and does not write to them"),
        ("s3://me:pw@box/notes/", UsageError, "this command reads `s3:/box/notes/a.md`"),
        ("file:///var/out/", UsageError, "flowrun opens no file:// URL"),
    ],
)
def test_a_folder_that_cannot_be_written_is_told_at_once(
    objects: Objects, url: str, error: type[Exception], said: str
) -> None:
    objects.denied.add("denied/.flowrun")
    with pytest.raises(error) as caught:
        folder(url, "s3://box/notes/a.md")
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not objects.uploads


@pytest.mark.parametrize(("url", "suffix"), [("s3://box/notes/", "md"), ("s3://box/notes/*.txt", "txt")])
async def test_a_run_writes_an_object_for_each_element(
    url: str, suffix: str, objects: Objects, faults: Any, flow: Callable[[str], Path]
) -> None:
    path = flow(SERVED).parent
    objects.box["rows.jsonl"] = rows(3)
    for n in range(3):
        faults.json(chat(f"said {n}"))
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": str(path / "j.db"), **objects.environ}
    ran = await command("a.flow", "--rows", "s3://box/rows.jsonl", "--output", url, folder=path, **server)
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert "3 files are in `s3://box/notes/`" in ran.err
    written = {name: text for name, text in objects.box.items() if name != "rows.jsonl"}
    assert sorted(written.values()) == [b"said 0\n", b"said 1\n", b"said 2\n"]
    assert all(name.startswith("notes/") and name.endswith(f".{suffix}") for name in written)
