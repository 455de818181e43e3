"""The pieces of a text with the words around them, their headings, pages and places; and headings of a set level."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flowrun.dsl import FlowError
from flowrun.runtime.reads.reading import read
from flowrun.runtime.splitters import SPLITTERS
from flowrun.runtime.splitters.surroundings import parts, stretches
from flowrun.runtime.values.functions import FUNCTIONS, World
from flowrun.runtime.values.rules import RuleValue
from flowrun.runtime.vocabulary.errors import UsageError
from support.harness import planned, stage
from support.reaches import labels

BOOK = """# Book

## One

First text of one. It is long.

### Deep

deep text

## Two ##
Second text.

Three
-----

last words here.
"""


def split(text: str, rule: str, args: dict[str, Any] | None = None, **more: Any) -> Any:
    given = {"document": text, "by": RuleValue(rule, args or {}), **more}
    return FUNCTIONS["split"].call(given, World(lambda name: None))


def test_a_piece_knows_its_surroundings() -> None:
    found = split(BOOK, "heading", {"level": 2}, before=20, after=20)
    assert [part["text"] for part in found] == split(BOOK, "heading", {"level": 2})
    assert [(part["before"], part["after"]) for part in found] == [
        ("", "## Two ##\nSecond"),
        ("### Deep\n\ndeep text", "Three\n-----\n\nlast"),
        ("Two ##\nSecond text.", ""),
    ]
    assert [(part["heading"], part["page"], part["place"]) for part in found] == [
        ("One", None, 1),
        ("Two", None, 2),
        ("Three", None, 3),
    ]


def test_one_side_alone() -> None:
    found = split("aa bb cc", "chars", {"n": 2}, before=2)
    assert [(part["before"], part["text"], part["after"]) for part in found] == [
        ("", "aa", ""),
        ("aa", "bb", ""),
        ("bb", "cc", ""),
    ]
    assert [part["after"] for part in split("aa bb cc", "chars", {"n": 2}, after=4)] == ["bb", "cc", ""]
    assert [part["before"] for part in split("aa bb cc", "chars", {"n": 2}, before=0)] == ["", "", ""]


def test_pages_count_form_feeds() -> None:
    found = split("one\n\ftwo\nand\n\f\ffour", "line", before=3)
    assert [(part["text"].strip(), part["page"]) for part in found] == [("one", 1), ("two", 2), ("and", 2), ("four", 4)]
    assert [part["page"] for part in split("one\n\ftwo", "page", after=9)] == [1, 2]
    assert [part["page"] for part in split("one\ntwo", "line", after=9)] == [None, None]


@pytest.mark.parametrize(
    ("block", "title"),
    [("## Two ##", "Two"), ("# C#", "C#"), ("#", ""), ("A long\ntitle\n===", "A long title"), ("   ### x  ", "x")],
)
def test_a_heading_has_no_marks(block: str, title: str) -> None:
    [found] = split(f"{block}\n\ntext", "heading", before=1)
    assert found["heading"] == title


def test_a_text_above_all_headings_has_none() -> None:
    found = split("intro\n\n# A\n\ntext\n\nmore", "paragraph", after=1)
    assert [part["heading"] for part in found] == [None, "A", "A", "A"]


@pytest.mark.parametrize("text", ["", " \n\f "])
def test_a_text_without_words_has_no_pieces(text: str) -> None:
    assert split(text, "line", before=5) == []


def test_a_huge_surrounding_is_the_whole_text() -> None:
    assert split("a b c", "chars", {"n": 1}, before=10**12, after=10**12)[1] == {
        "before": "a", "text": "b", "after": "c", "heading": None, "page": None, "place": 2,
    }  # fmt: skip


def test_no_word_is_cut() -> None:
    draw = random.Random(7)
    text = " ".join("x" * draw.randint(1, 9) + str(at) for at in range(500))
    words = {*text.split()}
    for part in split(text, "tokens", {"n": 9}, before=30, after=25):
        assert {*part["before"].split(), *part["after"].split()} <= words
        assert len(part["before"]) <= 30 and len(part["after"]) <= 25
        assert len(part["before"]) > 10 or part["place"] < 4


@pytest.mark.parametrize("rule", [*SPLITTERS])
def test_the_stretches_are_those_of_the_pieces(rule: str) -> None:
    args = {"n": 12} if rule in ("tokens", "chars") else {}
    pieces = split(BOOK * 3, rule, args)
    found = [(BOOK * 3)[start:end] for start, end in stretches(BOOK * 3, pieces)]
    assert found == pieces


def test_pieces_with_other_blanks_are_found() -> None:
    assert list(stretches("a  b\n\nc  d e", ["a b", "c d", "e"])) == [(0, 4), (6, 10), (11, 12)]
    assert [part["before"] for part in parts("a  b\n\nc  d e", ["a b", "c d", "e"], 9, 9)][1:] == ["a  b", "b\n\nc  d"]


def test_a_level_is_set() -> None:
    text = "# A\na\n## B\nb\n## C\nc\n### D\nd\n"
    assert split(text, "heading") == ["# A\na", "## B\nb", "## C\nc\n### D\nd"]
    assert split(text, "heading", {"level": 1}) == [text.strip()]
    assert split(text, "heading", {"level": 3}) == ["# A\na", "## B\nb", "## C\nc", "### D\nd"]
    assert split("no heading", "heading", {"level": 3}) == ["no heading"]
    for level in (0, 7, "two", True):
        with pytest.raises(UsageError):
            split(text, "heading", {"level": level})


def test_an_overlap_has_no_surroundings() -> None:
    with pytest.raises(UsageError, match="not both"):
        split(BOOK, "line", overlap=3, before=3)
    for value in (-1, "ten", True):
        with pytest.raises(UsageError, match="`before`"):
            split(BOOK, "line", before=value)


def test_a_read_of_a_long_text_gives_records() -> None:
    args = {"document": BOOK * 999, "by": RuleValue("paragraph", {}), "before": 9}
    found = read("split", args, None, print)  # type: ignore[arg-type]
    assert isinstance(found, list)
    assert found[-1]["place"] == len(found)


TYPED = "flow f(doc: document) {{ x = map part in split(doc, by: line, {}) {{ {} }} reduce collect return x }}"


def test_the_type_has_the_fields() -> None:
    text = TYPED.format("before: 3", "{ n: part.place + 1, h: part.heading ?? '-', p: part.page ?? 0, t: part.text }")
    ran = stage(text.replace("'", '"'), lambda request, number: "x", {"doc": "a\nb"})
    assert ran.outcome.value == [{"n": 2, "h": "-", "p": 0, "t": "a"}, {"n": 3, "h": "-", "p": 0, "t": "b"}]


@pytest.mark.parametrize(
    ("args", "body", "code"),
    [
        ("before: 3", 'ask "{{ part.heading }}"', "F0306"),
        ("before: 3", 'ask "{{ part.words }}"', "F0302"),
        ("overlap: 3", "part.text", "F0302"),
        ("before: 3, overlap: 2", "part.text", "F0303"),
        ("overlap: 0, after: 3", "part.text", "F0303"),
        ("before: 0 - 3", "part.text", "F0303"),
        ('before: "3"', "part.text", "F0301"),
    ],
)
def test_what_the_checker_refuses(args: str, body: str, code: str) -> None:
    with pytest.raises(FlowError) as caught:
        planned(TYPED.format(args, f"y = {body} y"))
    assert [one.code for one in caught.value.diagnostics if one.severity == "error"] == [code]


@pytest.mark.parametrize(
    ("field", "foreign"), [("text", True), ("before", True), ("heading", True), ("place", False), ("page", False)]
)
def test_only_the_texts_of_a_piece_are_foreign(field: str, foreign: bool) -> None:
    value = f"part.{field} | default('-')" if field in ("heading", "page") else f"part.{field}"
    text = f"""flow f(doc: untrusted document) {{
      x = map part in split(doc, by: line, before: 9) at most 9 {{
        ask system "See {{{{ {value} }}}}" user "go"
      }} reduce collect
      return x
    }}"""
    if foreign:
        with pytest.raises(FlowError, match="F0503"):
            labels(text)
    else:
        labels(text)
