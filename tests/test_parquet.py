"""Rows from columnar files: typed values, row groups that stay on the disk, and hostile files."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from flowrun.dsl import plan, types
from flowrun.runtime.documents import parquet
from flowrun.runtime.documents.parquet import ParquetRows
from flowrun.runtime.documents.process import ReadingProcess
from flowrun.runtime.inputs.inputs import check_value, read_input
from flowrun.runtime.vocabulary.errors import InputError
from support.command_line import chat, command

ROW = types.Record((types.Field("id", types.INT), types.Field("name", types.TEXT)), "Row")
ROWS = types.ListOf(ROW)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(group: int = 1000, /, **columns: Any) -> str:
    pq.write_table(pa.table(columns), "t.parquet", row_group_size=group)
    return "t.parquet"


def many(count: int, group: int = 1000) -> str:
    return table(group, id=list(range(count)), name=[f"row {n}" for n in range(count)])


def read(given: str, type_: types.Type = ROWS, *, by_row: bool = False) -> Any:
    return read_input(plan.Param("rows", type_, None, True), given, lambda: "", by_row=by_row)


def refused(given: str, type_: types.Type = ROWS) -> str:
    with pytest.raises(InputError) as error:
        read(given, type_)
    return str(error.value)


def test_rows_are_typed(here: Path) -> None:
    name = table(id=[1, 2], name=["a", "b"], other=[None, b"\xff"])
    rows = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    assert read(name) == read(f"@{name}") == read(str(here / name), types.Optional(ROWS)) == rows
    assert check_value(Path(name), ROWS, "it") == rows
    assert read(table(id=pa.array([], pa.int64()), name=pa.array([], pa.string()))) == []
    assert read(table(other=[1, 2]), types.ListOf(types.Record((types.Field("x", types.Optional(types.INT)),)))) == [
        {"x": None},
        {"x": None},
    ]


def test_values_have_their_form_in_json() -> None:
    name = table(
        day=[dt.date(2026, 11, 29)],
        at=pa.array([dt.datetime(2026, 11, 29, 10, 30)], pa.timestamp("us")),
        fine=pa.array([1_000], pa.timestamp("ns")),
        zone=pa.array([dt.datetime(2026, 11, 29, tzinfo=dt.UTC)], pa.timestamp("ms", "UTC")),
        clock=[dt.time(9, 5)],
        price=[Decimal("1.50")],
        whole=[Decimal("3.00")],
        word=pa.array(["x"]).dictionary_encode(),
        items=[[1, 2]],
        record=[{"a": {"when": dt.date(2026, 1, 2)}}],
        pairs=pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        nothing=pa.array([None], pa.null()),
        flag=[True],
    )
    [row] = read(name, types.JSON)
    assert row == {
        "day": "2026-11-29",
        "at": "2026-11-29T10:30:00",
        "fine": "1970-01-01T00:00:00.000001",
        "zone": "2026-11-29T00:00:00+00:00",
        "clock": "09:05:00",
        "price": 1.5,
        "whole": 3,
        "word": "x",
        "items": [1, 2],
        "record": {"a": {"when": "2026-01-02"}},
        "pairs": {"k": 1},
        "nothing": None,
        "flag": True,
    }
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"id": [1, None], "name": ["a", "b"]}, "row 2, field `id`: expected int, found nothing"),
        (
            {"id": ["1", "x"], "name": ["a", "b"]},
            "2 values do not fit:\n  row 1, field `id`: expected int, found the text `1`",
        ),
        ({"id": [1.5], "name": ["a"]}, "row 1, field `id`: expected int, found the number 1.5"),
        ({"id": [1], "nam": ["a"]}, "has no column `name`, which Row needs; did you mean `nam`?"),
        ({"id": [1, 2], "name": [b"a", b"b"]}, "row 1, column `name`: bytes are not a text"),
        ({"id": [1], "name": [dt.timedelta(1)]}, "row 1, column `name`: a duration has no form in JSON"),
        ({"id": [Decimal("1." + "1" * 30)], "name": ["a"]}, "has more digits than flowrun keeps"),
        ({"id": [1], "name": pa.array([1], pa.timestamp("ns"))}, "between row 1 and row 1 is a time with nanoseconds"),
        ({"id": [float("nan")], "name": ["a"]}, "row 1, column `id`: a number is NaN or infinite"),
    ],
)
def test_rows_that_do_not_fit_are_told_by_their_number(columns: dict[str, Any], said: str) -> None:
    assert said in refused(table(**columns))


def test_two_columns_of_one_name_are_refused() -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array(["a"])], ["id", "id"]), "t.parquet")
    assert "two columns have the name `id`" in refused("t.parquet")


# Rows that stay on the disk


def test_rows_on_the_disk_are_those_of_the_file() -> None:
    rows = ParquetRows(Path(many(5000, 1500)), ROW)
    assert len(rows) == 5000
    assert list(rows) == read("t.parquet")
    for at in (4999, 0, 1023, 1024, 1499, 1500, 2047):
        assert rows[at] == {"id": at, "name": f"row {at}"}
    assert [row["id"] for row in rows[1022:1026]] == [1022, 1023, 1024, 1025]
    with pytest.raises(IndexError):
        rows[5000]


def test_all_rows_are_checked_at_the_start() -> None:
    name = table(id=[*range(2000), None], name=["x"] * 2001)
    with pytest.raises(InputError, match="row 2001, field `id`: expected int, found nothing"):
        ParquetRows(Path(name), ROW)
    assert len(ParquetRows(Path(name), ROW, checked=True)) == 2001


def test_only_large_files_stay_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    many(3000)
    assert isinstance(read("t.parquet", by_row=True), list)
    monkeypatch.setattr(parquet, "LARGE", 1000)
    assert isinstance(read("t.parquet", by_row=True), ParquetRows)
    assert isinstance(read("t.parquet"), list)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, float("-inf")], {"a": float("nan")}])
def test_numbers_that_json_does_not_have_are_told_by_their_row(value: Any) -> None:
    name = table(x=[value], y=["a"])
    assert "row 1, column `x`: a number is NaN or infinite" in refused(name, types.ListOf(types.JSON))
    with pytest.raises(InputError, match="row 1, column `x`"):
        ParquetRows(Path(name), types.JSON)


def test_a_file_that_changes_is_noticed(here: Path) -> None:
    rows = ParquetRows(Path(many(3000)), ROW)
    assert rows[0]["id"] == 0
    many(2999)
    with pytest.raises(InputError, match="has changed"):
        rows[2000]


def test_a_block_that_is_gone_on_with_reads_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    once = parquet._opened

    def counted(path: str, name: str) -> Any:
        opened.append(name)
        return once(path, name)

    monkeypatch.setattr(parquet, "_opened", counted)
    rows = ParquetRows(Path(many(10_000)), ROW)
    rows._process.here = True
    assert sum(row["id"] for row in rows) == 49_995_000
    assert len(opened) == 1


# Hostile files


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"id,name\n1,a\n"])
def test_other_files_are_refused(data: bytes) -> None:
    Path("x.parquet").write_bytes(data)
    assert "`x.parquet` is damaged, or no .parquet file" in refused("x.parquet")


def test_damage_ends_in_a_sentence_wherever_it_is() -> None:
    data = Path(many(500)).read_bytes()
    for at in range(0, len(data), max(len(data) // 60, 1)):
        Path("x.parquet").write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            read("x.parquet")
        except InputError as error:
            assert "x.parquet" in str(error)
        Path("x.parquet").write_bytes(data[:at])
        assert "x.parquet" in refused("x.parquet")


def test_a_small_file_of_many_equal_texts_is_bounded() -> None:
    text = pa.array(["x" * 1_000_000]).dictionary_encode().dictionary
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), text)
    name = table(id=[1] * 1000, name=shared)
    assert Path(name).stat().st_size < 200_000
    said = refused(name)
    assert "256 MiB of values up to row" in said or "of memory to read, which is the limit" in said


def test_a_pipe_or_a_folder_is_refused(here: Path) -> None:
    (here / "d.parquet").mkdir()
    assert "is no regular file" in refused("d.parquet")


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    process = ReadingProcess()
    process.here = True
    monkeypatch.setattr(parquet, "PROCESS", process)
    name = many(1)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "install an extra: `pip install 'flowrun-dsl[parquet]'`" in refused(name)


FLOW = """model m = "openai:m"
type Row = { id: int, name: text }
flow f(rows: [Row]) {
  out = map row in rows at most 9000 { ask m "Say {{ row.id }}" } reduce collect with concurrency: 1
  return out
}
"""


async def test_a_run_and_its_resume_read_from_the_disk(faults: Any, flow: Callable[[str], Path], here: Path) -> None:
    flow(FLOW)
    table(id=[1, 2, 3], name=[format(n, "x") * 40_000 for n in (2**70 + 1, 3**50, 5**40)])
    pq.write_table(pq.read_table("t.parquet"), "t.parquet", compression="none", use_dictionary=False)
    server = {"OPENAI_BASE_URL": faults.url, "FLOWRUN_JOURNAL": "j.db"}
    planned = await command("plan", "a.flow", "--rows", "t.parquet", folder=here)
    assert "map row × 3" in planned.out, planned.err
    faults.json(chat("one"))
    faults.json({"error": {"message": "no such model"}}, status=404)
    ran = await command("a.flow", "--rows", "t.parquet", "-o", "out.jsonl", folder=here, **server)
    assert ran.code == 3, ran.err
    assert (here / "j.db").stat().st_size < (here / "t.parquet").stat().st_size
    for _ in range(2):
        faults.json(chat("more"))
    ran = await command("resume", "last", "-o", "out.jsonl", folder=here, **server)
    assert ran.code == 0, ran.err
    assert (here / "out.jsonl").read_text() == '"one"\n"more"\n"more"\n'
    over = await command("a.flow", "--rows", "t.parquet", "-o", "t.parquet", folder=here)
    assert over.code == 2
    many(3)
    ran = await command("resume", "last", folder=here, **server)
    assert (ran.code, "has changed since the run began" in ran.err) == (2, True)
