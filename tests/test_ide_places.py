"""Definition and references across flows, templates, tests, imports and prompt files."""

from __future__ import annotations

import pytest

from flowrun.dsl import Source, ide
from flowrun.runtime.catalog import catalog
from support.views import MARK, files, viewed

OTHERS = {
    "lib/words.flow": 'type Tone = dry | warm\ntext persona = "You."\n'
    'flow short(of: text, tone: Tone = dry) { return text "{{ of }} {{ tone }}" }\n',
    "note.md": "Note {{ section }}\n{% for one in rows %}{{ one.clause }}{% endfor %}",
}
MAIN = """import "lib/words.flow" as words
model fast = "openai:gpt-4o-mini"
type Finding = { clause: text, score: 1..5 }
prompt note(section: text, rows: [Finding]) from "note.md"
flow main(contract: document, tone: words.Tone) {
  found = ask fast "Find {{ contract }} {{ words.persona }}" -> [Finding]
  noted = ask fast note(section: contract, rows: found)
  best = map item in found where item.score > 2 {
    line = ask "{{ item.clause }} {% for part in found %}{{ part.score }}{% endfor %}"
    { line, at: item.score }
  } reduce best(by: at)
  brief = words.short(of: noted, tone: tone)
  return { found, brief, best }
}
setup usual of main { contract = "c" }
test "t" of main {
  setup usual
  tone = dry
  reply found: [{ clause: "a", score: 3 }]
  reply best.line: "x"
  expect result.best.at == 3
  expect found == found
}
"""
LED = [
    ("contract, rows: found", "contract: document"),
    ("contract }} {{ words", "contract: document"),
    ("fast note", "fast ="),
    ("note(section: contract", "note(section: text"),
    ("section: contract", "section: text"),
    ("rows: found)", "rows: [Finding]"),
    ("found where", "found = ask"),
    ("item.score > 2", "item in"),
    ("score > 2", "score: 1..5"),
    ("clause }} {% for", "clause: text"),
    ("part.score", "part in"),
    ("score }}{% endfor", "score: 1..5"),
    ("line, at", "line = ask"),
    ("at)", "at: item"),
    ("Finding]\n  noted", "Finding ="),
    ("found, brief", "found = ask"),
    ("usual\n  tone", "usual of"),
    ("main {\n  setup", "main(contract"),
    ("tone = dry", "tone: words.Tone"),
    ("found: [{", "found = ask"),
    ('clause: "a"', "clause: text"),
    ("best.line", "best = map"),
    ('line: "x"', "line = ask"),
    ("found == found", "found = ask"),
    ("at == 3", "at: item"),
    ("words.persona", "words\nmodel"),
]
"""A place, and what stands at the place to which it leads."""
AWAY = [
    ("persona }}", "lib/words.flow", "persona ="),
    ("short(of: noted", "lib/words.flow", "short(of: text"),
    ("of: noted", "lib/words.flow", "of: text"),
    ("Tone) {", "lib/words.flow", "Tone ="),
    ("lib/words", "lib/words.flow", "type Tone"),
    ('note.md"', "note.md", "Note {{"),
]


def view_of(text: str = MAIN) -> ide.View:
    return ide.look(Source(text, "main.flow"), catalog(), files(OTHERS))


def test_the_flow_is_right() -> None:
    assert [one.message for one in view_of().findings if one.severity == "error"] == []


@pytest.mark.parametrize(("place", "wanted"), LED, ids=[place for place, _ in LED])
def test_a_name_leads_to_its_declaration(place: str, wanted: str) -> None:
    view = view_of()
    (span,) = ide.definition(view, MAIN.index(place) + 1)
    assert span.source is view.source
    assert MAIN[span.start :].startswith(wanted)


@pytest.mark.parametrize(("place", "file", "wanted"), AWAY, ids=[place for place, *_ in AWAY])
def test_a_name_leads_to_another_file(place: str, file: str, wanted: str) -> None:
    (span,) = ide.definition(view_of(), MAIN.index(place))
    assert span.source.name == file
    assert span.source.text[span.start :].startswith(wanted)


def test_a_prompt_file_leads_to_the_flow() -> None:
    view, text = view_of(), OTHERS["note.md"]
    (span,) = ide.definition(view, text.index("section") + 2, file="note.md")
    assert MAIN[span.start :].startswith("section: text")
    (span,) = ide.definition(view, text.index("clause"), file="note.md")
    assert MAIN[span.start :].startswith("clause: text")
    found = ide.hover(view, text.index("rows"), file="note.md")
    assert found is not None
    assert "rows: [Finding]" in found.text


def test_references_are_all_places() -> None:
    view = view_of()
    spans = ide.references(view, MAIN.index("found = ask"))
    assert {span.text for span in spans} == {"found"}
    assert len(spans) == MAIN.count("found")
    assert len(ide.references(view, MAIN.index("found = ask"), declared=False)) == MAIN.count("found") - 1


def test_references_reach_into_prompt_files() -> None:
    spans = ide.references(view_of(), MAIN.index("section: text"))
    assert sorted(span.source.name for span in spans) == ["main.flow", "main.flow", "note.md"]


def test_references_from_another_file() -> None:
    view = view_of()
    text = OTHERS["lib/words.flow"]
    words = ide.look(Source(text, "lib/words.flow"), catalog())
    spans = ide.references(words, text.index("short"), [view])
    assert sorted(span.source.name for span in spans) == ["lib/words.flow", "main.flow"]
    assert len(ide.references(words, text.index("of: text"), [view])) == 3


@pytest.mark.parametrize("text", ["flow f(a: text) { return a }\n# ‸a", 'flow f() { return ask "‸plain" }', "‸"])
def test_no_name_leads_nowhere(text: str) -> None:
    view, at = viewed(text)
    assert ide.definition(view, at) == ()
    assert ide.references(view, at) == ()


def test_places_hold_while_the_text_is_broken() -> None:
    text = MAIN.replace("  brief =", "  more = ask fast \n  brief =")
    view = ide.look(Source(text, "main.flow"), catalog(), files(OTHERS), view_of())
    assert not view.fresh
    (span,) = ide.definition(view, text.index("tone: tone") + 7)
    assert text[span.start :].startswith("tone: words.Tone")
    assert MARK not in text


def test_a_circle_of_imports_ends() -> None:
    others = {"a.flow": 'import "main.flow"\nflow a() { return b() }\n'}
    text = 'import "a.flow"\nflow b() {\n  x = a()\n  return x\n}\n'
    view = ide.look(Source(text, "main.flow"), catalog(), files(others))
    assert view.findings
    for at in range(len(text)):
        ide.definition(view, at)
        ide.references(view, at)
