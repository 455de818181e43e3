"""The built-in functions: what they give, and what they say when they cannot."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import types
from flowrun.runtime.errors import InputError, UsageError
from flowrun.runtime.files import Files
from flowrun.runtime.functions import FUNCTIONS, World
from flowrun.runtime.reducers import Tally
from flowrun.runtime.rules import RuleValue
from flowrun.runtime.splitters import SPLITTERS

TALLY = Tally("spam", (("spam", 2), ("not", 1)), 5, 1)


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
    }.items():
        (tmp_path / name).write_text(text)
    return World(Files(tmp_path), {"vote": TALLY}.get)


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


@pytest.mark.parametrize("name", [name for name, function in FUNCTIONS.items() if function.spec.reads])
def test_a_path_is_a_text(world: World, name: str) -> None:
    with pytest.raises(UsageError, match="a path is a text, and this is a list"):
        call(world, name, **{FUNCTIONS[name].spec.params[0].name: ["policy.md"]})


def test_split(world: World) -> None:
    text = "# A\na\n# B\nb"
    assert call(world, "split", document=text, by=RuleValue("heading")) == ["# A\na", "# B\nb"]
    assert call(world, "split", document="aa bb cc", by=RuleValue("chars", {"n": 5})) == ["aa bb", "cc"]
    assert call(world, "split", document="aa bb cc", by=RuleValue("chars", {"n": 5}), overlap=2) == ["aa bb", "bb cc"]
    for by, document, words in (
        (RuleValue("head"), "x", "no rule `head`; there are `heading`"),
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
