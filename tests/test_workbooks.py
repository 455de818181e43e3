"""Rows from spreadsheets: typed values, sheets, formulas, and hostile files."""

from __future__ import annotations

import datetime as dt
import io
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from flowrun.dsl import plan, types
from flowrun.runtime.documents import workbooks
from flowrun.runtime.documents.process import ReadingProcess
from flowrun.runtime.inputs.inputs import check_value, files_given, read_input
from flowrun.runtime.vocabulary.errors import InputError
from support.command_line import chat, command

ROW = types.Record(
    (
        types.Field("id", types.INT),
        types.Field("name", types.TEXT),
        types.Field("score", types.Optional(types.NUMBER)),
        types.Field("paid", types.Optional(types.BOOL)),
        types.Field("day", types.Optional(types.TEXT)),
    ),
    "Row",
)
ROWS = types.ListOf(ROW)
SHEET = "xl/worksheets/sheet1.xml"
HEAD = ["id", "name", "score", "paid", "day", "other"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def book(*rows: list[Any], sheets: Mapping[str, list[list[Any]]] | None = None) -> str:
    name = "b.xlsx"
    made = Workbook()
    for row in rows:
        made.active.append(row)
    for title, others in (sheets or {}).items():
        sheet = made.create_sheet(title)
        for row in others:
            sheet.append(row)
    made.save(name)
    return name


def read(given: str, type_: types.Type = ROWS, tell: Callable[[str], None] = lambda line: None) -> Any:
    return read_input(plan.Param("rows", type_, None, True), given, lambda: "", tell=tell)


def refused(given: str, type_: types.Type = ROWS) -> str:
    with pytest.raises(InputError) as error:
        read(given, type_)
    return str(error.value)


def changed(name: str, parts: Mapping[str, Callable[[bytes], bytes]], **new: bytes) -> str:
    """Change parts of a spreadsheet as a stranger could."""
    data = Path(name).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as made:
        for one in old.namelist():
            text = old.read(one)
            made.writestr(one, parts[one](text) if one in parts else text)
        for one, added in new.items():
            made.writestr(one, added)
    return name


def test_values_have_the_types_of_the_flow(here: Path) -> None:
    name = book(
        HEAD,
        [1, "a", 1.5, True, dt.date(2026, 11, 29), "x"],
        [2.0, 42, 3, None, dt.datetime(2026, 11, 29, 10, 30), None],
        [None, None, None, None, None, None],
        ["3", 2.5, "4", "no", dt.time(9, 5), None],
        [4, True, None, None, dt.timedelta(hours=26, minutes=1), None],
        [5, None],
    )
    wanted = [
        {"id": 1, "name": "a", "score": 1.5, "paid": True, "day": "2026-11-29"},
        {"id": 2, "name": "42", "score": 3, "paid": None, "day": "2026-11-29T10:30:00"},
        {"id": 3, "name": "2.5", "score": 4, "paid": False, "day": "09:05:00"},
        {"id": 4, "name": "true", "score": None, "paid": None, "day": "26:01:00"},
        {"id": 5, "name": "", "score": None, "paid": None, "day": None},
    ]
    assert read(name) == read(f"@{name}") == read(str(here / name), types.Optional(ROWS)) == wanted
    assert check_value(Path(name), ROWS, "it") == wanted
    assert [type(row["id"]) for row in wanted] == [type(row["id"]) for row in read(name)]


def test_json_takes_the_values_as_they_are() -> None:
    name = book(["n", "t", "e"], [1, "x", None], [2.5, "", True])
    rows = [{"n": 1, "t": "x", "e": None}, {"n": 2.5, "t": None, "e": True}]
    assert read(name, types.JSON) == read(name, types.ListOf(types.JSON)) == rows
    assert read(book(["n"], [7]), types.Record((types.Field("n", types.INT),))) == {"n": 7}
    assert "has 2 rows, and the parameter takes a single" in refused(
        book(["n"], [7], [8]), types.Record((types.Field("n", types.INT),))
    )


def test_the_first_sheet_that_is_shown_unless_another_is_named(here: Path) -> None:
    name = book(["n"], [1], sheets={"Second": [["n"], [2]], "With #": [["n"], [3]]})
    told: list[str] = []
    assert read(name, types.JSON, told.append) == [{"n": 1}]
    assert told == [
        "`rows`: `b.xlsx`: the rows are those of its first sheet, `Sheet`; for another sheet write `…#Second`"
    ]
    told.clear()
    assert read(f"{name}#Second", types.JSON, told.append) == [{"n": 2}]
    assert (
        read(f"{name}#With #", types.JSON, told.append)
        == check_value(Path(f"{name}#With #"), types.JSON, "it")
        == [{"n": 3}]
    )
    assert told == []
    assert "`b.xlsx` has no sheet `second`; did you mean `Second`?" in refused(f"{name}#second")
    assert "there is no file `c.xlsx`; did you mean `b.xlsx`?" in refused("c.xlsx#Second")
    assert files_given(plan.Param("rows", ROWS, None, True), f"{name}#Second") == [Path(name)]
    made = Workbook()
    made.active.sheet_state = "hidden"
    made.create_sheet("Shown").append(["n"])
    made["Shown"].append([9])
    made.save("h.xlsx")
    assert read("h.xlsx", types.JSON, told.append) == [{"n": 9}]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([HEAD, [1, "a"], ["x", "b"]], "row 3, field `id`: expected int, found the text `x`"),
        ([HEAD, [1, "a"], [None, "b"]], "row 3, field `id`: expected int, found an empty text"),
        ([HEAD, [1.5, "a"]], "row 2, field `id`: expected int, found the number 1.5"),
        ([["id", "nam"], [1, "a"]], "has no column `name`, which Row needs; did you mean `nam`?"),
        ([["id", "id", "name"], [1, 2, "a"]], "two columns have the name `id`, in row 1"),
        ([["id", None, "name"], [1, 5, "a"]], "column 2 has no name in the header row, and row 2 has a value there"),
        ([["id", "name"], [1, "a", 5]], "column 3 has no name in the header row, and row 2 has a value there"),
        ([HEAD, [1, "a", "=1/0"]], "row 2, column `score`: the cell has a formula without a stored value"),
        ([["=A5", "name"], [1, "a"]], "row 1 has the names of the columns, and one of its cells has a formula"),
        ([HEAD, [1, "#N/A"]], "row 2, column `name`: the cell has the error #N/A"),
    ],
)
def test_rows_that_do_not_fit_are_told_by_their_number(rows: list[list[Any]], said: str) -> None:
    assert said in refused(book(*rows))


def test_what_the_flow_does_not_take_may_be_broken() -> None:
    name = book(HEAD, [1, "a", None, None, None, "=1/0"], [2, "b", None, None, None, "#REF!"])
    assert [row["id"] for row in read(name)] == [1, 2]


def test_formulas_have_the_values_that_were_stored() -> None:
    name = book(HEAD, [1, "a", "=6*7"], [2, '=IF(1,"","x")', "=A3"])
    changed(
        name,
        {
            "xl/worksheets/sheet1.xml": lambda text: (
                text.replace(b"<f>6*7</f><v />", b"<f>6*7</f><v>42</v>")
                .replace(b"<f>6*7</f><v></v>", b"<f>6*7</f><v>42</v>")
                .replace(b"<f>A3</f><v />", b"<f>A3</f><v>2</v>")
                .replace(b"<f>A3</f><v></v>", b"<f>A3</f><v>2</v>")
                .replace(b'<c r="B3"><f>', b'<c r="B3" t="str"><f>')
            )
        },
    )
    assert [(row["name"], row["score"]) for row in read(name)] == [("a", 42), ("", 2)]


def test_a_number_that_json_does_not_have_is_told_by_its_row() -> None:
    name = changed(book(["n"], [17]), {SHEET: lambda text: text.replace(b"<v>17</v>", b"<v>1e999</v>")})
    assert "row 2, column `n`: the cell cannot be used: a number is NaN or infinite" in refused(name, types.JSON)


def test_empty_books_have_no_rows() -> None:
    assert read(book()) == read(book(HEAD)) == read(book([None], HEAD)) == []
    assert read(book([None], [], HEAD, [1, "a"]))[0]["id"] == 1


@pytest.mark.parametrize("size", [b"A1", b"A1:A1", b"C9:D10", b"A1:XFD1048576"])
def test_a_sheet_may_declare_any_size(size: bytes) -> None:
    def declared(text: bytes) -> bytes:
        other, count = re.subn(rb'<dimension ref="[^"]*"', b'<dimension ref="' + size + b'"', text)
        assert count == 1
        return other

    assert read(changed(book(HEAD, [1, "a"], [2, "b"]), {SHEET: declared}))[1]["name"] == "b"


def test_a_sheet_may_not_skip_to_any_row() -> None:
    name = book(HEAD, [1, "a"])
    skip = (b'<row r="2"', b'<row r="999999999999"')
    changed(name, {SHEET: lambda text: text.replace(*skip).replace(b'r="A2"', b'r="A3"')})
    assert "has more than 1,048,576 rows" in refused(name)


def test_wide_rows_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(3, 400))
    name = changed(
        book(HEAD, [1, "a"]), {SHEET: lambda text: text.replace(b"</sheetData>", f"{rows}</sheetData>".encode())}
    )
    assert "column 16384 has no name in the header row, and row 3 has a value there" in refused(name)
    rows = rows.replace("<v>1</v>", "")
    name = changed(
        book(HEAD, [1, "a"]), {SHEET: lambda text: text.replace(b"</sheetData>", f"{rows}</sheetData>".encode())}
    )
    process = ReadingProcess()
    process.here = True
    monkeypatch.setattr(workbooks, "PROCESS", process)
    monkeypatch.setattr(workbooks, "_MOST_CELLS", 1_000_000)
    assert "or 1,000,000 cells, which are the limits" in refused(name)


def test_bombs_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    name = book(HEAD, [1, "a"])
    with (
        zipfile.ZipFile(name, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/bomb.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(600):
            part.write(bytes(1024 * 1024))
    assert Path(name).stat().st_size < 2_000_000
    assert "has more than 512 MiB when it is unpacked" in refused(name)


def with_shared(name: str, *texts: str, rows: str = "") -> str:
    """Give a spreadsheet the table of texts that spreadsheet programs write, and rows that refer to it."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    entry = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode()
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    table = f'<sst xmlns="{space}">{"".join(f"<si><t>{text}</t></si>" for text in texts)}</sst>'
    parts: dict[str, Callable[[bytes], bytes]] = {
        "[Content_Types].xml": lambda text: text.replace(b"</Types>", entry),
        SHEET: lambda text: text.replace(b"</sheetData>", f"{rows}</sheetData>".encode()),
    }
    return changed(name, parts, **{"xl/sharedStrings.xml": table.encode()})


def test_texts_may_stand_in_the_table_of_shared_ones() -> None:
    rows = '<row r="3"><c r="A3"><v>2</v></c><c r="B3" t="s"><v>1</v></c></row>'
    assert read(with_shared(book(HEAD, [1, "a"]), "b", "c", rows=rows))[1]["name"] == "c"
    assert "is damaged" in refused(with_shared(book(HEAD, [1, "a"]), "b", rows=rows))


def test_a_text_that_many_cells_share_is_counted_for_each() -> None:
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c><c r="B{n}" t="s"><v>0</v></c></row>' for n in range(3, 400))
    name = with_shared(book(HEAD, [1, "a"]), "x" * 1_000_000, rows=rows)
    assert Path(name).stat().st_size < 50_000
    assert "has more than 256 MiB of values up to row" in refused(name)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "a .xlsx file is a zip file, and this file is not"),
        (b"id,name\n1,a\n", "a .xlsx file is a zip file, and this file is not"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "has a password or an older format"),
    ],
)
def test_other_files_are_no_spreadsheets(data: bytes, said: str) -> None:
    Path("x.xlsx").write_bytes(data)
    assert said in refused("x.xlsx")


@pytest.mark.parametrize(
    "part", ["[Content_Types].xml", "xl/workbook.xml", SHEET, "xl/styles.xml", "xl/sharedStrings.xml"]
)
@pytest.mark.parametrize("harm", [b"", b"<a>", b"<worksheet/>", b"\xff\xfe" * 50])
def test_damage_ends_in_a_sentence(part: str, harm: bytes) -> None:
    name = changed(book(HEAD, [1, "a"]), {part: lambda text: harm})
    try:
        read(name)
    except InputError as error:
        assert "b.xlsx" in str(error)


def test_entities_and_document_types_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    name = changed(book(HEAD, [1, "a"]), {SHEET: lambda text: bomb + text.partition(b"?>")[2]})
    assert "declares a document type" in refused(name)
    levels = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 12))
    laughs = f'<!DOCTYPE x [<!ENTITY x0 "ha">{levels}]><x>&x11;</x>'.encode()
    name = changed(book(HEAD, [1, "a"]), {SHEET: lambda text: b"<!--" + b" " * 9000 + b"-->" + laughs})
    assert "is damaged" in refused(name)


def test_links_to_other_books_are_not_followed() -> None:
    link = b'<externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
    name = changed(book(HEAD, [1, "a"]), {}, **{"xl/externalLinks/externalLink1.xml": link})
    assert read(name)[0]["name"] == "a"


def test_a_small_memory_ends_the_work_and_not_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    process = ReadingProcess(100 * 1024 * 1024)
    monkeypatch.setattr(workbooks, "PROCESS", process)
    try:
        name = with_shared(book(HEAD, [1, "a"]), *("x" * 1_000_000 + str(n) for n in range(100)))
        assert "of memory to read, which is the limit" in refused(name)
    finally:
        process.close()


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    process = ReadingProcess()
    process.here = True
    monkeypatch.setattr(workbooks, "PROCESS", process)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "install an extra: `pip install 'flowrun-dsl[xlsx]'`" in refused(book(HEAD, [1, "a"]))


FLOW = """model m = "openai:m"
type Row = { id: int, name: text }
flow f(rows: [Row]) { out = map row in rows { ask m "Say {{ row.name }}" } reduce collect return out }
"""


async def test_a_run_reads_a_sheet_and_does_not_write_over_its_book(
    faults: Any, flow: Callable[[str], Path], here: Path
) -> None:
    flow(FLOW)
    name = book(["id", "name"], [1, "a"], sheets={"Two": [["id", "name"], [1, "b"], [2, "c"]]})
    planned = await command("plan", "a.flow", "--rows", f"{name}#Two", folder=here)
    assert "map row × 2" in planned.out, planned.err
    faults.json(chat("said"))
    ran = await command("a.flow", "--rows", name, folder=here, OPENAI_BASE_URL=faults.url)
    assert (ran.code, ran.out) == (0, '[\n  "said"\n]\n'), ran.err
    assert "the rows are those of its first sheet" in ran.err
    (here / "link.json").symlink_to(name)
    over = await command("a.flow", "--rows", f"{name}#Two", "-o", "link.json", folder=here)
    assert "this command reads `link.json`" in over.err
