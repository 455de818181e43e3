"""`--output`, and lists that are never whole in the memory: rows read when they are wanted, results handed on."""

from __future__ import annotations

import asyncio
import json
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.dsl import Source, check_flow, make_plan, types
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.documents.row_file import RowFile
from flowrun.runtime.plans.streaming import only_mapped
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import InputError, PermanentError
from support.command_line import chat, command
from support.patience import PATIENCE

EACH = """
flow each(rows: [Row]) {
  out = map row in rows at most 9000 { ask "Say {{ row.text }}" } reduce collect
  return out
}
type Row = { id: int, text: text }
"""
ROW = types.Record((types.Field("id", types.INT), types.Field("text", types.TEXT)))


def rows_in(path: Path, count: int) -> Path:
    path.write_text("".join(json.dumps({"id": n, "text": f"row {n}"}) + "\n" for n in range(count)), encoding="utf-8")
    return path


def said(request: Request, number: int) -> Scripted:
    prompt = request.messages[-1].text
    return Scripted(prompt.removeprefix("Say "), random.Random(prompt).random() / 100)


def opener(script: Callable[[Request, int], Any] = said) -> Callable[[str, Surroundings], ScriptedProvider]:
    return lambda address, surroundings: ScriptedProvider(script)


# Rows


def test_rows_are_those_of_the_whole_file(tmp_path: Path) -> None:
    path = rows_in(tmp_path / "rows.jsonl", 5000)
    path.write_text("\ufeff\n" + path.read_text().replace("\n", "\n \n", 3) + "\n", encoding="utf-8")
    rows = RowFile(path, ROW)
    assert list(rows) == [{"id": n, "text": f"row {n}"} for n in range(5000)]
    assert len(rows) == 5000
    for at in (4999, 0, 1023, 1024, 2047):
        assert rows[at]["id"] == at
    assert [row["id"] for row in rows[1022:1026]] == [1022, 1023, 1024, 1025]
    with pytest.raises(IndexError):
        rows[5000]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": 1}', "line 3: the field `text` is missing"),
        (b'{"id": "x", "text": "y"}', "line 3, field `id`: expected int, found the text `x`"),
        (b'{"id": 1, "text": ', "rows.jsonl`:3: this line is not JSON"),
        (b'{"id": 1, "text": "\xff"}', "rows.jsonl`:3: this line is not text in UTF-8: byte 19 is no"),
    ],
)
def test_every_row_is_checked_before_anything_is_asked(tmp_path: Path, line: bytes, said: str) -> None:
    path = rows_in(tmp_path / "rows.jsonl", 2)
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(InputError) as error:
        RowFile(path, ROW)
    assert said in str(error.value)


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    path = rows_in(tmp_path / "rows.jsonl", 3000)
    rows = RowFile(path, ROW)
    assert rows[0]["id"] == 0
    with path.open("a") as file:
        file.write('{"id": 1, "text": "more"}\n')
    with pytest.raises(InputError, match="has changed"):
        rows[2000]


async def test_rows_that_change_while_they_are_mapped_fail_the_map(tmp_path: Path) -> None:
    path = rows_in(tmp_path / "rows.jsonl", 3000)

    def script(request: Request, number: int) -> Scripted:
        if number == 500:
            with path.open("a") as file:
                file.write("\n")
        return said(request, number)

    plan = make_plan(check_flow(Source(EACH, "each.flow"), catalog()))
    result = await run_async(plan, {"rows": RowFile(path, ROW)}, options=RunOptions(opener=opener(script)))
    assert not result.ok
    assert "has changed while the flow was reading it; run the flow again" in result.failures[0].reason


@pytest.mark.parametrize(
    ("line", "only"),
    [
        ("x = map row in rows { ask row.text_of } reduce collect", True),
        ("n = length(rows) x = map row in rows { ask row.text_of } reduce collect", True),
        ('x = map row in rows { ask "{{ row.text }} of {{ rows }}" } reduce collect', False),
        ('x = ask "{{ rows }}"', False),
        ('x = map row in rows where row in rows { ask "{{ row.text }}" } reduce collect', False),
        ("n = length(rows) x = text n_of", False),
    ],
)
def test_what_is_only_gone_through_need_not_be_whole(line: str, only: bool) -> None:
    line = line.replace("row.text_of", '"{{ row.text }}"').replace("text n_of", 'text "{{ n }}"')
    text = f"flow each(rows: [Row]) {{ {line} return x }} type Row = {{ id: int, text: text }}"
    assert only_mapped(make_plan(check_flow(Source(text), catalog())), "rows") is only


# Results


async def test_results_are_handed_on_in_order_and_not_kept(tmp_path: Path) -> None:
    plan = make_plan(check_flow(Source(EACH, "each.flow"), catalog()))
    taken: list[Any] = []
    rows = RowFile(rows_in(tmp_path / "rows.jsonl", 3000), ROW)
    result = await run_async(plan, {"rows": rows}, options=RunOptions(opener=opener(), on_result=taken.append))
    assert taken == [f"row {n}" for n in range(3000)]
    assert (result.value, result.handed) == (3000, True)


async def test_lists_are_handed_on_item_by_item_without_what_was_lost() -> None:
    text = """flow f(names: [text]) {
      x = map n in names { a = ask "Say {{ n }}" [a, a] } reduce flatten with errors: skip
      return x
    }"""

    def script(request: Request, number: int) -> Scripted:
        return Scripted(PermanentError("no")) if "b" in request.messages[-1].text else said(request, number)

    taken: list[Any] = []
    plan = make_plan(check_flow(Source(text), catalog()))
    result = await run_async(
        plan, {"names": ["a", "b", "c"]}, options=RunOptions(opener=opener(script), on_result=taken.append)
    )
    assert taken == ["a", "a", "c", "c"]
    assert result.value == 4


@pytest.mark.parametrize(
    "rest",
    [
        "return length(x)",
        "many = length(x) return x",
        'y = map one in x { ask "again {{ one }}" } reduce collect return { x, y }',
        "y = x return y",
    ],
)
async def test_what_the_flow_still_needs_is_kept(rest: str) -> None:
    text = f'flow f(names: [text]) {{ x = map n in names {{ ask "Say {{{{ n }}}}" }} reduce collect {rest} }}'
    taken: list[Any] = []
    plan = make_plan(check_flow(Source(text), catalog()))
    result = await run_async(plan, {"names": ["a", "b"]}, options=RunOptions(opener=opener(), on_result=taken.append))
    assert (taken, result.handed) == ([], False)
    assert result.ok


# The command

SERVED = 'model m = "openai:m"\n' + EACH.replace("ask", "ask m")


async def test_output_takes_the_answer_in_place_of_standard_output(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SERVED).parent
    rows_in(folder / "rows.jsonl", 3)
    for n in range(3):
        faults.json(chat(f"said {n}"))
    faults.json(chat("other"))
    ran = await command(
        *("a.flow", "--rows", "rows.jsonl", "--output", "out.jsonl"), folder=folder, OPENAI_BASE_URL=faults.url
    )
    assert (ran.code, ran.out) == (0, "")
    assert "3 lines are in `out.jsonl`" in ran.err
    assert sorted(map(json.loads, (folder / "out.jsonl").read_text().splitlines())) == ["said 0", "said 1", "said 2"]
    assert not (folder / "out.jsonl.part").exists()
    again = await command(
        *("a.flow", "--rows", "rows.jsonl", "-q", "-o", "out.json"), folder=folder, OPENAI_BASE_URL=faults.url
    )
    assert (again.code, again.out, again.err) == (0, "", "")
    assert len(json.loads((folder / "out.json").read_text())) == 3


async def test_a_run_that_fails_puts_no_answer_in_its_place(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SERVED.replace("reduce collect", "reduce collect with concurrency: 1")).parent
    rows_in(folder / "rows.jsonl", 3)
    faults.json(chat("one"))
    faults.json({"error": {"message": "no such model"}}, status=404)
    ran = await command(
        *("a.flow", "--rows", "rows.jsonl", "--output", "out.jsonl"), folder=folder, OPENAI_BASE_URL=faults.url
    )
    assert ran.code == 3
    assert "the first 1 lines are in `out.jsonl.part`" in ran.err
    assert not (folder / "out.jsonl").exists()
    assert (folder / "out.jsonl.part").read_text() == '"one"\n'


async def test_an_output_that_cannot_be_written_is_told_before_anything_is_asked(
    faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(SERVED).parent
    rows_in(folder / "rows.jsonl", 1)
    for place, why in (("no/out.jsonl", "No such file"), (".", "is a folder")):
        ran = await command(
            *("a.flow", "--rows", "rows.jsonl", "--output", place), folder=folder, OPENAI_BASE_URL=faults.url
        )
        assert ran.code == 74
        assert why in ran.err
    assert not faults.seen


async def test_a_run_of_a_large_file_is_gone_on_with_where_the_file_is_the_same(
    faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(SERVED).parent
    padding = "x" * 3_000_000
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": f"{n} {padding}"}) + "\n" for n in range(3)))
    before = path.stat()
    faults.json(chat("one"))
    faults.json({"error": {"message": "no such model"}}, status=404)
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": str(folder / "journal.db")}
    text = (folder / "a.flow").read_text().replace("reduce collect", "reduce collect with concurrency: 1")
    (folder / "a.flow").write_text(text)
    ran = await command("a.flow", "--rows", "rows.jsonl", "-o", "out.jsonl", folder=folder, **server)
    assert ran.code == 3
    assert (folder / "journal.db").stat().st_size < before.st_size
    for _ in range(2):
        faults.json(chat("more"))
    ran = await command("resume", "last", "-o", "out.jsonl", folder=folder, **server)
    assert ran.code == 0, ran.err
    assert (folder / "out.jsonl").read_text() == '"one"\n"more"\n"more"\n'
    with path.open("a") as file:
        file.write("\n")
    ran = await command("resume", "last", folder=folder, **server)
    assert ran.code == 2
    assert "has changed since the run began:" in ran.err


async def test_rows_reach_a_pipe_while_the_flow_runs(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SERVED.replace("reduce collect", "reduce collect with concurrency: 1")).parent
    rows_in(folder / "rows.jsonl", 3)
    os.mkfifo(folder / "pipe.jsonl")
    first = asyncio.Event()
    for n in range(3):
        faults.json(chat(f"said {n}"))

    async def after_the_first(request: web.Request) -> web.StreamResponse:
        await asyncio.wait_for(first.wait(), PATIENCE)
        return web.json_response(chat("said last"))

    faults.replies[2] = after_the_first
    came: list[str] = []

    def read() -> None:
        with (folder / "pipe.jsonl").open() as pipe:
            for line in pipe:
                came.append(json.loads(line))
                loop.call_soon_threadsafe(first.set)

    loop = asyncio.get_running_loop()
    reader = asyncio.ensure_future(asyncio.to_thread(read))
    ran = await command(
        *("a.flow", "--rows", "rows.jsonl", "--output", "pipe.jsonl"), folder=folder, OPENAI_BASE_URL=faults.url
    )
    await asyncio.wait_for(reader, PATIENCE)
    assert (ran.code, came) == (0, ["said 0", "said 1", "said last"]), ran.err
    assert "3 lines are in `pipe.jsonl`" in ran.err
    assert stat.S_ISFIFO((folder / "pipe.jsonl").stat().st_mode)


async def test_a_reader_that_leaves_stops_the_run_and_loses_nothing(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(SERVED.replace("reduce collect", "reduce collect with concurrency: 1")).parent
    rows_in(folder / "rows.jsonl", 20)
    os.mkfifo(folder / "pipe.jsonl")
    faults.json(chat("said"))

    def read_one() -> None:
        with (folder / "pipe.jsonl").open() as pipe:
            pipe.readline()

    reader = asyncio.ensure_future(asyncio.to_thread(read_one))
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "journal.db"}
    ran = await command("a.flow", "--rows", "rows.jsonl", "-o", "pipe.jsonl", folder=folder, **server)
    await asyncio.wait_for(reader, PATIENCE)
    assert ran.code == 74
    assert "`pipe.jsonl` cannot be written: Broken pipe" in ran.err
    asked = len(faults.seen)
    assert asked < 20
    ran = await command("resume", "last", "-o", "out.jsonl", folder=folder, **server)
    assert (ran.code, len(faults.seen)) == (0, 20)
    assert (folder / "out.jsonl").read_text().count("\n") == 20


async def test_a_dash_and_open_files_are_what_they_are_elsewhere(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow('flow f() { a = ask "hi" return [a] }\n').parent
    faults.json(chat("said"))
    for name, out in (("-", '[\n  "said"\n]\n'), ("/dev/stdout", '[\n  "said"\n]\n'), ("/dev/fd/2", "")):
        ran = await command("a.flow", "-o", name, "--model", "openai:m", folder=folder, OPENAI_BASE_URL=faults.url)
        assert (ran.code, ran.out) == (0, out)
        assert ("said" in ran.err) is (name == "/dev/fd/2")
    assert not (folder / "-").exists()


async def test_a_target_that_becomes_another_meanwhile_leaves_the_rows(
    faults: Any, flow: Callable[[str], Path]
) -> None:
    folder = flow(SERVED).parent
    rows_in(folder / "rows.jsonl", 1)

    async def meanwhile(request: web.Request) -> web.StreamResponse:
        os.symlink("rows.jsonl", folder / "out.jsonl")
        return web.json_response(chat("paid"))

    faults.replies.append(meanwhile)
    ran = await command("a.flow", "--rows", "rows.jsonl", "-o", "out.jsonl", folder=folder, OPENAI_BASE_URL=faults.url)
    assert ran.code == 74
    assert "this command reads" in ran.err
    assert (folder / "out.jsonl.part").read_text() == '"paid"\n'
    assert (folder / "rows.jsonl").read_text().startswith('{"id": 0')
