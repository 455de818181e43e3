"""Reads in real runs: they leave the loop alone, large ones are done in the child process, and cancelled ones end."""

from __future__ import annotations

import asyncio
import gc
import io
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import types
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.api import resume_async
from flowrun.runtime.dispatch import read_pool
from flowrun.runtime.dispatch.read_pool import ReadPool
from flowrun.runtime.documents import child as reading_child
from flowrun.runtime.documents.process import PendingRead, ReadingProcess
from flowrun.runtime.files.files import Files
from flowrun.runtime.reads.quick import is_quick
from flowrun.runtime.reads.reading import reading
from flowrun.runtime.session.run import Stop
from flowrun.runtime.values.rules import FileText, RuleValue
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.errors import InputError, UsageError
from support.patience import PATIENCE

Json = Any
MIB = 1024 * 1024
ROW = types.Record((types.Field("n", types.INT), types.Field("t", types.TEXT)), "Row")
PAGE = "<h2>Head</h2><p>some <b>bold</b> text</p><table><tr><td>a</td><td>b</td></tr></table>\n"
LINE = "Another line of a long text, of sixty-one characters in all.\n"
SENTENCE = "Here is one more sentence – of the text. "


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadingProcess]:
    process = ReadingProcess(300 * MIB)
    monkeypatch.setattr(read_pool, "PROCESS", process)
    yield process
    process.close()


async def read_all(files: Files, function: str, args: Mapping[str, Json]) -> tuple[Json, bool, list[str]]:
    """Do a read. Return its value, True if it was slow, and the remarks."""
    told: list[str] = []
    slow: list[bool] = []
    with ReadPool(files, told.append) as pool:
        value = await pool.read(function, args, lambda: slow.append(True))
    return value, bool(slow), told


def wait_for_job(process: ReadingProcess) -> None:
    while process._pending is None:
        time.sleep(0.01)


LARGE: dict[str, tuple[str, Mapping[str, Json]]] = {
    "a page": ("file", {"path": "page.html"}),
    "a text": ("file", {"path": "large.txt"}),
    "many files": ("files", {"pattern": "*.html"}),
    "a table": ("csv", {"path": "table.csv"}),
    "typed rows": ("csv", {"path": "table.csv", "of": ROW}),
    "rows of json": ("jsonl", {"path": "rows.jsonl"}),
    "lines": ("lines", {"path": "table.csv"}),
    "pieces": ("split", {"document": SENTENCE * 5000, "by": RuleValue("chars", {"n": 100}), "overlap": 3}),
}


def written(name: str) -> str:
    """The text of a large file."""
    if name == "table.csv":
        # Semicolons would fit too: the reader tells of its assumption.
        return "n,t\n" + "".join(f"{n},é “{n}” \U0001f600\n" for n in range(30_000))
    if name == "rows.jsonl":
        return "".join(f'{{"n": {n}, "deep": [1.5, null, "\\u00e9"]}}\n' for n in range(20_000))
    return PAGE * 2500 if name == "page.html" else SENTENCE * 120_000


@pytest.mark.parametrize(("function", "args"), LARGE.values(), ids=LARGE)
async def test_a_large_read_has_the_value_of_a_small_one(
    function: str, args: Mapping[str, Json], tmp_path: Path, process: ReadingProcess
) -> None:
    name = "page.html" if function == "files" else args.get("path")
    if name is not None:
        (tmp_path / name).write_text(written(name), encoding="utf-8")
    files = Files(tmp_path)
    remarks: list[str] = []
    whole = reading(files, remarks.append)(function, args)
    assert await read_all(files, function, args) == (whole, True, remarks)
    assert process._child is not None
    if function == "files":
        value, _, _ = await read_all(files, function, args)
        assert all(type(one) is FileText for one in value)


async def test_a_quick_read_starts_no_process(tmp_path: Path, process: ReadingProcess) -> None:
    (tmp_path / "a.md").write_text("hello")
    assert await read_all(Files(tmp_path), "file", {"path": "a.md"}) == ("hello", False, [])
    assert process._child is None


async def test_remarks_are_told_once_and_in_the_loop(tmp_path: Path) -> None:
    body = "".join(f"{n};x,1\n" for n in range(60_000))
    (tmp_path / "small.csv").write_text("a;b,c\n1;2,3\n")
    (tmp_path / "large.csv").write_text("a;b,c\n" + body)
    notices: list[str] = []
    events: list[e.Event] = []
    (tmp_path / "f.flow").write_text(
        'flow f() { x = csv("small.csv") y = csv("small.csv") z = csv("large.csv") return length(x) + length(z) }'
    )

    def heard(event: e.Event) -> None:
        events.append(event)
        if isinstance(event, e.Notice):
            asyncio.get_running_loop()
            notices.append(event.text)

    result = await run_async(tmp_path / "f.flow", options=RunOptions(on_event=[heard]))
    assert result.value == 60_001, result.failures
    assert [text.partition(":")[0] for text in notices] == ["`small.csv`", "`large.csv`"]
    told = [type(event) for event in events if isinstance(event, e.Notice | e.RunStarted)]
    assert told == [e.Notice, e.Notice, e.RunStarted]


async def test_the_errors_of_large_reads(tmp_path: Path, process: ReadingProcess) -> None:
    (tmp_path / "rows.jsonl").write_text('{"n": 1}\n' * 40_000 + "nothing\n")
    (tmp_path / "rows.csv").write_text("n,t\n" + "x,y\n" * 100_000)
    (tmp_path / "many.txt").write_text("é" * 5 * MIB)
    files = Files(tmp_path)
    with pytest.raises(InputError, match=r"`rows.jsonl`:40001: this line is not JSON"):
        await read_all(files, "jsonl", {"path": "rows.jsonl"})
    with pytest.raises(InputError, match=r"`rows.csv`: 100000 values do not fit"):
        await read_all(files, "csv", {"path": "rows.csv", "of": ROW})
    with pytest.raises(UsageError, match="`n` must be a whole number of characters") as caught:
        await read_all(files, "split", {"document": "x" * MIB, "by": RuleValue("chars", {"n": 0})})
    assert type(caught.value) is UsageError
    process.most_memory = 160 * MIB
    process.close()
    with pytest.raises(InputError, match=r"^the text that `split` cuts takes more than 160 MiB of memory"):
        await read_all(files, "split", {"document": "é" * 80 * MIB, "by": RuleValue("line")})
    process.most_memory = 500 * MIB
    assert await read_all(files, "file", {"path": "many.txt"}) == ("é" * 5 * MIB, True, [])


async def test_a_read_that_is_cancelled_ends_its_child_and_no_other(tmp_path: Path, process: ReadingProcess) -> None:
    (tmp_path / "page.html").write_text(PAGE * 100_000)
    with ReadPool(Files(tmp_path)) as pool:
        task = asyncio.create_task(pool.read("file", {"path": "page.html"}, lambda: None))
        await asyncio.to_thread(wait_for_job, process)
        child, pending = process._child, process._pending
        assert child is not None
        process.give_up(PendingRead())
        await asyncio.sleep(0.2)
        assert child.poll() is None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        child.wait(PATIENCE)
        # What is given up before its turn does not begin, and the next read gets another child.
        with pytest.raises(InputError, match="is not wanted any more"):
            process.run(str, "`x`", pending=pending)
        (tmp_path / "page.html").write_text(PAGE * 2500)
        text = await pool.read("file", {"path": "page.html"}, lambda: None)
        assert text.count("## Head") == 2500


async def test_a_run_that_is_stopped_in_a_read_is_resumed(tmp_path: Path, process: ReadingProcess) -> None:
    (tmp_path / "page.html").write_text(PAGE * 100_000)
    (tmp_path / "f.flow").write_text('flow f() { a = file("page.html") return length(a) }')
    stop = Stop()
    run = asyncio.create_task(run_async(tmp_path / "f.flow", options=RunOptions(journal=tmp_path / "j", stop=stop)))
    await asyncio.to_thread(wait_for_job, process)
    stop()
    result = await run
    assert result.status == "stopped"
    assert process._pending is None or process._pending.given_up
    (tmp_path / "page.html").write_text(PAGE)
    again = await resume_async("last", tmp_path / "j")
    assert again.ok
    assert 0 < again.value < len(PAGE)


def test_a_long_list_comes_in_parts() -> None:
    out = io.BytesIO()
    reading_child._send_items(out, ({"n": number} for number in range(100_000)))
    sizes = [int(size) for size in re.findall(rb'{"kind": "items", "size": (\d+)}', out.getvalue())]
    assert len(sizes) > 3
    assert max(sizes) < 300_000


@pytest.mark.parametrize(
    ("function", "name", "size", "quick"),
    [
        ("file", "a.md", 4 * MIB, True),
        ("file", "a.md", 5 * MIB, False),
        ("file", "a.html", 100_000, True),
        ("file", "a.html", 200_000, False),
        ("file", "a.pdf", 1, False),
        ("file", "a.docx", 1, False),
        ("file", "a.zip", 9 * MIB, True),
        ("files", "*.md", 4 * MIB, False),
        ("csv", "a.csv", 200_000, True),
        ("csv", "a.csv", 300_000, False),
        ("jsonl", "a.jsonl", 300_000, False),
        ("lines", "a.txt", 600_000, False),
        ("lines", "../outside.txt", 0, True),
        ("file", "missing.md", 0, True),
    ],
)
def test_what_is_quick(function: str, name: str, size: int, quick: bool, tmp_path: Path) -> None:
    if size:
        for at in "ab":
            with open(tmp_path / name.replace("*", at), "wb") as file:
                file.truncate(size)
    args = {"pattern" if function == "files" else "path": name}
    assert is_quick(function, args, Files(tmp_path)) is quick


async def longest_stall(work: Callable[[], Any]) -> tuple[Json, float]:
    """Do work, and return its value and the longest time in seconds that the loop could not run meanwhile.

    A time counts only as far as this process has worked in it: others may keep the processor busy.
    """
    worst = 0.0
    over = False

    async def tick() -> None:
        nonlocal worst
        while not over:
            clock, cpu = time.perf_counter(), time.process_time()
            await asyncio.sleep(0.002)
            worst = max(worst, min(time.perf_counter() - clock, time.process_time() - cpu))

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    worst = 0.0
    value = await work()
    await asyncio.sleep(0.01)
    over = True
    await ticking
    return value, worst


HEAVY: dict[str, tuple[str, Callable[[], str]]] = {
    "a page of 13 MB": ('file("page.html")', lambda: PAGE * 150_000),
    "a table of 50 MB": (
        'csv("table.csv")',
        lambda: "id,name,note\n" + "".join(f"{n},name {n},note {n} of the table\n" for n in range(1_250_000)),
    ),
    "pieces of 50 MB": (
        'split(file("text.md"), by: line)',
        lambda: LINE * 820_000,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("read", "text"), HEAVY.values(), ids=HEAVY)
async def test_a_heavy_read_never_stops_the_loop(read: str, text: Callable[[], str], tmp_path: Path) -> None:
    name = read.partition('"')[2].partition('"')[0]
    (tmp_path / name).write_text(text())
    (tmp_path / "small.flow").write_text('flow f() { a = file("small.flow") return length(a) }')
    (tmp_path / "f.flow").write_text(f"flow f() {{ a = {read} return length(a) }}")
    # The first run of a process imports its modules.
    await run_async(tmp_path / "small.flow")
    gc.collect()
    gc.freeze()
    try:
        result, stall = await longest_stall(lambda: run_async(tmp_path / "f.flow"))
    finally:
        gc.unfreeze()
    assert result.ok, result.failures
    assert result.value > 800_000
    assert stall < 0.05, stall
