"""Renames: after a rename the file has the same findings, and its plan is the same up to the name."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from flowrun.dsl import Edit, Load, Source, ide, make_plan, make_tests
from flowrun.dsl.fixes import edited
from flowrun.runtime.catalog import catalog
from support.views import CORPUS, beside, files, of_file, viewed

FRESH = "fresh_name"
RIGHT = [path for path in CORPUS if path.parent.name in ("ok", "workflows", "lint")]


def made(edits: tuple[Edit, ...]) -> dict[str, Source]:
    """Return the changed files by their names."""
    sources = {one.span.source.name: one.span.source for one in edits}
    return {
        name: edited(source, [one for one in edits if one.span.source.name == name]) for name, source in sources.items()
    }


def over(load: Load, changed: Mapping[str, Source]) -> Load:
    return lambda path: changed.get(path) or load(path)


def plans(view: ide.View, name: str = "") -> str:
    """Return all plans of a file as a text, without the places in the file, with a name for the fresh one."""
    assert view.checked is not None
    found = [repr(make_plan(view.checked, flow.name.text)) for flow in view.checked.file.flows]
    text = "\n".join([*found, repr(make_tests(view.checked))])
    text = re.sub(r"""column=\d+|fenced=\([^)]*\)|text=(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""", "", text)
    text = re.sub(rf"\b{FRESH}\b", name, text) if name else text
    # Called flows and externs stand in the order of their names.
    return "".join(sorted(text))


@pytest.mark.parametrize("path", random.Random(11).sample(RIGHT, 10), ids=lambda path: path.stem)
def test_names_of_the_corpus(path: Path) -> None:
    view = of_file(path)
    if any(one.severity == "error" for one in view.findings):
        return
    before = plans(view)
    declared = [one for one in view.index.own if one.declared and one.span.source is view.source]
    for place in random.Random(path.stem).sample(declared, min(6, len(declared))):
        found = ide.rename(view, place.span.start, FRESH)
        if isinstance(found, ide.Refusal):
            assert found.reason
            continue
        changed = made(found)
        after = ide.look(changed.get(path.name, view.source), catalog(), over(beside(path), changed))
        assert [one.code for one in after.findings] == [one.code for one in view.findings], place.span
        assert plans(after, place.target.name) == before, place.span


OTHERS = {
    "lib/words.flow": "type Tone = dry | warm\nflow short(of: text, tone: Tone = dry) { return of }\n",
    "note.md": "Note {{ section }}",
}
MAIN = """import "lib/words.flow" as words
prompt note(section: text) from "note.md"
type Finding = { clause: text, score: 1..5 }
extern total(rows: text) -> int from "tools:total"
flow main(contract: document, kind: good | bad) {
  found = ask "Find {{ contract }}" -> Finding
  noted = ask note(section: contract)
  brief = words.short(of: noted)
  sum = total(rows: found.clause)
  said = match kind { good = "yes"  else = "no" }
  return { found, brief, sum, said }
}
test "t" of main {
  contract = "c"
  kind = good
  reply found: { clause: "a", score: 3 }
  expect found.score == 3
  expect result.brief == "x"
}
"""


def renamed(place: str, name: str) -> dict[str, str] | str:
    view = ide.look(Source(MAIN, "main.flow"), catalog(), files(OTHERS))
    found = ide.rename(view, MAIN.index(place), name)
    if isinstance(found, ide.Refusal):
        return found.reason
    return {file: source.text for file, source in made(found).items()}


def test_a_step_is_renamed_in_records_and_tests() -> None:
    found = renamed("found = ask", "fact")
    assert isinstance(found, dict)
    text = found["main.flow"]
    assert "fact = ask" in text
    assert "return { found: fact, brief" in text
    assert "reply fact:" in text
    assert "expect fact.score" in text
    assert "total(rows: fact.clause)" in text


def test_a_parameter_is_renamed_in_prompt_files() -> None:
    found = renamed("section: text", "part")
    assert isinstance(found, dict)
    assert found["note.md"] == "Note {{ part }}"
    assert "note(part: contract)" in found["main.flow"]


def test_an_imported_flow_is_renamed_in_its_file() -> None:
    found = renamed("short(of", "brief_of")
    assert isinstance(found, dict)
    assert "flow brief_of(of: text" in found["lib/words.flow"]
    assert "words.brief_of(of: noted)" in found["main.flow"]


def test_a_field_is_renamed_in_its_values() -> None:
    found = renamed("clause: text", "words_of_it")
    assert isinstance(found, dict)
    text = found["main.flow"]
    assert "found.words_of_it" in text
    assert '{ words_of_it: "a", score: 3 }' in text


def test_other_files_that_import_this_one() -> None:
    text = OTHERS["lib/words.flow"]
    main = ide.look(Source(MAIN, "main.flow"), catalog(), files(OTHERS))
    words = ide.look(Source(text, "lib/words.flow"), catalog())
    found = ide.rename(words, text.index("short"), "brief_of", [main])
    assert not isinstance(found, ide.Refusal)
    assert sorted({one.span.source.name for one in found}) == ["lib/words.flow", "main.flow"]


REFUSED = [
    ("found = ask", "two words", "is no name"),
    ("found = ask", "1st", "is no name"),
    ("found = ask", "", "is no name"),
    ("found = ask", "map", "a word of the language"),
    ("found = ask", "results", "a word of the language"),
    ("found = ask", "noted", "`noted` is taken"),
    ("found = ask", "contract", "`contract` is taken"),
    ("text) from", "other", "a type of the language"),
    ("good | bad", "fine", "words of a choice"),
    ("good = ", "fine", "a class of its value"),
    ("rows: text", "lines_of", "Python gets `rows` by its name"),
    ("main(contract", "length", "a function of the language"),
    ("Find {{", "other", "there is no name here"),
]


@pytest.mark.parametrize(("place", "name", "reason"), REFUSED, ids=[f"{place} {name}" for place, name, _ in REFUSED])
def test_refusals(place: str, name: str, reason: str) -> None:
    found = renamed(place, name)
    assert isinstance(found, str)
    assert reason in found


def test_a_shared_field_keeps_its_name() -> None:
    text = """type A = { na‸me: text, at: int }
flow f(a: A) {
  x = { name: "n", at: 1 }
  y = [a, x]
  z = map one in y { one.name } reduce collect
  return z
}
"""
    view, at = viewed(text)
    found = ide.rename(view, at, "title")
    assert isinstance(found, ide.Refusal)


def test_a_name_that_catches_another_mention() -> None:
    text = """flow f(a: text) {
  no‸te = ask "N {{ a }}"
  y = ask "Y {{ a }}" check length(answer) > 2 and length(y) < 90
  return { note, y }
}
"""
    view, at = viewed(text)
    assert view.findings == ()
    found = ide.rename(view, at, "answer")
    assert isinstance(found, ide.Refusal)
    assert "would change what the flow means" in found.reason
    assert not isinstance(ide.rename(view, at, "remark"), ide.Refusal)


def test_a_broken_text_renames_nothing() -> None:
    view, at = viewed("flow f(a‸: text) {\n  x = \n  return a\n}\n")
    found = ide.rename(view, at, "b")
    assert isinstance(found, ide.Refusal)
    assert "does not parse" in found.reason
    assert isinstance(ide.renamed(view, at), ide.Refusal)


def test_the_name_to_rename_is_shown() -> None:
    view, at = viewed('flow f(alpha: text) {\n  return ask "{{ al‸pha }}"\n}\n')
    found = ide.renamed(view, at)
    assert not isinstance(found, ide.Refusal)
    assert found.text == "alpha"


def test_the_same_name_changes_nothing() -> None:
    assert renamed("found = ask", "found") == {}
