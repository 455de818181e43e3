"""The parts of a file for an editor: outline, folds, roles, hints, links, lenses and actions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowrun.dsl import Source, apply_fixes, examine_flow, ide
from flowrun.dsl.fixes import edited
from flowrun.runtime.catalog import catalog
from support.views import CORPUS, beside, files, of_file

MAIN = """# A head
# of two lines
import "a.flow"
import "b.flow" as b
model fast = "openai:gpt-4o-mini"
type Finding = {
  clause: text
  score: 1..5
}
prompt note(section: text) from "note.md"
flow main(xs: [Finding](15..15)) {
  n = length(xs)
  fast_text = "x"
  each = map x in xs { x.clause } reduce collect
  notes = repeat 15 {
    p = ask fast "P {{ each | length }} {% if n %}{{ fast_text | upper }}{% endif %}" with retries: 0
    q = ask note(section: p) with retries: 0
    ask "R {{ q }}" -> good | bad with retries: 0
  } reduce majority  # flowrun: ignore[F0705]
  long = ask \"\"\"
    Several
    lines {{ notes }}
  \"\"\"
  return { notes, long }
}
test "It works" of main {
  cases "cases.jsonl"
  reply long: "x"
  expect result.long == "x"
}
"""
OTHERS = {
    "a.flow": "flow a() { return 1 }\n",
    "b.flow": "flow a() { return 1 }\n",
    "note.md": "Note {{ section }}",
}


def view_of(text: str = MAIN) -> ide.View:
    return ide.look(Source(text, "main.flow"), catalog(), files(OTHERS))


def test_outline() -> None:
    found = ide.symbols(view_of())
    assert [(one.kind, one.name) for one in found] == [
        ("import", "a.flow"),
        ("import", "b.flow"),
        ("model", "fast"),
        ("type", "Finding"),
        ("prompt", "note"),
        ("flow", "main"),
        ("test", "It works"),
    ]
    flow = found[5]
    assert [one.name for one in flow.children] == ["xs", "n", "fast_text", "each", "notes", "long"]
    assert [(one.name, one.detail) for one in flow.children[4].children] == [
        ("p", "text"),
        ("q", "text"),
        ("ask", "good | bad"),
    ]
    assert flow.span.text.startswith("flow main")
    assert flow.name_span.text == "main"


def test_folds() -> None:
    kinds = [(one.kind, one.span.text.split("\n")[0]) for one in ide.folds(view_of())]
    assert kinds == [
        ("comment", "# A head"),
        ("imports", 'import "a.flow"'),
        ("block", "{"),
        ("block", "{"),
        ("block", "{"),
        ("text", '"""'),
        ("block", "{"),
    ]


def test_roles() -> None:
    view = view_of()
    found = {(MAIN[one.start : one.end], one.role, one.declared) for one in ide.tokens(view)}
    for wanted in (
        ("flow", "keyword", False),
        ("main", "flow", True),
        ("fast", "model", False),
        ("Finding", "type", False),
        ("clause", "field", False),
        ("x", "element", True),
        ("upper", "filter", False),
        ("{{", "mark", False),
        ("if", "keyword", False),
        ("majority", "reducer", False),
        ("good", "choice", False),
        ("retries", "option", False),
        ("notes", "step", False),
        ("length", "function", False),
        ("# A head", "comment", False),
        ("note", "prompt", False),
    ):
        assert wanted in found, wanted


def test_hints() -> None:
    text = MAIN
    found = [(text[one.at - 5 : one.at], one.text, one.kind) for one in ide.hints(view_of())]
    assert ("  p", ": text", "type") in [(before[-3:], *more) for before, *more in found]
    assert ("15 {", "10–45 calls") in [(before[-4:], more) for before, more, _ in found]
    assert not any(one.text == ": good | bad" and text[one.at - 3 : one.at] == "ask" for one in ide.hints(view_of()))


def test_a_broken_file_has_no_figures() -> None:
    text = MAIN.replace("{{ q }}", "{{ nobody }}")
    assert [one for one in ide.hints(view_of(text)) if one.kind == "calls"] == []


def test_links() -> None:
    view = view_of()
    assert [(one.kind, one.target, one.span.text) for one in ide.links(view)] == [
        ("file", "a.flow", "a.flow"),
        ("file", "b.flow", "b.flow"),
        ("file", "note.md", "note.md"),
        ("code", "F0705", "F0705"),
        ("file", "cases.jsonl", "cases.jsonl"),
    ]
    pages = ide.links(view, lambda code: f"https://site/codes/{code}/")
    assert ("page", "https://site/codes/F0705/") in [(one.kind, one.target) for one in pages]
    extern = 'extern total(rows: text) -> int from "tools:total"\n'
    assert ide.links(view_of(extern)) == ()


def test_lenses() -> None:
    found = [(one.command, one.name) for one in ide.lenses(view_of())]
    assert found == [("run", "main"), ("plan", "main"), ("graph", "main"), ("test", "It works")]


def test_actions_of_a_misspelt_word() -> None:
    text = 'flow f(contract: text) {\n  return ask "{{ contrakt }}"\n}\n'
    view = view_of(text)
    found = [one for one in ide.actions(view, 0, len(text)) if one.kind in ("fix", "guess")]
    assert edited(view.source, found[0].edits).text == text.replace("contrakt", "contract")
    assert ide.actions(view, len(text), len(text)) == ()


@pytest.mark.parametrize(
    "text",
    [
        'flow f(a: text) {\n  return ask "x"\n}\n',
        'flow f(a: text) {  # a comment\n  return ask "x"\n}\n',
        'flow f(a: text, b: text) {  # flowrun: ignore[F0702]\n  x = repeat 2 { ask "{{ b }}" } reduce majority\n'
        "  return x\n}\n",
        'flow f(b: text) {\n  x = ask """\n    A { b } text\n  """\n  return x\n}\n',
    ],
)
def test_a_warning_is_silenced(text: str) -> None:
    view = view_of(text)
    warnings = [one for one in view.findings if one.severity == "warning"]
    assert warnings
    for one in warnings:
        silenced = [act for act in ide.actions(view, 0, len(text)) if act.kind == "ignore" and act.finding is one]
        if silenced:
            after = view_of(edited(view.source, silenced[0].edits).text)
            assert one.code not in [left.code for left in after.findings], one.message


def test_each_fix_is_that_of_validate() -> None:
    tried = 0
    for path in CORPUS[::6]:
        view = of_file(path)
        for action in ide.actions(view, 0, len(view.source.text)):
            if action.kind in ("fix", "guess") and action.finding is not None and action.finding.fix is not None:
                assert action.edits == action.finding.fix.edits
                assert (action.kind == "fix") == action.finding.fix.safe
                tried += 1
    assert tried > 15


@pytest.mark.parametrize(
    "path", [path for path in CORPUS if path.parent.name == "syntax"][::4], ids=lambda one: one.stem
)
def test_fix_all_is_that_of_validate(path: Path) -> None:
    view = of_file(path)

    def check(source: Source) -> tuple[object, ...]:
        return examine_flow(source, catalog(), beside(path)).findings

    wanted = apply_fixes(view.source, check).source.text  # type: ignore[arg-type]
    action = ide.fix_all(view)
    assert (view.source.text if action is None else edited(view.source, action.edits).text) == wanted


def test_ranges_grow() -> None:
    found = [one.text for one in ide.ranges(view_of(), MAIN.index("clause } reduce"))]
    assert found[0] == "clause"
    assert found[-1] == MAIN
    assert any(one.startswith("each = map") for one in found)


def test_the_room_loads_nothing_of_the_runner() -> None:
    heavy = "{'aiohttp', 'asyncio', 'pydantic', 'sqlite3'}"
    code = f"import sys; from flowrun.dsl import ide; print(sorted({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
