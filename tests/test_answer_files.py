"""The form of an answer in a file: CSV that spreadsheets read, texts, JSON; and what is refused before a call."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import types
from flowrun.runtime.outputs.cells import NotFlatError, table
from flowrun.runtime.outputs.forms import Form
from flowrun.runtime.vocabulary.errors import DiskError, UsageError
from support.command_line import chat, command

TEXTS = types.ListOf(types.TEXT)
MAIL = types.Record(
    (
        types.Field("subject", types.TEXT),
        types.Field("team", types.Choice(("billing", "sales"))),
        types.Field("score", types.NUMBER),
        types.Field("urgent", types.BOOL),
        types.Field("note", types.Optional(types.TEXT)),
    ),
    "Mail",
)
ONE = {"subject": 'a "b", c', "team": "sales", "score": -5, "urgent": True, "note": None}
ROW = '"a ""b"", c",sales,-5,true,\r\n'
HEAD = "subject,team,score,urgent,note\r\n"


def nested(name: str, type_: types.Type) -> types.Type:
    return types.ListOf(types.Record((types.Field("id", types.INT), types.Field(name, type_))))


def opened(name: str, type_: types.Type, *, raw: bool = False) -> Form:
    return Form(name, type_, raw=raw)


@pytest.mark.parametrize(
    ("name", "type_", "value", "text"),
    [
        ("x.csv", types.ListOf(MAIL), [ONE], HEAD + ROW),
        ("x.csv", types.ListOf(MAIL), [], HEAD),
        ("x.CSV", MAIL, ONE, HEAD + ROW),
        ("x.csv", types.Optional(MAIL), None, HEAD),
        ("x.csv", types.ListOf(types.Optional(MAIL)), [None, ONE], HEAD + ",,,,\r\n" + ROW),
        # An optional field may be missing altogether.
        ("x.csv", types.ListOf(MAIL), [{k: v for k, v in ONE.items() if k != "note"}], HEAD + ROW),
        ("x.csv", TEXTS, ["a", "b\nc", "", " d"], 'value\r\na\r\n"b\nc"\r\n""\r\n d\r\n'),
        ("x.csv", types.ListOf(types.Choice(("no", "yes"))), ["yes", "no"], "value\r\nyes\r\nno\r\n"),
        ("x.csv", types.ListOf(types.INT), [-5, 10**20], "value\r\n-5\r\n100000000000000000000\r\n"),
        ("x.csv", types.ListOf(types.Optional(types.NUMBER)), [0.1, None], 'value\r\n0.1\r\n""\r\n'),
        ("x.csv", types.ListOf(types.BOOL), [True, False], "value\r\ntrue\r\nfalse\r\n"),
        ("x.csv", types.ListOf(types.Range(1, 5)), [3], "value\r\n3\r\n"),
        ("x.csv", TEXTS, [], "value\r\n"),
        # The type does not tell, so the values do: every field, in the order in which they come.
        ("x.csv", types.JSON, [{"a": 1}, {"b": "x", "a": None}], "a,b\r\n1,\r\n,x\r\n"),
        ("x.csv", types.ListOf(types.JSON), ["a", 2], "value\r\na\r\n2\r\n"),
        ("x.csv", nested("more", types.JSON), [{"id": 1, "more": "x"}], "id,more\r\n1,x\r\n"),
        # A record may have more fields than its type tells of: none is lost.
        ("x.csv", types.ListOf(types.Record((types.Field("a", types.INT),))), [{"a": 1, "b": 2}], "a,b\r\n1,2\r\n"),
        ("x.tsv", types.ListOf(MAIL), [ONE], HEAD.replace(",", "\t") + '"a ""b"", c"\tsales\t-5\ttrue\t\r\n'),
        ("x.txt", types.TEXT, "two\nlines", "two\nlines\n"),
        ("x.md", types.TEXT, "# A\u200d\x1b[1m", "# A\u200d\x1b[1m\n"),
        ("x.txt", types.Choice(("a", "b")), "a", "a\n"),
        ("x.txt", types.INT, 5, "5\n"),
        ("x.txt", types.Optional(types.TEXT), None, "\n"),
        ("x.txt", TEXTS, ["a", "b"], "a\nb\n"),
        ("x.txt", types.ListOf(types.BOOL), [True, False], "true\nfalse\n"),
        ("x.json", types.TEXT, 'say "é"', '"say \\"é\\""\n'),
        ("x.json", types.ListOf(types.INT), [1], "[\n  1\n]\n"),
        ("x.json", types.Optional(types.TEXT), None, "null\n"),
        ("x.jsonl", types.ListOf(types.TEXT), ["a\n", "é\u2028"], '"a\\n"\n"é\u2028"\n'),
        ("x.jsonl", MAIL, {"a": 1}, '{"a": 1}\n'),
        ("x", types.TEXT, "as it is", "as it is\n"),
        ("x.html", types.TEXT, "<p>", "<p>\n"),
        ("x", types.ListOf(types.INT), [1], "[\n  1\n]\n"),
    ],
)
def test_an_answer_takes_the_form_of_the_ending(name: str, type_: types.Type, value: Any, text: str) -> None:
    assert opened(name, type_).whole(value) == text


@pytest.mark.parametrize(
    ("name", "type_", "said"),
    [
        ("x.csv", types.TEXT, "the answer is a text, and a .csv file is for a list or a record"),
        ("x.csv", types.Choice(("a", "b")), "ends in .txt or .json"),
        ("x.tsv", types.INT, "the answer is an int"),
        ("x.csv", nested("tags", TEXTS), "the field `tags` is a list"),
        ("x.csv", nested("tags", types.Optional(TEXTS)), "the field `tags` is a list"),
        ("x.csv", nested("who", MAIL), "the field `who` is a record"),
        ("x.csv", types.Record((types.Field("tags", TEXTS),)), "the field `tags` is a list"),
        ("x.csv", types.ListOf(TEXTS), "the answer is a list, and a .csv file has one value in each cell"),
        ("x.txt", types.ListOf(MAIL), "ends in .json, .jsonl or .csv"),
        ("x.md", MAIL, "`x.md` cannot hold the answer of this flow: it is a record"),
        ("x.txt", types.ListOf(TEXTS), "a plain value on each line"),
        ("x.xlsx", types.ListOf(MAIL), "flowrun cannot write a .xlsx file"),
        ("x.PDF", types.TEXT, "flowrun cannot write a .pdf file"),
    ],
)
def test_what_the_type_tells_is_refused_before_a_call(name: str, type_: types.Type, said: str) -> None:
    with pytest.raises(UsageError) as error:
        opened(name, type_)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("name", "type_", "value", "said"),
    [
        ("x.csv", types.JSON, [{"a": [1]}], "row 1 has a list in `a`"),
        ("x.csv", nested("more", types.JSON), [{"id": 1}, {"id": 1, "more": {}}], "row 2 has a record in `more`"),
        ("x.csv", types.JSON, [{"a": 1}, 5], "row 2 is not a record, and other rows are"),
        ("x.csv", types.JSON, [[1]], "row 1 has a list in `value`"),
        ("x.txt", types.JSON, {"a": 1}, "the answer is a record"),
        ("x.txt", TEXTS, ["one", "two\nthree"], "item 2 has several lines"),
    ],
)
def test_what_only_the_values_tell_is_named(name: str, type_: types.Type, value: Any, said: str) -> None:
    with pytest.raises(DiskError) as error:
        opened(name, type_).whole(value)
    assert said in str(error.value)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-5", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "－1"])
def test_a_text_that_is_a_formula_is_made_a_text_and_a_number_is_none(text: str) -> None:
    rows = [{"a": text, "b": -5, "c": -0.5}]
    read = list(csv.reader(io.StringIO(table(rows), newline="")))
    assert read[1] == [f"'{text}", "-5", "-0.5"]
    assert list(csv.reader(io.StringIO(table(rows, raw=True), newline="")))[1] == [text, "-5", "-0.5"]
    # A model names the fields of its own JSON, too.
    assert next(csv.reader(io.StringIO(table([{text: 1}]), newline=""))) == [f"'{text}"]


CELLS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.fixed_dictionaries({"a": CELLS, "b,c": CELLS}), max_size=5))
def test_what_is_written_is_what_a_reader_of_csv_gets(rows: list[dict[str, Any]]) -> None:
    text = table(rows, ("a", "b,c"), raw=True)
    # RFC 4180: every record ends in CR LF.
    assert text.endswith("\r\n")
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read == [["a", "b,c"], *([_read_as(row[name]) for name in ("a", "b,c")] for row in rows)]


def _read_as(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(CELLS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)))
def test_any_json_is_written_or_refused_by_name(value: Any) -> None:
    for name in ("x.csv", "x.tsv", "x.txt", "x.md"):
        try:
            opened(name, types.JSON).whole(value).encode("utf-8", "backslashreplace")
        except DiskError as error:
            assert "cannot hold the answer" in str(error)
    for name in ("x.json", "x.jsonl"):
        text = opened(name, types.JSON).whole(value)
        read = [json.loads(line) for line in text.split("\n")[:-1]] if name == "x.jsonl" else json.loads(text)
        assert read == (value if name == "x.json" or isinstance(value, list) else [value])


def test_a_table_tells_what_is_not_flat() -> None:
    with pytest.raises(NotFlatError, match="row 1 has a list in `b`"):
        table({"a": 1, "b": []}, ("a", "b"))


# The command

LABELS = """model m = "openai:m"
type Label = { team: billing | sales, note: text? }
flow label(mails: [text]) {
  labels = map mail in mails { ask m "{{ mail }}" -> Label } reduce collect
  return labels
}
"""


async def test_a_list_of_records_is_a_table(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(LABELS).parent
    faults.json(chat('{"team": "sales", "note": "=1+1"}'))
    words = ("a.flow", "--mails", '["x", "y"]', "-q")
    environ = {"OPENAI_BASE_URL": faults.url}
    ran = await command(*words, "-o", "labels.csv", folder=folder, **environ)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (folder / "labels.csv").read_bytes() == b"team,note\r\n" + b"sales,'=1+1\r\n" * 2
    ran = await command(*words, "-o", "labels.csv", "--raw", folder=folder, **environ)
    assert (folder / "labels.csv").read_bytes() == b"team,note\r\n" + b"sales,=1+1\r\n" * 2


async def test_a_wrong_ending_is_told_before_anything_is_asked(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow(LABELS).parent
    environ = {"OPENAI_BASE_URL": faults.url}
    for words, said in (
        (["-o", "labels.txt"], "ends in .json, .jsonl or .csv"),
        (["-o", "labels.xlsx"], "cannot write a .xlsx file"),
        (["-o", "labels.json", "--raw"], "--raw works only with a .csv or .tsv file"),
        (["--raw"], "--raw works only with a .csv or .tsv file: name the file with --output"),
    ):
        ran = await command("a.flow", "--mails", '["x"]', *words, folder=folder, **environ)
        assert (ran.code, said in ran.err) == (2, True), ran.err
    assert not faults.seen
    assert [path.name for path in folder.iterdir() if path.name != ".cache"] == ["a.flow"]


async def test_an_answer_that_does_not_fit_goes_to_standard_output(faults: Any, flow: Callable[[str], Path]) -> None:
    folder = flow('model m = "openai:m"\nflow f() { a = ask m "hi" -> json return a }\n').parent
    faults.json(chat('{"answer": {"tags": ["x"]}}'))
    ran = await command("a.flow", "-o", "a.csv", folder=folder, OPENAI_BASE_URL=faults.url)
    assert (ran.code, json.loads(ran.out)) == (74, {"tags": ["x"]})
    assert "row 1 has a list in `tags`; the answer is on standard output" in ran.err
    assert not (folder / "a.csv").exists()


async def test_a_parameter_called_raw_keeps_its_place(flow: Callable[[str], Path]) -> None:
    folder = flow("flow f(raw: text) { return [raw] }\n").parent
    ran = await command("a.flow", "--param-raw", "x", "-q", folder=folder)
    assert json.loads(ran.out) == ["x"]
    ran = await command("a.flow", "--raw", "x", folder=folder)
    assert (ran.code, "write `--param-raw VALUE`" in ran.err) == (2, True)
