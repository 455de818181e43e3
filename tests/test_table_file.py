"""The rows of a large table: they are read where they lie, as a small table is read at once."""

from __future__ import annotations

import csv
import io
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import plan as p
from flowrun.dsl import types
from flowrun.runtime import RunOptions, load, resume_async, run_async
from flowrun.runtime.documents import stored_rows, table_file
from flowrun.runtime.documents.table_file import NotInLines, TableFile
from flowrun.runtime.documents.typed_rows import fit_table
from flowrun.runtime.files.files import read_plain_text
from flowrun.runtime.inputs.inputs import read_input
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import InputError, PermanentError, UsageError

ROW = types.Record((types.Field("id", types.INT), types.Field("text", types.TEXT)))
PARAM = p.Param("rows", types.ListOf(ROW), None, True)
EACH = """
model m = "openai:m"
type Row = { id: int, text: text }
flow each(rows: [Row]) {
  out = map row in rows where row.id >= 1 { ask m "Say {{ row.text }}" } reduce collect
  return out
}
"""
LONG = b"2," + 60 * b"b" + b"\n"
"""A row; 20,000 are longer than the beginning of a file in which a dialect is looked for."""


@pytest.fixture
def blocks_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stored_rows, table_file):
        monkeypatch.setattr(module, "BLOCK", 4)


def written(path: Path, count: int, text: Callable[[int], str] = "row {}".format) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "text"])
        rows.writerows((number, text(number)) for number in range(count))
    return path


def drawn(draw: random.Random) -> bytes:
    """A table with quoted line ends, blank lines, a mark or a dialect in front, and sometimes with a fault."""
    end, delimiter, made = draw.choice(["\n", "\r\n"]), draw.choice(",;\t"), io.StringIO(newline="")
    if draw.random() < 0.2:
        made.write(f"sep={delimiter}{end}")
    rows = csv.writer(made, delimiter=delimiter, lineterminator=end)
    rows.writerow(["id", "text"])
    for number in range(draw.randrange(14)):
        if draw.random() < 0.2:
            made.write(end)
        text = "".join(draw.choices(["a", '"', "\n", "\r\n", ",", ";", "é", "€", " "], k=draw.randrange(1, 8)))
        rows.writerow(["x" if draw.random() < 0.005 else number, text])
    data = made.getvalue().encode(draw.choice(["utf-8", "utf-8-sig"]))
    return data[: draw.randrange(len(data))] if draw.random() < 0.1 else data


@pytest.mark.usefixtures("blocks_of_four")
def test_a_large_table_is_read_as_a_small_one(tmp_path: Path) -> None:
    draw, path, kinds = random.Random(1), tmp_path / "rows.csv", set()
    for _ in range(600):
        path.write_bytes(drawn(draw))
        small, large = list[str](), list[str]()
        try:
            whole: Any = fit_table(read_plain_text(path), types.ListOf(ROW), f"`{path}`", str(path), small.append)
        except InputError as error:
            whole = str(error)
        try:
            rows = TableFile(path, ROW, tell=large.append)
            found: Any = [rows[at] for at in reversed(range(len(rows)))][::-1]
        except NotInLines:
            kinds.add("whole")
            continue
        except InputError as error:
            found = str(error)
        assert (found, large) == (whole, small)
        kinds.add(type(found).__name__)
    assert kinds == {"list", "str", "whole"}


@pytest.mark.parametrize(
    "data",
    [
        "id,text\n1,é\n".encode("latin-1"),
        "id,text\n1,a\n".encode("utf-16"),
        b"id,text\r1,a\r",
        b"id,text\n1,a\n" + 20_000 * LONG + b"3,\xff\n",
        b"id,text\n" + 20_000 * LONG + b"3,c\r4,d\n",
        b"id,text\n1,\0\n",
    ],
)
def test_a_table_that_cannot_be_cut_into_lines_is_read_as_a_whole(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "rows.csv").write_bytes(data)
    with pytest.raises(NotInLines):
        TableFile(tmp_path / "rows.csv", ROW)


def test_the_rows_of_a_large_table_are_not_held(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.csv", 10_000, lambda number: f"row {number} ".ljust(1_200, "x"))
    said: list[str] = []
    tracemalloc.start()
    rows = read_input(PARAM, str(path), str, by_row=True, tell=said.append)
    assert isinstance(rows, TableFile)
    assert sum(row["id"] for row in rows) == 10_000 * 9_999 // 2
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 2**20
    assert not said
    assert isinstance(read_input(PARAM, str(path), str), list)


def test_a_table_without_a_column_is_refused_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("id,txt\n1,a\n2,b\n")
    with pytest.raises(InputError, match=r"has no column `text`.*did you mean `txt`"):
        TableFile(path, ROW)


@pytest.mark.usefixtures("blocks_of_four")
async def test_a_run_over_a_table_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path, asked = written(tmp_path / "rows.csv", 30), list[str]()
    flow = tmp_path / "each.flow"
    flow.write_text(EACH)

    def script(request: Request, number: int) -> Scripted:
        prompt = request.messages[-1].text
        asked.append(prompt)
        if prompt == "Say row 20" and asked.count(prompt) == 1:
            return Scripted(PermanentError("no"))
        return Scripted(prompt.removeprefix("Say "))

    options = RunOptions(journal=tmp_path / "j.db", opener=lambda address, around: ScriptedProvider(script))
    first = await run_async(load(flow), {"rows": TableFile(path, ROW)}, options=options)
    assert not first.ok
    again = await resume_async(first.run, options=options)
    assert again.ok, again.failures
    assert again.value == [f"row {number}" for number in range(1, 30)]
    assert asked.count("Say row 20") == 2
    assert len(set(asked)) == 29
    assert len(asked) <= 34
    path.write_text(path.read_text() + "99,more\n")
    with pytest.raises(UsageError, match="has changed since the run began"):
        await resume_async(first.run, options=options)


@pytest.mark.usefixtures("blocks_of_four")
def test_two_readers_of_one_table_do_not_read_each_block_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = TableFile(written(tmp_path / "rows.csv", 40), ROW)
    read: list[int] = []
    whole = TableFile._read

    def counted(self: TableFile, first: int, last: int) -> Any:
        read.append(first)
        return whole(self, first, last)

    monkeypatch.setattr(TableFile, "_read", counted)
    for at in range(20):
        assert (rows[at]["id"], rows[at + 20]["id"]) == (at, at + 20)
    assert sorted(read) == list(range(0, 40, 4))
