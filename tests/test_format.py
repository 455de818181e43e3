"""The canonical text: it means what the tree means, formats to itself, and keeps every comment."""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrun.dsl import Source, format_file, parse_flow
from flowrun.dsl import syntax as s
from support.drawn_trees import VALUES, files, operations
from support.made_trees import AT

CORPUS = Path(__file__).parent / "corpus" / "fmt"
CASES = sorted(CORPUS.glob("*.flow"))
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

TOKEN = re.compile(
    r'"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""|"(?!"")(?:\\.|[^"\\\n])*"'
    r"|\$?[0-9]+(?:\.[0-9]+)?(?:%|[a-z]+)?|\w+|\.\.|->|\?\?|[=!<>]=|[^\s\w]",
    re.DOTALL,
)
GAP = st.sampled_from(
    [" ", " ", " ", "\n", "\n\n", "\n\n\n  ", " #c{} \n", "\n  # c{}\n", "\n\n#!c{}\n", " ##c{}\n # c{}b\n", "#\n"]
)


def comment_texts(file: s.File) -> Counter[str]:
    return Counter(re.sub(r"^#(?=[^\s!#])", "# ", comment.text) for comment in file.comments)


def holds(text: str) -> s.File:
    """Check all that formatting promises of a text; the answer is its tree."""
    file = parse_flow(Source(text))
    written = format_file(file)
    again = parse_flow(Source(written))
    assert again == file
    assert comment_texts(again) == comment_texts(file)
    assert format_file(again) == written
    assert not re.search(r"[ \t]$", written, re.MULTILINE)
    return file


@settings(max_examples=40, suppress_health_check=SLOW)
@given(files())
def test_a_tree_comes_back_from_its_text(file: s.File) -> None:
    assert holds(format_file(file)) == file


@settings(max_examples=30, suppress_health_check=SLOW)
@given(files(), st.data())
def test_comments_and_line_ends_may_stand_between_any_two_tokens(file: s.File, data: st.DataObject) -> None:
    found = list(TOKEN.finditer(formatted := format_file(file)))
    tokens = [one[0] for one in found]
    # A `match` stands on the line of its value. So a word alone on its line is a name.
    matches = [one[0] == "match" and not formatted.startswith("\n", one.end()) for one in found]
    gaps = data.draw(st.lists(GAP, min_size=len(tokens) + 1, max_size=len(tokens) + 1))
    number = itertools.count()
    text = gaps[0].replace("{}", "first")
    for token, gap, following, match in zip(tokens, gaps[1:], [*tokens[1:], ""], matches, strict=False):
        # `verdict ask "…"` on one line is a slip: a `=` is missing (F0101).
        slip = token.isidentifier() and following in ("ask", "map", "repeat", "fanout", "chain", "match") and gap == " "
        text += token + ("\n" if slip else " " if match else re.sub(r"\{\}", lambda _: str(next(number)), gap))
    assert holds(text) == file


@settings(max_examples=200)
@given(operations(), st.booleans())
def test_brackets_come_back_from_precedence(expr: s.Expr, alone: bool) -> None:
    made = expr if alone else s.Call(s.Word("g", AT), (s.Arg(s.Word("n", AT), expr, AT), s.Arg(None, expr, AT)), AT)
    line = s.Line(s.Word("x", AT), made, (), (), None, AT)
    flow = s.FlowDecl(s.Word("f", AT), (), None, s.Body((line,), AT), (), AT)
    file = s.File((flow,), (), AT)
    assert parse_flow(Source(format_file(file))) == file


@given(VALUES, st.booleans(), st.integers(0, 3))
def test_a_text_keeps_its_value_at_any_depth(value: str, triple: bool, depth: int) -> None:
    inner: Any = s.Text(s.String(value, AT, (), triple), AT)
    for _ in range(depth):
        inner = s.ListExpr((inner,), AT)
    flow = s.FlowDecl(s.Word("f", AT), (), None, s.Body((), AT), (s.Return(inner, AT),), AT)
    holds(format_file(s.File((flow,), (), AT)))
    assert parse_flow(Source(format_file(s.File((flow,), (), AT)))).items == (flow,)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_layout(case: Path) -> None:
    expected = case.with_suffix(".expected")
    text = case.read_text(encoding="utf-8")
    holds(text)
    written = format_file(parse_flow(Source(text)))
    if os.environ.get("FLOWRUN_UPDATE"):
        expected.write_text(written, encoding="utf-8")
    assert written == expected.read_text(encoding="utf-8")


def test_there_are_cases() -> None:
    assert CASES
