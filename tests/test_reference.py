"""The parts of the page about the language that the registries and the grammar write; FLOWRUN_UPDATE rewrites them."""

from __future__ import annotations

import os
import re
from importlib.resources import files
from pathlib import Path

import pytest

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.dsl.checking.names import RESERVED
from flowrun.dsl.functions.tables import functions_table
from flowrun.runtime.catalog import catalog

PAGE = Path(__file__).resolve().parent.parent / "docs" / "language.md"
KEYWORD = re.compile(r'^[A-Z]+: "([a-z]+)"', re.MULTILINE)


def may_be_named(flow: str, word: str) -> bool:
    try:
        check_flow(Source(flow.replace("WORD", word)), catalog())
    except FlowError:
        return False
    return True


def reserved_words() -> str:
    """Say which words no value can be called, and which no step."""
    grammar = files("flowrun.grammars").joinpath("flow.lark").read_text(encoding="utf-8")
    words = sorted({*KEYWORD.findall(grammar), *RESERVED})
    step = 'flow f(m: text) {\n  WORD = ask "{{ m }}"\n  x = WORD\n  return x\n}\n'
    param = 'flow f(WORD: text) {\n  x = ask "{{ WORD }}"\n  y = [WORD]\n  return { x, y }\n}\n'
    none = [word for word in words if not may_be_named(param, word)]
    steps = [word for word in words if word not in none and not may_be_named(step, word)]
    said = [", ".join(f"`{word}`" for word in found) for found in (none, steps)]
    return f"No value can be called {said[0]}. No step can be called {said[1]} either, because they begin a node."


@pytest.mark.parametrize(
    ("mark", "written"),
    [("functions", functions_table), ("reserved words", reserved_words)],
    ids=["functions", "words"],
)
def test_the_page_says_what_the_registries_say(mark: str, written: object) -> None:
    assert callable(written)
    part = re.compile(rf"(<!-- {mark}: [^\n]*-->\n)(.*?)(<!-- end of {mark} -->)", re.DOTALL)
    page = PAGE.read_text(encoding="utf-8")
    text = f"\n{written()}\n\n"
    if os.environ.get("FLOWRUN_UPDATE"):
        PAGE.write_text(part.sub(lambda found: found[1] + text + found[3], page), encoding="utf-8")
        return
    found = part.search(page)
    assert found
    assert found[2] == text
