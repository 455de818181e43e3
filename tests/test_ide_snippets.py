"""The forms that completion offers check clean when they are filled with their defaults."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError, Source, check_flow
from flowrun.dsl.ide.snippets import DECLARATIONS, LINES, NODES, REDUCES, STEPS, TEMPLATES, Snippet, filled
from flowrun.runtime.catalog import catalog
from support.views import files

OTHERS = {
    "lib/words.flow": "flow short(of: text) {\n  return of\n}\n",
    "prompts/note.md": "A note: {{ text }}",
}
MAIN = 'flow main(text: text) {\n  answer = ask "About {{ text }}?"\n  return answer\n}\n'
HEAD = "flow main(text: text, items: [text], kind: good | bad) {\n"


def errors(text: str) -> list[str]:
    try:
        found = check_flow(Source(text, "main.flow"), catalog(), files(OTHERS)).warnings
    except FlowError as error:
        found = error.diagnostics
    return [str(one.message) for one in found if one.severity == "error"]


def ids(rows: tuple[Snippet, ...]) -> list[str]:
    return [one.label for one in rows]


@pytest.mark.parametrize("snippet", DECLARATIONS, ids=ids(DECLARATIONS))
def test_declarations(snippet: Snippet) -> None:
    written = filled(snippet.text)
    if snippet.label == "flow":
        assert errors(written) == []
    else:
        assert errors(f"{MAIN}{written}\n" if snippet.label in ("test", "setup") else f"{written}\n{MAIN}") == []


@pytest.mark.parametrize("snippet", NODES, ids=ids(NODES))
def test_nodes(snippet: Snippet) -> None:
    assert errors(f"{HEAD}  answer = {filled(snippet.text)}\n  return answer\n}}\n") == []


@pytest.mark.parametrize("snippet", STEPS, ids=ids(STEPS))
def test_steps(snippet: Snippet) -> None:
    step = '  answer = ask "About {{ text }}?"\n'
    lines = f"  {filled(snippet.text)}\n"
    body = step + lines if snippet.label == "return" else f"{lines}  return answer\n"
    assert errors(f"{HEAD}{body}}}\n") == []


@pytest.mark.parametrize("snippet", REDUCES, ids=ids(REDUCES))
def test_reduces(snippet: Snippet) -> None:
    body = f'  answer = map item in items {{ ask "About {{{{ item }}}}?" }} reduce {filled(snippet.text)}\n'
    assert errors(f"{HEAD}{body}  return answer\n}}\n") == []


@pytest.mark.parametrize("snippet", LINES, ids=ids(LINES))
def test_lines(snippet: Snippet) -> None:
    head = 'extern total(rows: text) -> int from "tools:total"\n'
    flow = (
        'flow main(text: text) {\n  notes = file("notes.txt")\n  answer = ask "About {{ text }} {{ notes }}?"\n'
        "  sum = total(rows: answer)\n  return answer\n}\n"
    )
    setup = 'setup usual of main {\n  text = "x"\n}\n'
    given = "" if snippet.label == "setup" else '  text = "a note"\n'
    expect = "" if snippet.label == "expect failed" else '  expect answer == "Fine"\n'
    test = f'test "t" of main {{\n{given}  {filled(snippet.text)}\n{expect}}}\n'
    assert errors(f"{head}{flow}{setup}{test}") == []


@pytest.mark.parametrize("snippet", TEMPLATES[:2], ids=ids(TEMPLATES[:2]))
def test_template_statements(snippet: Snippet) -> None:
    head = "flow main(items: [text], value: text?) {\n"
    assert errors(f'{head}  answer = ask "{{% {filled(snippet.text)} %}}"\n  return answer\n}}\n') == []


def test_a_broken_form_is_seen() -> None:
    assert errors(f"{HEAD}  answer = {filled('map ${1:x} in ${2:nothing} { x }')}\n  return answer\n}}\n")


def test_places_are_filled_with_their_defaults() -> None:
    assert filled("a ${1:b} $2 ${3:c d}$0") == "a b  c d"
