"""Hover and signature help: the type, the bounds, the price, and what a word of the language does."""

from __future__ import annotations

import pytest

from flowrun.dsl import Source, ide
from flowrun.runtime.catalog import catalog
from support.views import viewed

MAIN = """model fast = "openai:gpt-4o-mini"
type Finding = { clause: text "the words" score: 1..5 }
extern total(rows: text) -> int from "tools:total"
flow sub(a: text, b: int = 2) {
  x = ask "S {{ a }} {{ b }}"
  return x
}
flow main(xs: [Finding](15..15), t: text) budget 400 calls with temperature: 0 {
  n = length(xs)
  found = ask fast "Find {{ t | upper }}" -> [Finding] with max_tokens: 10
  votes = repeat 5 { ask "Good? {{ t }}" -> good | bad } reduce majority
  each = map x in xs { x.clause } reduce collect
  notes = repeat 15 {
    p = ask "P {{ each }}" with retries: 0
    q = ask "Q {{ p }}" with retries: 0
    ask "R {{ q }}" with retries: 0
  } reduce concat(separator: ", ")  # flowrun: ignore[F0705]
  done = sub(a: t)
  w = votes(votes).counted
  return { n, found, votes, notes, done, w }
}
"""
SHOWN = [
    ("fast =", 'model fast = "openai:gpt-4o-mini"', "$0.15 in"),
    ('fast "Find', 'model fast = "openai:gpt-4o-mini"', "$0.15 in"),
    ("Finding =", "type Finding = {", "score: 1..5"),
    ("clause: text", "clause: text", "the words"),
    ("clause } reduce", "clause: text", "the words"),
    ("total(", "extern total(rows: text) -> int", "A Python function."),
    ("sub(a: t", "flow sub(a: text, b: int = 2) -> text", "1–3 calls"),
    ("a: t)", "a: text", "A parameter."),
    ("length(xs", "length(of: json)", "number of characters"),
    ("upper", "{{ … | upper }}", "The text in capitals."),
    ("max_tokens", "max_tokens: int", "greatest length of an answer"),
    ("votes = repeat", "votes: good | bad", "calls, in 1 round"),
    ("majority", "majority(ties:", "The most frequent answer."),
    ("found = ask", "found: [Finding]", "1–3 calls, in 1–3 rounds"),
    ("notes = repeat", "notes: text", "15 × 3 = 45 calls, in 3 rounds"),
    ("p = ask", "p: text", "1 call, in 1 round"),
    ("x in xs", "x: Finding", "An element."),
    ("concat", "concat(separator: text?)", "All results as a single text"),
    ("separator", "separator: text?", "An argument."),
    ("F0705", "# F0705: an even number of votes", "tie"),
    ("main(", "flow main(xs: [Finding](15..15), t: text)", "calls"),
    ("repeat 5", "`repeat`", "A body that runs several times"),
    ("int from", "int", "A whole number."),
    ("good | bad", "`good`", "a word of a choice"),
    ("budget", "`budget`", "ceiling"),
    ("counted", "counted", ""),
]


def price(address: str) -> str:
    return "$0.15 in, $0.60 out" if address == "openai:gpt-4o-mini" else ""


def view_of() -> ide.View:
    return ide.look(Source(MAIN, "main.flow"), catalog())


def test_the_flow_is_right() -> None:
    assert [one.message for one in view_of().findings if one.severity == "error"] == []


@pytest.mark.parametrize(("place", "head", "more"), SHOWN, ids=[place for place, *_ in SHOWN])
def test_hover(place: str, head: str, more: str) -> None:
    found = ide.hover(view_of(), MAIN.index(place) + 1, price)
    assert found is not None
    assert head in found.text
    assert more in found.text
    assert found.span.start <= MAIN.index(place) + 1 <= found.span.end


def test_no_price_without_prices() -> None:
    found = ide.hover(view_of(), MAIN.index("found = ask"))
    assert found is not None
    assert "price" not in found.text
    assert "$" not in found.text


def test_prices_of_steps() -> None:
    from flowrun.dsl import Rates, Served
    from flowrun.dsl.bounds.model_facts import Blank

    class World(Blank):
        def served(self, address: str) -> Served:
            return Served(address, self.count, Rates((1e-6, 2e-6), (1e-6, 2e-6)), longest=10)

    found = ide.hover(view_of(), MAIN.index("found = ask"), None, World())
    assert found is not None
    assert "$" in found.text


@pytest.mark.parametrize("place", ["{\n  n", "Find {{", "5 {"])
def test_nothing_to_say(place: str) -> None:
    assert ide.hover(view_of(), MAIN.index(place)) is None


def test_hover_in_a_broken_text() -> None:
    view, at = viewed('flow f(a: text) {\n  y = ask \n  z = repeat 3 { ask "{{ a }}" } reduce maj‸ority\n  return {\n')
    found = ide.hover(view, at)
    assert found is not None
    assert "The most frequent answer." in found.text


CALLS = [
    ("sub(‸)", "sub(a: text, b: int = 2)", "a: text"),
    ("sub(a: t, ‸)", "sub(a: text, b: int = 2)", "b: int = 2"),
    ("sub(b: ‸)", "sub(a: text, b: int = 2)", "b: int = 2"),
    ("sub(a: length([1, ‸]))", "length(of: json)", "of: json"),
    ("total(rows: ‸)", "total(rows: text)", "rows: text"),
    ("map x in xs { x.clause } reduce concat(‸)", "concat(separator: text?)", "separator: text?"),
    ("sub(a: t, b: 1, c: ‸)", "sub(a: text, b: int = 2)", None),
]


@pytest.mark.parametrize(("call", "label", "active"), CALLS, ids=[call for call, *_ in CALLS])
def test_signature(call: str, label: str, active: str | None) -> None:
    view, at = viewed(MAIN.replace("done = sub(a: t)", f"done = {call}"), before=MAIN)
    found = ide.signature(view, at)
    assert found is not None
    assert found.label == label
    shown = None if found.active is None else found.parameters[found.active]
    assert (shown and found.label[shown.start : shown.end]) == active


@pytest.mark.parametrize("call", ["sub(a: t)‸", "‸sub(a: t)", '"a (‸"'])
def test_no_signature_outside_of_brackets(call: str) -> None:
    view, at = viewed(MAIN.replace("done = sub(a: t)", f"done = {call}"), before=MAIN)
    assert ide.signature(view, at) is None


def test_a_hole_tells_its_candidates() -> None:
    text = 'flow f(a: text) {\n  x = repeat 3..9 { ask "{{ a }}" -> b | c } reduce ahead(?)\n'
    text += '  y = ask "{{ x }}" with temperature: ?(0, 0.5)\n  return y\n}\n'
    view, _ = viewed(f"{text}‸")
    found = ide.hover(view, text.index("?)"))
    assert found is not None and "ahead ?" in found.text and found.span.text == "?"
    assert "tries `1`, `2`, `3`, `4`, `5`, and picks one" in found.text
    found = ide.hover(view, text.index("?(0"))
    assert found is not None and "temperature ?" in found.text and "`0`, `0.5`" in found.text
    behind = ide.hover(view, text.index("0.5"))
    assert behind is None or "tries" not in behind.text


def test_the_words_and_the_item_of_a_panel_have_hovers() -> None:
    text = (
        'model a = "openai:gpt-4o-mini"\nmodel b = "openai:gpt-4o"\nflow f(t: text) {\n'
        '  v = repeat 2..5 OVER m in [a, b] { ask m "Is it? {{ t }}" -> yes | no } reduce ahead(2)\n  return v\n}\n'
    )
    for mark, said in (("OVER", "The list of a panel"), ("m in", "m: model"), ('m "Is', "m: model")):
        at = text.index(mark)
        shown = ide.hover(ide.look(Source(text.replace("OVER", "over")), catalog()), at)
        assert shown is not None
        assert said in shown.text, (mark, shown)
