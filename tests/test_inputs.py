"""Inputs from the command line and from Python, held against their types."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.dsl import plan, types
from flowrun.runtime.files.files import Files
from flowrun.runtime.inputs.inputs import check_value, read_input
from flowrun.runtime.vocabulary.errors import InputError
from support.cpu import cpu_within

SPAM = types.Choice(("SPAM", "not spam"))
MAIL = types.Record(
    (
        types.Field("id", types.INT),
        types.Field("body", types.TEXT),
        types.Field("score", types.Optional(types.Range(1, 5))),
        types.Field("label", types.Optional(SPAM)),
    ),
    "Mail",
)
MAILS = types.ListOf(MAIL)
ADA = {"id": 1, "body": "x", "score": None, "label": None}


def no_stdin() -> str:
    raise AssertionError("standard input was read")


def read(given: str, type_: types.Type, stdin: Callable[[], str] = no_stdin, files: Files | None = None) -> Any:
    return read_input(plan.Param("it", type_, None, True), given, stdin, files)


def refused(words: str) -> pytest.RaisesExc[InputError]:
    return pytest.raises(InputError, match=re.escape(words))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return name


WELL: list[tuple[str, types.Type, Any]] = [
    ("hello", types.TEXT, "hello"),
    ("", types.TEXT, ""),
    (" x ", types.TEXT, " x "),
    ("@@ada", types.TEXT, "@ada"),
    ("{{ x }}", types.TEXT, "{{ x }}"),
    ("[a", types.TEXT, "[a"),
    ("", types.Optional(types.TEXT), ""),
    ("", types.Optional(types.INT), None),
    (" 42 ", types.INT, 42),
    ("-7", types.INT, -7),
    ("3.0", types.INT, 3),
    ("2", types.NUMBER, 2),
    ("2.5e-3", types.NUMBER, 0.0025),
    (".5", types.NUMBER, 0.5),
    ("TRUE", types.BOOL, True),
    ("no", types.BOOL, False),
    ("0", types.BOOL, False),
    ("spam", SPAM, "SPAM"),
    (" Not  Spam", SPAM, "not spam"),
    ("5", types.Range(1, 5), 5),
    ("0.5", types.Range(0, 1.0), 0.5),
    ("openai:gpt-4o", types.MODEL, "openai:gpt-4o"),
    ("@x", types.MODEL, "@x"),
    ('{"a": [1]}', types.JSON, {"a": [1]}),
    ("3", types.JSON, 3),
    ('"x"', types.JSON, "x"),
    ("null", types.JSON, None),
    ('[1, 2.0, "3"]', types.ListOf(types.JSON), [1, 2.0, "3"]),
    ("[1, 2.0]", types.ListOf(types.INT), [1, 2]),
    (' [{"id": 1, "body": "x", "more": 2}]', MAILS, [ADA]),
    ('{"id": 1, "body": "x", "label": "Spam"}', MAIL, {**ADA, "label": "SPAM"}),
    ("[[1], []]", types.ListOf(types.ListOf(types.INT)), [[1], []]),
]


@pytest.mark.parametrize(("given", "type_", "value"), WELL)
def test_values(given: str, type_: types.Type, value: Any) -> None:
    found = read(given, type_)
    assert found == value
    assert type(found) is type(value)


ILL: list[tuple[str, types.Type, str]] = [
    ("x", types.INT, "`it`: expected int, found the text `x`"),
    ("", types.INT, "expected int, found an empty text"),
    ("1,000", types.INT, "found the text `1,000`; write it without separators"),
    ("1_000", types.INT, "write it without separators"),
    ("٣", types.INT, "expected int"),
    ("2.5", types.INT, "expected int, found the number 2.5"),
    ("9" * 5000, types.INT, "expected int"),
    ("nan", types.NUMBER, "expected number, found the text `nan`"),
    ("1e999", types.NUMBER, "expected number, found the number inf"),
    ("maybe", types.BOOL, "write true or false"),
    ("spma", SPAM, 'expected SPAM | "not spam", found the text `spma`; did you mean `SPAM`?'),
    ("6", types.Range(1, 5), "expected 1..5, found the number 6"),
    ("1.5", types.Range(1, 5), "expected 1..5, found the number 1.5"),
    ("\udc80", types.TEXT, "bytes that are not a character"),
    ("@", types.TEXT, "the path is missing"),
    ("@ada", types.TEXT, "there is no file `ada`; for a text that begins with @, write @@"),
    ("gone.md", types.DOCUMENT, "there is no file `gone.md`"),
    ("Dear all,\nhello", types.DOCUMENT, "looks like the text itself: send a text through `-`"),
    ("gone.jsonl", MAILS, "there is no file `gone.jsonl`"),
    ("gone.json", types.JSON, "there is no file `gone.json`"),
    ("hello", types.JSON, "neither a file nor JSON; put quotes around a text"),
    ('{"a": 1', types.JSON, "the value is not JSON: expecting ',' delimiter"),
    ('{"id": 1}', MAIL, "the field `body` is missing"),
    ('{"id": 1, "Body": "x"}', MAIL, "the field `body` is missing; did you mean `Body`?"),
    ('[{"id": "1", "body": "x"}]', MAILS, "item 1, field `id`: expected int, found the text `1`"),
    ('{"id": 1, "body": "x"}', MAILS, "expected [Mail], found a record"),
    ("[1]", MAIL, "expected Mail, found a list"),
    ("[[1, null]]", types.ListOf(types.ListOf(types.INT)), "item 1, item 2: expected int, found nothing"),
    ("[true]", types.ListOf(types.INT), "expected int, found true"),
    ("[1]", types.ListOf(types.BOOL), "expected bool, found the number 1"),
]


@pytest.mark.parametrize(("given", "type_", "words"), ILL)
def test_values_that_do_not_fit(given: str, type_: types.Type, words: str) -> None:
    with refused(words) as caught:
        read(given, type_)
    assert str(caught.value).startswith("`it`: ")
    assert len(str(caught.value)) < 500


def test_content_of_files_and_standard_input() -> None:
    write("a.txt", "A\n")
    write("n.txt", " 7\n")
    assert read("@a.txt", types.TEXT) == "A\n"
    assert read("@n.txt", types.INT) == 7
    assert read("-", types.TEXT, lambda: "in\n") == "in\n"
    assert read("-", types.Range(1, 9), lambda: "7\n") == 7
    with refused("standard input is not text: it has a zero byte"):
        read("-", types.TEXT, lambda: "a\0")
    with refused("standard input is not text in UTF-8: byte 1"):
        read("-", types.DOCUMENT, b"a\xff".decode)


def test_documents(tmp_path: Path) -> None:
    write("doc.md", "# Hi")
    write("page.html", "<h1>Hi</h1>")
    assert read("doc.md", types.DOCUMENT) == read("@doc.md", types.DOCUMENT) == "# Hi"
    assert read("page.html", types.Optional(types.DOCUMENT)) == "# Hi"
    assert read(str(tmp_path / "doc.md"), types.DOCUMENT) == "# Hi"
    assert read("-", types.DOCUMENT, lambda: "text") == "text"
    with refused("did you mean `doc.md`?"):
        read("doc.mx", types.DOCUMENT)
    with refused("flowrun does not read documents of the kind .odt"):
        read(write("doc.odt", "x"), types.DOCUMENT)
    with refused("`it`: `doc.pdf` is not a PDF"):
        read(write("doc.pdf", "x"), types.DOCUMENT)


def test_paths_may_lie_outside_the_flow(tmp_path: Path) -> None:
    write("flow/inside.md", "x")
    write("outside.md", "# Out")
    files = Files(tmp_path / "flow")
    assert read("outside.md", types.DOCUMENT, files=files) == "# Out"
    with refused("the flow's folder has it: "):
        read("inside.md", types.DOCUMENT, files=files)


def test_a_pipe_is_read() -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_text('{"id": 1, "body": "x"}\n'))
    writer.start()
    assert read("pipe", MAILS) == [ADA]
    writer.join()


def test_a_folder_of_documents() -> None:
    write("docs/b.html", "<p>bee")
    write("docs/a.md", "ay")
    write("docs/.hidden", "no")
    write("docs/in/c.md", "no")
    assert read("docs", types.ListOf(types.DOCUMENT)) == ["ay", "bee"]
    with refused("is a folder"):
        read("docs", MAILS)


ROWS = {
    "m.jsonl": '{"id": 1, "body": "x"}\n\n{"id": 2.0, "body": "y", "score": 5, "label": "spam", "other": []}\n',
    "m.ndjson": '{"id": 1, "body": "x"}\n{"id": 2, "body": "y", "score": 5, "label": "SPAM"}',
    "m.json": '[{"id": 1, "body": "x"},\n {"id": 2, "body": "y", "score": 5, "label": "SPAM"}]',
    "m.csv": "id,body,score,label,other\n1,x,,,\n2,y,5, Spam,z\n",
    "short.csv": "body;id;score;label\nx;1;;\ny;2;5;spam\n",
    "m.tsv": "id\tbody\tscore\tlabel\n1\tx\t\t\n2\ty\t5\tSPAM\n",
    "m.data": '{"id": 1, "body": "x"}\n{"id": 2, "body": "y", "score": 5, "label": "SPAM"}\n',
    "m": "id,body,score,label\n1,x,,\n2,y,5,SPAM\n",
}


@pytest.mark.parametrize("name", ROWS)
def test_rows(name: str) -> None:
    rows = [ADA, {"id": 2, "body": "y", "score": 5, "label": "SPAM"}]
    write(name, ROWS[name])
    assert read(name, MAILS) == rows
    assert read(f"@{name}", types.Optional(MAILS)) == rows
    assert check_value(Path(name), MAILS, "`it`") == rows
    assert read("-", MAILS, lambda: ROWS[name]) == rows


def test_one_row_and_other_shapes() -> None:
    write("one.json", '{"id": 1, "body": "x"}')
    write("one.jsonl", '{"id": 1, "body": "x"}')
    write("one.csv", "id,body\n1,x\n")
    for name in ("one.json", "one.jsonl", "one.csv"):
        assert read(name, MAIL) == ADA
    assert read("-", MAIL, lambda: '{\n"id": 1,\n "body": "x"}\n') == ADA
    assert read("-", MAILS, lambda: '{"id": 1, "body": "x"}') == [ADA]
    with refused("`two.csv` has 2 rows, and the parameter takes a single Mail"):
        read(write("two.csv", "id,body\n1,x\n2,y\n"), MAIL)
    assert read(write("j.jsonl", "1\n[2]\n"), types.JSON) == [1, [2]]
    assert read(write("j.csv", "a\n1\n"), types.JSON) == [{"a": "1"}]
    assert read("-", types.JSON, lambda: '{"a": 1}\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    assert read("-", types.JSON, lambda: "3\n") == 3
    assert read(write("names.txt", "Ada \n\nBo\n"), types.ListOf(types.TEXT)) == ["Ada", "Bo"]
    assert read("-", types.ListOf(types.INT), lambda: "1\n2\n") == [1, 2]
    assert read(write("empty.csv", ""), MAILS) == read(write("empty.jsonl", "\n"), MAILS) == []


ILL_ROWS = {
    "type.jsonl": ('{"id": "x", "body": "y"}\n', "`type.jsonl`: line 1, field `id`: expected int, found the text `x`"),
    "line.jsonl": ('\n\n{"id": 1, "body": null}', "line 3, field `body`: expected text, found nothing"),
    "missing.jsonl": ('{"id": 1}', "line 1: the field `body` is missing"),
    "no-row.jsonl": ("3\n", "line 1: expected Mail, found the number 3"),
    "bad.jsonl": ('{"id": 1, "body": "x"}\n{"id"\n', "`bad.jsonl`:2: this line is not JSON"),
    "bad.json": ("[1,\n2", "`bad.json` is not JSON: "),
    "type.json": ('[{"id": 1, "body": 2}]', "`type.json`: item 1, field `body`: expected text, found the number 2"),
    "cell.csv": ("id,body,score\n1,x,9\n", "line 2, field `score`: expected 1..5, found the number 9"),
    "empty.csv": ("id,body\n,x\n", "line 2, field `id`: expected int, found an empty text"),
    "quoted.csv": ('body,id\n"a\nb",1\nc,x\n', "line 4, field `id`: expected int, found the text `x`"),
    "column.csv": ("ID,body\n1,x\n", "`column.csv` has no column `id`, which Mail needs; did you mean `ID`?"),
    "columns.csv": ("a,b\n1,x\n", "which Mail needs; its columns are `a`, `b`"),
    "ragged.csv": ("id,body\n1\n", "`ragged.csv`:2: this row has one cell"),
    "unknown": ("hello\n1\n", "has no column `id`"),
}


@pytest.mark.parametrize("name", ILL_ROWS)
def test_rows_that_do_not_fit(name: str) -> None:
    text, words = ILL_ROWS[name]
    write(name, text)
    with refused(words):
        read(name, MAILS)


def test_the_first_problems_are_told_and_the_rest_counted() -> None:
    write("m.jsonl", '{"id": "x", "body": "y"}\n' * 9)
    with pytest.raises(InputError) as caught:
        read("m.jsonl", MAILS)
    lines = str(caught.value).split("\n")
    assert lines[0] == "`it`: `m.jsonl`: 9 values do not fit:"
    assert lines[1] == "  line 1, field `id`: expected int, found the text `x`"
    assert lines[5].startswith("  line 5")
    assert lines[6:] == ["  … and 4 more"]


def test_values_from_python(tmp_path: Path) -> None:
    assert check_value(({"id": 1, "body": "x"},), MAILS, "`m`") == [ADA]
    assert check_value(3.0, types.INT, "`n`") == 3
    assert check_value(None, types.Optional(types.INT), "`n`") is None
    assert check_value("# Hi", types.DOCUMENT, "`d`") == "# Hi"
    assert check_value(Path(write("d.html", "<h1>Hi")), types.DOCUMENT, "`d`") == "# Hi"
    assert check_value([Path("d.html"), "x"], types.ListOf(types.DOCUMENT), "`d`") == ["# Hi", "x"]
    assert check_value(Path("d.html"), types.TEXT, "`d`") == "<h1>Hi"
    assert check_value({"a": (1, None)}, types.JSON, "`j`") == {"a": (1, None)}
    itself: list[Any] = []
    itself += [itself, itself]
    for value, type_, words in (
        (None, types.TEXT, "`m`: expected text, found nothing"),
        (True, types.INT, "`m`: expected int, found true"),
        (float("nan"), types.NUMBER, "found the number nan"),
        (b"x", types.TEXT, "found a Python bytes"),
        ({1: 2}, types.JSON, "a record with a name that is not a text"),
        ([{1, 2}], types.JSON, "expected json, found a Python set"),
        (float("inf"), types.JSON, "found the number inf"),
        (["\ud800"], types.JSON, "bytes that are not a character"),
        (itself, types.JSON, "deeper than 64"),
        (Path("gone.md"), types.DOCUMENT, "there is no file `gone.md`"),
        (Path("gone.csv"), MAILS, "`m`: there is no file `gone.csv`"),
        ("SPAMM", SPAM, "did you mean `SPAM`?"),
        ("\x1b[2J", SPAM, "\\x1b[2J"),
    ):
        with refused(words):
            check_value(value, type_, "`m`")


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
some_types = st.recursive(
    st.sampled_from([types.TEXT, types.INT, types.NUMBER, types.BOOL, types.JSON, SPAM, types.Range(0, 3), MAIL]),
    lambda inner: st.builds(types.ListOf, inner) | st.builds(types.Optional, inner),
    max_leaves=4,
)


@given(value=anything, type_=some_types)
def test_what_fits_can_be_written_and_fits_again(value: Any, type_: types.Type) -> None:
    try:
        fitted = check_value(value, type_, "it")
    except InputError:
        return
    written = json.dumps(fitted, allow_nan=False, ensure_ascii=False).encode()
    assert check_value(json.loads(written), type_, "it") == fitted


@given(given=st.text(max_size=12).filter(lambda text: text != "-"), type_=some_types)
def test_any_argument_is_read_or_refused(given: str, type_: types.Type) -> None:
    try:
        read(given, type_)
    except InputError as error:
        assert str(error).startswith("`it`: ")


@pytest.mark.no_cover
def test_many_rows_take_little_time() -> None:
    write("m.jsonl", '{"id": 1, "body": "x"}\n' * 50_000)
    with cpu_within(2.5):
        assert len(read("m.jsonl", MAILS)) == 50_000
