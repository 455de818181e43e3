"""Tables of rows: what stands between their cells, by evidence, whichever way they come."""

from __future__ import annotations

import codecs
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import plan, types
from flowrun.runtime.cli.console import standard_input
from flowrun.runtime.documents.row_file import RowFile
from flowrun.runtime.documents.rows import open_table
from flowrun.runtime.files.files import Files
from flowrun.runtime.inputs.inputs import read_input
from flowrun.runtime.reads.reading import reading
from flowrun.runtime.vocabulary.errors import InputError
from support.written import read_csv

ROWS = types.ListOf(types.JSON)

WELL: dict[str, tuple[str, list[dict[str, str]]]] = {
    "commas in a header of semicolons": (
        "name, surname first;n;note\nDoe, Jane;1;x\nRoe, Bob;2;y\n",
        [{"name, surname first": "Doe, Jane", "n": "1", "note": "x"}, {"name, surname first": "Roe, Bob", "n": "2"}],
    ),
    "commas in the last header": (
        "question;answer (yes, no)\nIs it, then, ok?;yes\n",
        [{"question": "Is it, then, ok?", "answer (yes, no)": "yes"}],
    ),
    "a comma that every row has": ("d, e;f\nx, y;z\n", [{"d, e": "x, y", "f": "z"}]),
    "decimal commas": ("name;price\nA;1,5\nB;2,25\n", [{"name": "A", "price": "1,5"}, {"name": "B", "price": "2,25"}]),
    "bars": ("id|name|note\n1|Doe, Jane|x;y\n", [{"id": "1", "name": "Doe, Jane", "note": "x;y"}]),
    "tabs": ("a, b\tc\n1, 2\t3\n", [{"a, b": "1, 2", "c": "3"}]),
    "quoted delimiters": ('"q;1";"r,2"\n"a;b";"c,d"\n', [{"q;1": "a;b", "r,2": "c,d"}]),
    "quoted lines": ('q,r\n"multi\nline; x\n",2\n', [{"q": "multi\nline; x\n", "r": "2"}]),
    "quotes in an unquoted file": ('name;n\n"a ""b"", c";1\n', [{"name": 'a "b", c', "n": "1"}]),
    "quotes behind spaces": ('a, b\n1, "x, y"\n', [{"a": "1", "b": "x, y"}]),
    "a delimiter that is declared": ("sep=;\na;b\n1,2;3\n", [{"a": "1,2", "b": "3"}]),
    "one column": ("text\nHello\nBye\n", [{"text": "Hello"}, {"text": "Bye"}]),
    "one column with commas": ("text\nHello, world\nA; b\n", [{"text": "Hello, world"}, {"text": "A; b"}]),
    "rows of separators only": ('a,b\n1,2\n,\n"",""\n , \n3,4\n,\n', [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    "a separator behind each row": ("a;b;\n1;2;\n3;4;\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    "separators behind the rows alone": ("a,b\n1,2,\n3,4,,\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    "a column that is empty": ("a,,b\n1,,2\n", [{"a": "1", "b": "2"}]),
    "old line ends": ("a;b\r1;2\r\r3;4", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
    "numbers with noughts": ("id,zip\n007,01067\n", [{"id": "007", "zip": "01067"}]),
    "blank lines above": ("\n \na,b\n1,2\n", [{"a": "1", "b": "2"}]),
    "a header alone": ("a;b\n", []),
}


def param(name: str, type_: types.Type) -> plan.Param:
    return plan.Param(name, type_, None, True)


def assert_rows(found: Any, wanted: list[dict[str, str]]) -> None:
    assert [{name: row.get(name) for name in want} for row, want in zip(found, wanted, strict=True)] == wanted


@pytest.mark.parametrize(("text", "rows"), WELL.values(), ids=WELL)
@pytest.mark.parametrize("way", ["file", "standard input", "csv()"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables(
    text: str, rows: list[dict[str, str]], way: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = text.encode(encoding)
    (tmp_path / "t.csv").write_bytes(data)
    if way == "csv()":
        found = reading(Files(tmp_path))("csv", {"path": "t.csv"})
    else:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "ascii"))
        found = read_input(param("rows", ROWS), "t.csv" if way == "file" else "-", standard_input)
    assert_rows(found, rows)


@pytest.mark.parametrize("name", ["t.tsv", "t.TAB"])
def test_the_name_of_a_file_counts(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("name, surname first\tn\nDoe, Jane\t1\n")
    wanted = [{"name, surname first": "Doe, Jane", "n": "1"}]
    assert read_input(param("rows", ROWS), str(tmp_path / name), str) == wanted
    (tmp_path / name).write_text("text\nHello, world; x | y\n")
    assert read_input(param("rows", ROWS), str(tmp_path / name), str) == [{"text": "Hello, world; x | y"}]


TOLD = {
    "text\nHello, world\n": "`t.csv`: flowrun reads it as a single column, like its header: the commas below "
    "it are text",
    "a,b;c,d\n1,5;2,5\n3,5;4,5\n": "`t.csv`: flowrun reads it with semicolons between the cells; commas would fit too",
}


@pytest.mark.parametrize(("text", "words"), TOLD.items())
def test_what_cannot_be_known_is_told_once(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    said: list[str] = []
    call = reading(Files(tmp_path), said.append)
    for _ in range(3):
        call("csv", {"path": "t.csv"})
    assert len(said) == 1
    assert said[0].startswith(words)
    said.clear()
    read_input(param("rows", ROWS), str(tmp_path / "t.csv"), str, tell=said.append)
    assert len(said) == 1
    assert said[0].startswith("`rows`: ")


def test_a_name_that_promises_tabs_in_vain_is_told() -> None:
    said: list[str] = []
    assert list(open_table("name,n\nx,1\n", "`t.tsv`", "t.tsv", said.append).rows) == [(2, {"name,n": "x,1"})]
    assert "its name ends in .tsv and it has no tabs:" in said[0]


def test_nothing_is_told_of_what_is_plain() -> None:
    said: list[str] = []
    for text, _ in WELL.values():
        if not text.startswith("text\nHello,"):
            list(open_table(text.replace("\r", "\n"), "x", "", said.append).rows)
    assert said == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b;c\n1;2\n", "`x`:2: this row has 2 cells, and the header has 3"),
        ("a;b\n1;2;3\n", "`x`:2: this row has 3 cells, and the header has 2"),
        ("sep=;\na;b\n1;2;3\n", "`x`:3: this row has 3 cells"),
        ("a,,b\n1,,2\n1,z,2\n", "`x`:1: column 2 has no name in the header row, and line 3 has a value there"),
        ("a;b;a\n", "two columns have the name `a`"),
        ('text\n"a", b\n', "`x`:2: this row is not CSV"),
    ],
)
def test_broken_tables(text: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        read_csv(text, "`x`")
    assert "\0" not in str(caught.value)


CELLS = st.text("abc 12,;|.\n\"'é", max_size=8).map(str.strip).filter(bool)


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8), delimiter=st.sampled_from([",", ";", "|"])
)
def test_what_is_quoted_comes_back(rows: list[tuple[str, str, str]], delimiter: str) -> None:
    """Rows whose cells are all quoted leave no doubt, whatever is inside."""
    table = [("one", "two, or; 2", "a | b"), *rows]
    text = "\n".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table)
    assert [tuple(row.values()) for _, row in read_csv(text, "x")] == rows


def test_a_decimal_comma_is_told() -> None:
    with pytest.raises(InputError, match=re.escape("write it with a decimal point: 1.5")):
        read_input(param("n", types.NUMBER), "1,5", str)
    with pytest.raises(InputError, match="write it without separators"):
        read_input(param("n", types.NUMBER), "1,500", str)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("rows", [2, 500])
def test_json_lines_of_any_size(
    encoding: str, end: str, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file is read where it lies, a small one at once: no difference is to be seen."""
    monkeypatch.setattr("flowrun.runtime.inputs.large_rows.LARGE", 100_000)
    body = "x" * 210
    path = tmp_path / "rows.jsonl"
    path.write_bytes("".join(json.dumps({"n": n, "body": body}) + end for n in range(rows)).encode(encoding))
    row = types.Record((types.Field("n", types.INT), types.Field("body", types.TEXT)))
    found = read_input(param("rows", types.ListOf(row)), str(path), str, by_row=True)
    assert isinstance(found, RowFile) == (rows > 2 and encoding != "utf-16" and end != "\r")
    assert len(found) == rows
    assert [found[0], found[rows - 1]] == [{"n": 0, "body": body}, {"n": rows - 1, "body": body}]


def test_marks_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text, type_, value in (
        ("l.txt", "Ada\nBo\n", types.ListOf(types.TEXT), ["Ada", "Bo"]),
        ("n.json", "[1]", types.ListOf(types.INT), [1]),
        ("j.json", '{"a": 1}', types.JSON, {"a": 1}),
        ("r.jsonl", '{"a": 1}\n', ROWS, [{"a": 1}]),
        ("t.txt", "text", types.DOCUMENT, "text"),
    ):
        data = codecs.BOM_UTF8 + text.encode()
        (tmp_path / name).write_bytes(data)
        assert read_input(param("it", type_), str(tmp_path / name), str) == value
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
        assert read_input(param("it", type_), "-", standard_input) == value
        # Also where the text comes decoded, its mark with it.
        assert read_input(param("it", type_), "-", data.decode) == value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"caf\xe9", "standard input is not UTF-8 text: byte 3 is 0xe9"),
        (b"a\0b,c", "standard input is not text: it has a zero byte"),
        ("Hello, you".encode("utf-16-le"), "standard input is encoded in UTF-16LE, and flowrun reads text in UTF-8"),
    ],
)
def test_standard_input_that_is_no_text(data: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), "utf-8"))
    with pytest.raises(InputError, match=re.escape(words)):
        read_input(param("it", types.TEXT), "-", standard_input)
