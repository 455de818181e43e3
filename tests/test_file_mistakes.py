"""Mistakes about texts, prompts in files and options for many asks are answered in the words of the language."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog

FLOW = "\nflow f(x: text) { return x }\n"
NOTE = 'prompt note(s: text) from "n.md"\nflow f(x: text) {\n  a = '
TOP = [
    ('text persona """x"""', "text", "write `text NAME"),
    ('text persona: "x"', "text", "write `text NAME"),
    ('text = "x"', "text", "write `text NAME"),
    ("text persona = x", "x", "in quotes"),
    ('const persona = "x"', "const", "`text persona ="),
    ('persona = "x"', "persona", "`text persona ="),
    ('prompt note from "x.md"', "prompt", "brackets"),
    ('prompt note = "x"', "note", "`prompt note()"),
    ('prompt note(s: text) = "x.md"', "=", "from"),
    ("prompt note(s: text)", ")", "`from`"),
    ('prompt note(s) from "x.md"', "s", "has no type"),
    ("default with temperature: 0", "default", "`model default with"),
    ("model default temperature: 0", "temperature", "`model default with temperature"),
    ("model fast with temperature: 0", "fast", "no address"),
]
HEADS = [
    ("with temperature: 0 budget 5 calls {", "budget", "before `with`"),
    ("temperature: 0 {", "temperature", "`with temperature"),
    ("with temperature 0 {", "temperature", "`temperature: "),
]
ASKS = [
    ("ask note", "note", "`ask note(…)`"),
    ("ask note { s: x }", "note", "`ask note(…)`"),
    ("ask x note", "note", "`ask note(…)`"),
    ("ask system note(x)", "note", "only message"),
    ("note(x)", "note", "`ask note(…)`"),
    ('ask "{{ note }}"', "note", "`ask note(…)`"),
    ("ask x words", "ask", "words(…)"),
    ("ask x", "ask", "{{ x }}"),
    ("ask", "ask", "needs a text"),
    ("ask n.x.note(x)", "n.x.note", "prefix.name"),
    ("ask letters(x)", "letters", "the prompts are `note`"),
    ("ask noet(x)", "noet", "did you mean `note`"),
]


def told(text: str) -> tuple[str, str]:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text, "a.flow"), catalog(), lambda path: Source("{{ s }}", path))
    first = next(one for one in caught.value.diagnostics if one.severity == "error")
    return first.span.text, f"{first.message} {first.note} {first.help}"


@pytest.mark.parametrize(("text", "caret", "words"), TOP)
def test_a_declaration_in_the_wrong_form(text: str, caret: str, words: str) -> None:
    span, said = told(text + FLOW)
    assert span == caret and words in said


@pytest.mark.parametrize(("head", "caret", "words"), HEADS)
def test_a_head_of_a_flow_in_the_wrong_order(head: str, caret: str, words: str) -> None:
    span, said = told(f"flow f(x: text) {head} return x }}")
    assert span == caret and words in said


@pytest.mark.parametrize(("ask", "caret", "words"), ASKS)
def test_a_prompt_in_the_wrong_place(ask: str, caret: str, words: str) -> None:
    span, said = told(f"{NOTE}{ask}\n  return a\n}}\n")
    assert span == caret and words in said


def test_a_declaration_inside_a_flow() -> None:
    span, said = told('flow f(x: text) {\n  text persona = "x"\n  return persona\n}')
    assert span == "text" and "top of the file" in said
