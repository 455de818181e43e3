"""Outputs by URL: uploads to a local server of S3's protocol, which appear when they are whole and leave no parts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import types
from flowrun.runtime.cli.answer_url import AnswerUrl
from flowrun.runtime.files.urls import url_place
from flowrun.runtime.outputs.upload import BLOCK
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.command_line import COMMAND, chat, command
from support.patience import PATIENCE
from support.s3_objects import objects, server
from support.s3_server import SECRET, Objects

__all__ = ["objects", "server"]
SERVED = """
model m = "openai:m"

flow each(rows: [Row]) {
  out = map row in rows at most 9000 { ask m "Say {{ row.text }}" } reduce collect with concurrency: 1
  return out
}
type Row = { id: int, text: text }
"""
ROWS = types.ListOf(types.JSON)


def rows(count: int, width: int = 10) -> bytes:
    return b"".join(json.dumps({"id": n, "text": f"{n} " + "x" * width}).encode() + b"\n" for n in range(count))


def test_many_rows_go_by_parts(objects: Objects) -> None:
    row = {"text": "x" * 100_000}
    with AnswerUrl("s3://box/out.jsonl", ROWS, ()) as answer:
        for _ in range(200):
            answer.row(row)
            assert "out.jsonl" not in objects.box
        assert answer.finish([], handed=True) == "200 lines are in `s3://box/out.jsonl`"
    assert objects.box["out.jsonl"] == (json.dumps(row) + "\n").encode() * 200
    sent = [path for method, path, _ in objects.requests if method == "PUT" and "partNumber" in path]
    assert len(sent) == 3
    assert not objects.uploads
    assert BLOCK > 5 * 1024**2


@pytest.mark.parametrize("count", [0, 1, 200])
def test_an_upload_that_is_given_up_leaves_nothing(objects: Objects, count: int) -> None:
    objects.box["out.jsonl"] = b"old"
    with AnswerUrl("s3://box/out.jsonl", ROWS, ()) as answer:
        for _ in range(count):
            answer.row({"text": "x" * 100_000})
        assert len(objects.uploads) == 1
        assert bool(answer.left()) == bool(count)
    assert objects.box == {"out.jsonl": b"old"}
    assert not objects.uploads


def test_an_empty_list_and_a_whole_value(objects: Objects) -> None:
    with AnswerUrl("s3://box/out.jsonl", ROWS, ()) as answer:
        answer.finish([], handed=False)
    with AnswerUrl("s3://box/out.csv", types.ListOf(types.INT), ()) as answer:
        assert answer.finish([1, 2], handed=False) == "the answer is in `s3://box/out.csv`"
    assert objects.box == {"out.jsonl": b"", "out.csv": b"value\r\n1\r\n2\r\n"}
    assert not objects.uploads


def test_a_part_that_cannot_be_sent(objects: Objects) -> None:
    with AnswerUrl("s3://box/out.jsonl", ROWS, ()) as answer:
        objects.broken = 50
        with pytest.raises(DiskError, match=r"`s3://box/out.jsonl` cannot be written: .*\(InternalError\)"):
            for _ in range(200):
                answer.row({"text": "x" * 100_000})
        objects.broken = 0
    assert not objects.box
    assert not objects.uploads


def test_an_upload_that_cannot_be_completed(objects: Objects) -> None:
    objects.box["out.jsonl"] = b"old"
    with AnswerUrl("s3://box/out.jsonl", ROWS, ()) as answer:
        answer.row(1)
        objects.broken = 50
        with pytest.raises(DiskError, match="cannot be written"):
            answer.finish([], handed=True)
        assert answer.left() == "nothing is written to `s3://box/out.jsonl`, because it is not complete"
        objects.broken = 0
    assert objects.box == {"out.jsonl": b"old"}
    assert not objects.uploads


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("s3://box/denied.jsonl", DiskError, "the credentials at hand have no right to write it (AccessDenied)"),
        ("s3://nobox/out.jsonl", DiskError, "there is no such bucket"),
        ("https://x.org/out.jsonl", UsageError, "flowrun reads https:// URLs, and does not write to them"),
        ("s3://box/folder/", UsageError, "is a folder"),
        ("s3://box/out.flow", UsageError, "has the name of a flow file"),
        ("s3://me:pw@box/rows.jsonl", UsageError, "this command reads `s3://box/rows.jsonl`"),
        ("file:///var/out.jsonl", UsageError, "flowrun opens no file:// URL; write the path itself"),
        ("s3://box/out.xlsx", UsageError, "flowrun cannot write a .xlsx file"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_at_once(
    objects: Objects, url: str, error: type[Exception], said: str
) -> None:
    objects.denied.add("denied.jsonl")
    with pytest.raises(error) as caught:
        AnswerUrl(url, ROWS, (url_place("s3://box/rows.jsonl"),))
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert not objects.uploads


async def test_a_run_from_url_to_url(objects: Objects, faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SERVED).parent
    objects.box["rows.jsonl"] = rows(3)
    for n in range(3):
        faults.json(chat(f"said {n}"))
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": str(folder / "j.db"), **objects.environ}
    ran = await command(
        *("a.flow", "--rows", "s3://box/rows.jsonl", "--output", "s3://box/out.jsonl"), folder=folder, **server
    )
    assert (ran.code, ran.out) == (0, ""), ran.err
    assert "3 lines are in `s3://box/out.jsonl`" in ran.err
    assert objects.box["out.jsonl"] == b'"said 0"\n"said 1"\n"said 2"\n'
    again = await command("resume", "last", "-o", "s3://box/rows.jsonl", folder=folder, **server)
    assert again.code == 2
    assert "this command reads `s3://box/rows.jsonl`" in again.err
    again = await command("resume", "last", "-q", "-o", "s3://box/again.json", folder=folder, **server)
    assert (again.code, again.out, again.err) == (0, "", "")
    assert json.loads(objects.box["again.json"]) == ["said 0", "said 1", "said 2"]
    assert not objects.uploads
    assert SECRET.encode() not in (folder / "j.db").read_bytes()


async def test_a_run_that_fails_leaves_no_object_and_no_upload(
    objects: Objects, faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(SERVED).parent
    objects.box["rows.jsonl"] = rows(3)
    faults.json(chat("one"))
    faults.json({"error": {"message": "no such model"}}, status=404)
    ran = await command(
        *("a.flow", "--rows", "s3://box/rows.jsonl", "-o", "s3://box/out.jsonl"),
        folder=folder,
        OPENAI_BASE_URL=faults.url,
        **objects.environ,
    )
    assert ran.code == 3
    assert "nothing is written to `s3://box/out.jsonl`, because it is not complete" in ran.err
    assert "out.jsonl" not in objects.box
    assert not objects.uploads


async def test_a_place_without_the_right_is_told_before_anything_is_asked(
    objects: Objects, faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(SERVED).parent
    objects.box["rows.jsonl"] = rows(1)
    objects.denied.add("out.jsonl")
    ran = await command(
        *("a.flow", "--rows", "s3://box/rows.jsonl", "-o", "s3://box/out.jsonl"),
        folder=folder,
        OPENAI_BASE_URL=faults.url,
        **objects.environ,
    )
    other = await command(
        *("a.flow", "--rows", "rows.jsonl", "--report", f"s3://box/page.html?{SECRET}"), folder=folder
    )
    assert other.code == 2
    assert "`s3://box/page.html` is a URL, and this option takes the path of a file" in other.err
    assert SECRET not in other.err
    assert ran.code == 74
    assert "the credentials at hand have no right to write it" in ran.err
    assert not faults.seen


async def test_a_run_of_large_rows_goes_on_where_the_object_is_the_same(
    objects: Objects, faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(SERVED).parent
    objects.box["rows.jsonl"] = rows(3, 3_000_000)
    faults.json(chat("one"))
    faults.json({"error": {"message": "no such model"}}, status=404)
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": str(folder / "j.db"), **objects.environ}
    ran = await command(
        *("a.flow", "--rows", "s3://box/rows.jsonl?versionId=null", "-o", "s3://box/out.jsonl"), folder=folder, **server
    )
    assert ran.code == 3, ran.err
    assert (folder / "j.db").stat().st_size < len(objects.box["rows.jsonl"])
    for _ in range(2):
        faults.json(chat("more"))
    ran = await command("resume", "last", "-o", "s3://box/out.jsonl", folder=folder, **server)
    assert ran.code == 0, ran.err
    assert objects.box["out.jsonl"] == b'"one"\n"more"\n"more"\n'
    shown = await command("show", "last", folder=folder, **server)
    assert shown.code == 0
    assert "x" * 100 not in shown.err
    before = objects.box["rows.jsonl"]
    objects.box["rows.jsonl"] = before.replace(b"x", b"y")
    objects.requests.clear()
    ran = await command("resume", "last", folder=folder, **server)
    assert ran.code == 2
    assert "`s3://box/rows.jsonl`, the value of `rows`, has changed since the run began:" in ran.err
    assert objects.read() == 0
    del objects.box["rows.jsonl"]
    ran = await command("resume", "last", folder=folder, **server)
    assert ran.code == 2
    assert "there is no object `s3://box/rows.jsonl`: restore the file, or start a new run" in ran.err


@pytest.mark.parametrize("signals", [1, 2])
async def test_a_run_that_is_stopped_leaves_no_object_and_no_upload(
    objects: Objects, faults: Any, flow: Callable[[str], Path], signals: int
) -> None:
    folder = flow(SERVED).parent
    objects.box["rows.jsonl"] = rows(3)
    faults.hang()
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "a.flow", "--rows", "s3://box/rows.jsonl", "-o", "s3://box/out.jsonl"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "OPENAI_BASE_URL": faults.url, **objects.environ},
        stderr=asyncio.subprocess.PIPE,
    )
    await asyncio.wait_for(faults.arrived.wait(), PATIENCE)
    assert len(objects.uploads) == 1
    process.send_signal(signal.SIGINT if signals == 2 else signal.SIGTERM)
    if signals == 2:
        assert process.stderr is not None
        await asyncio.wait_for(process.stderr.readuntil(b"Send it again to end at once\n"), PATIENCE)
        process.send_signal(signal.SIGINT)
    else:
        faults.closing.set()
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode != 0
    assert b"Traceback" not in err
    assert "out.jsonl" not in objects.box
    assert not objects.uploads
