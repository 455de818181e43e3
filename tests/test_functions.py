"""The built-in functions: what they give, and what they say when they cannot."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import types
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.files.files import Files
from flowrun.runtime.reads.reading import reading
from flowrun.runtime.splitters import SPLITTERS
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.values.prompts import render
from flowrun.runtime.values.rules import RuleValue
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import InputError, UsageError
from flowrun.runtime.vocabulary.tally import Tally
from support.harness import scripted

TALLY = Tally("spam", (("spam", 2), ("not", 1)), 5, 1, asked=4, counted=3, first="spam", of=3, values=("spam", "not"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "inbox").mkdir()
    for name, text in {
        "policy.md": "# Policy\n",
        "page.html": "<h2>Hi</h2>",
        "inbox/b.txt": "bee",
        "inbox/a.txt": "ay",
        "names.txt": "Ada  \n\n  Bo\r\n",
        "rows.jsonl": '{"a": 1}\n\n[2]\n',
        "bad.jsonl": '{"a": 1}\n{"a": \n',
        "rows.csv": 'id,text\n1,"a, b"\n',
        "bad.csv": "id,text\n1\n",
        "mails.jsonl": '{"id": 1, "tag": "SPAM", "more": 0}\n\n{"id": 2.0, "tag": null}\n',
        "odd.jsonl": '{"id": "x"}\n{"id": 1, "tag": "spma"}\n[]\n',
        "mails.csv": "id,tag\n1,spam\n2,\n",
        "odd.csv": "id,tag\n1,spam\ntwo,spam\n",
        "other.csv": "idd,tag\n1,spam\n",
        "empty.csv": "",
        "numbers.txt": "1\n\n 5 \n",
        "odd.txt": "1\n\n6\n",
    }.items():
        (tmp_path / name).write_text(text)
    return World({"vote": TALLY}.get, reading(Files(tmp_path)))


def call(world: World, name: str, **args: Any) -> Any:
    return FUNCTIONS[name].call(args, world)


def test_sources(world: World) -> None:
    assert call(world, "file", path="policy.md") == "# Policy\n"
    assert call(world, "file", path="page.html") == "## Hi"
    assert call(world, "files", pattern="inbox/*.txt") == [
        {"path": "inbox/a.txt", "text": "ay"},
        {"path": "inbox/b.txt", "text": "bee"},
    ]
    assert call(world, "lines", path="names.txt") == ["Ada", "  Bo"]
    assert call(world, "jsonl", path="rows.jsonl") == [{"a": 1}, [2]]
    assert call(world, "csv", path="rows.csv") == [{"id": "1", "text": "a, b"}]


MENTIONS = {
    "{{ f }}": "ay",
    "{{ f.path }}: {{ f.text }}": "inbox/a.txt: ay",
    "{{ f }} {% if f %}{{ f }}{% endif %}": "ay ay",
    "{% for one in fs %}{{ loop.index }} {{ one }} {% endfor %}": "1 ay 2 bee ",
    "{{ fs | join('+') }} {{ 'x' ~ f }}": "ay+bee xay",
    "{{ f | json }}": '{"path": "inbox/a.txt", "text": "ay"}',
    "{{ fs }}": '[{"path": "inbox/a.txt", "text": "ay"}, {"path": "inbox/b.txt", "text": "bee"}]',
}


@pytest.mark.parametrize("pattern", ["inbox/*.txt", "./inbox/*", "{}/inbox/*.txt", "{}/inbox/../inbox/*.txt"])
@pytest.mark.parametrize(("template", "shown"), MENTIONS.items())
def test_a_mention_of_a_file_is_its_text(world: World, tmp_path: Path, pattern: str, template: str, shown: str) -> None:
    found = call(world, "files", pattern=pattern.format(tmp_path))
    assert render(template, {"f": found[0], "fs": found}.__getitem__) == shown


def test_files_outside_are_named_from_where_they_are_read(world: World, tmp_path: Path) -> None:
    flow = tmp_path / "flow"
    flow.mkdir()
    (tmp_path / "way").symlink_to("inbox")
    there = World(world.tally, reading(Files(flow, (tmp_path / "inbox", tmp_path))))
    assert [found["path"] for found in call(there, "files", pattern=f"{tmp_path}/inbox/*.txt")] == ["a.txt", "b.txt"]
    assert [found["path"] for found in call(there, "files", pattern=f"{tmp_path}/pol*")] == ["policy.md"]
    assert [found["path"] for found in call(there, "files", pattern="../inbox/a*")] == ["../inbox/a.txt"]
    linked = World(world.tally, reading(Files(tmp_path / "way")))
    assert [found["path"] for found in call(linked, "files", pattern=f"{tmp_path}/way/a*")] == ["a.txt"]


MOVED = """\
flow f(pattern: text) {
  out = map f in files(pattern) at most 9 { ask "{{ f }} of {{ f.path }}" } reduce collect
  return out
}
"""


async def test_a_folder_that_moves_asks_nothing_again(tmp_path: Path) -> None:
    sent: list[str] = []

    def script(request: Request, sample: int) -> str:
        sent.append(request.messages[0].text)
        return "yes"

    for place in ("one", "two"):
        inbox = tmp_path / place / "inbox"
        inbox.mkdir(parents=True)
        (inbox / "a.md").write_text("ay")
        (tmp_path / place / "f.flow").write_text(MOVED)
        result = await run_async(
            tmp_path / place / "f.flow",
            {"pattern": f"{inbox}/*.md"},
            options=RunOptions(opener=scripted(script), journal=tmp_path / "journal.db"),
        )
        assert result.value == ["yes"]
    assert sent == ["ay of inbox/a.md"]


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("file", {"path": "polcy.md"}, "did you mean `policy.md`?"),
        ("file", {"path": "../x"}, "--allow-read"),
        ("files", {"pattern": "../*"}, "--allow-read"),
        ("jsonl", {"path": "bad.jsonl"}, "`bad.jsonl`:2: this line is not JSON"),
        ("csv", {"path": "bad.csv"}, "`bad.csv`:2: this row has one cell"),
    ],
)
def test_sources_that_fail(world: World, name: str, args: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        call(world, name, **args)


MAIL = types.Record(
    (types.Field("id", types.INT), types.Field("tag", types.Optional(types.Choice(("spam", "ham"))))), "Mail"
)
MAILS = [{"id": 1, "tag": "spam"}, {"id": 2, "tag": None}]


def test_typed_sources(world: World) -> None:
    assert call(world, "jsonl", path="mails.jsonl", of=MAIL) == MAILS
    assert type(call(world, "jsonl", path="mails.jsonl", of=MAIL)[1]["id"]) is int
    assert call(world, "csv", path="mails.csv", of=MAIL) == MAILS
    assert call(world, "csv", path="mails.csv", of=types.Optional(MAIL)) == MAILS
    assert call(world, "csv", path="mails.csv") == [{"id": "1", "tag": "spam"}, {"id": "2", "tag": ""}]
    assert call(world, "csv", path="empty.csv", of=MAIL) == []
    assert call(world, "lines", path="numbers.txt", of=types.Range(1, 5)) == [1, 5]
    assert call(world, "lines", path="numbers.txt", of=types.TEXT) == ["1", " 5"]
    assert call(world, "jsonl", path="rows.jsonl", of=types.JSON) == [{"a": 1}, [2]]


@pytest.mark.parametrize(
    ("name", "path", "of", "words"),
    [
        (
            "jsonl",
            "odd.jsonl",
            MAIL,
            "`odd.jsonl`: 3 values do not fit:\n"
            "  line 1, field `id`: expected int, found the text `x`\n"
            "  line 2, field `tag`: expected spam | ham, found the text `spma`; did you mean `spam`?\n"
            "  line 3: expected Mail, found a list",
        ),
        ("csv", "odd.csv", MAIL, "`odd.csv`: line 3, field `id`: expected int, found the text `two`"),
        ("csv", "other.csv", MAIL, "`other.csv` has no column `id`, which Mail needs; did you mean `idd`?"),
        ("csv", "mails.csv", types.INT, "line 2: expected int, found a record"),
        ("lines", "odd.txt", types.Range(1, 5), "`odd.txt`: line 3: expected 1..5, found the number 6"),
    ],
)
def test_typed_sources_that_do_not_fit(world: World, name: str, path: str, of: types.Type, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        call(world, name, path=path, of=of)


@pytest.mark.parametrize("name", ["lines", "jsonl", "csv"])
def test_the_type_of_rows(world: World, name: str) -> None:
    spec = FUNCTIONS[name].spec
    assert spec.result({"path": types.TEXT, "of": MAIL}) == types.ListOf(MAIL)
    assert spec.result({"path": types.TEXT}) == types.ListOf(types.TEXT if name == "lines" else types.JSON)
    with pytest.raises(UsageError, match="`of` takes the name of a type, and this is a text"):
        call(world, name, path="rows.jsonl" if name == "jsonl" else "rows.csv", of="Mail")


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.spec.reads])
def test_a_path_is_a_text(world: World, name: str) -> None:
    with pytest.raises(UsageError, match="a path must be a text, and this is a list"):
        call(world, name, **{FUNCTIONS[name].spec.params[0].name: ["policy.md"]})


def test_split(world: World) -> None:
    text = "# A\na\n# B\nb"
    assert call(world, "split", document=text, by=RuleValue("heading")) == ["# A\na", "# B\nb"]
    assert call(world, "split", document="aa bb cc", by=RuleValue("chars", {"n": 5})) == ["aa bb", "cc"]
    assert call(world, "split", document="aa bb cc", by=RuleValue("chars", {"n": 5}), overlap=2) == ["aa bb", "bb cc"]
    for by, document, words in (
        (RuleValue("head"), "x", "no rule `head`; the rules are `heading`"),
        ("heading", "x", "no rule"),
        (RuleValue("line"), 3, "takes a text, and this is a number"),
        (RuleValue("chars", {"n": 0}), "x", "at least 1"),
    ):
        with pytest.raises(UsageError, match=re.escape(words)):
            call(world, "split", document=document, by=by)


def test_split_declares_its_rules() -> None:
    by = FUNCTIONS["split"].spec.params[1]
    assert by.rules == {name: splitter.params for name, splitter in SPLITTERS.items()}


def test_length_and_join(world: World) -> None:
    assert [call(world, "length", of=value) for value in ("héé", [1, 2], {"a": 1}, "", [])] == [3, 2, 1, 0, 0]
    for value, kind in ((5, "a number"), (True, "a bool"), (None, "none")):
        with pytest.raises(UsageError, match=f"this is {kind}"):
            call(world, "length", of=value)
    assert call(world, "join", items=["a", "b"]) == "a\nb"
    assert call(world, "join", items=["a", "b"], separator=", ") == "a, b"
    assert call(world, "join", items=[], separator=", ") == ""


def test_votes(world: World) -> None:
    assert call(world, "votes", of="vote") == {
        "winner": "spam",
        "counts": [{"answer": "spam", "count": 2}, {"answer": "not", "count": 1}],
        "counted": 3,
        "planned": 5,
        "discarded": 1,
        "agreement": 2 / 3,
        "margin": 1,
        "stands": 0,
    }
    assert call(world, "agreement", of="vote") == 2 / 3
    assert call(world, "agreement", of="skipped") == 0
    assert call(world, "votes", of="skipped")["winner"] is None


def test_what_votes_gives_has_its_type(world: World) -> None:
    for answer in (types.Choice(("spam", "not")), types.Optional(types.TEXT)):
        type_ = FUNCTIONS["votes"].spec.result({"of": answer})
        assert isinstance(type_, types.Record)
        for name in ("vote", "skipped"):
            assert set(call(world, "votes", of=name)) == {field.name for field in type_.fields}
        winner = type_.field("winner")
        assert winner is not None
        assert winner.type == types.Optional(types.unwrapped(answer))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_declares_itself(name: str) -> None:
    spec = FUNCTIONS[name].spec
    assert spec.name == name
    assert spec.summary
    assert spec.result({}) is not None
    assert any(param.required for param in spec.params)


@pytest.mark.parametrize(
    ("items", "words"), [([None], "`join` needs all elements"), (7, "`join` takes a list, and this is a number")]
)
def test_what_is_not_joined(world: World, items: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        FUNCTIONS["join"].call({"items": items}, world)


def test_values_are_joined_as_prompts_show_them(world: World) -> None:
    files = call(world, "files", pattern="inbox/*.txt")
    assert call(world, "join", items=["a", 3, {"é": True}, files[0]], separator=" ") == 'a 3 {"é": true} ay'
