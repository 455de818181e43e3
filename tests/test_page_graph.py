"""The drawing of a flow for the page of a run: its steps by path, its escaping, and what it leaves out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from flowrun.dsl import to_page_svg, to_svg
from flowrun.runtime.pages import report_page
from flowrun.runtime.pages.graph import graph_data, graph_html
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.browser import open_browser, sheet
from support.page_records import plan_from, review, run_of
from support.pictures import ask, called, nodes, pictured, program
from support.timeline_records import CALLED

HOSTILE = "</title><script>alert(1)</script>\x1b[31m\u202e\" onload='x' &amp;"


def flow(text: str) -> RunRecord:
    return run_of(plan=plan_from(text))


def steps(html: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r'data-step="([^"]*)"', html)))


def test_every_step_that_calls_has_the_path_of_its_calls() -> None:
    assert sorted(steps(graph_html(flow(CALLED)))) == [
        "advice",
        "advice.legal",
        "advice.legal.line 15",
        "advice.legal.long",
        "advice.money",
        "advice.reduce",
        "notes",
        "notes.polished",
        "notes.polished.draft",
        "notes.polished.final",
        "notes.verdict",
        "notes.verdict.line 9",
    ]


def test_the_paths_of_a_run_lead_to_a_box() -> None:
    record = review()
    drawn = set(steps(graph_html(record)))
    assert {re.sub(r"\[\d+\]", "", call.path) for call in record.calls} <= drawn


def test_unnamed_steps_have_an_alias_by_their_word() -> None:
    text = """\
flow f(x: text) {
  a = chain {
    ask "1 {{ x }}"
    chain {
      b = ask "2"
      ask "3 {{ b }}"
    }
  }
  return a
}
"""
    record = flow(text)
    drawn = steps(graph_html(record))
    aliases = graph_data(record)["aliases"]
    assert aliases == {
        "a.ask": "a.line 3",
        "a.chain": "a.line 4",
        "a.chain.b": "a.line 4.b",
        "a.chain.ask": "a.line 4.line 6",
    }
    assert set(aliases.values()) <= set(drawn)


def test_large_called_flows_are_one_box_with_room() -> None:
    inner = "\n".join(f'  s{n} = ask "{n}"' for n in range(40))
    text = f"flow big() {{\n{inner}\n  return s0\n}}\nflow f() {{\n  one = big()\n  return one\n}}\n"
    html = graph_html(flow(text))
    assert steps(html) == ["one"]


def test_only_boxes_that_call_take_the_focus() -> None:
    picture = pictured('flow f(x: text) { a = text "{{ x }}" b = ask "{{ a }}" return b }')
    (box,) = [one for one in ElementTree.fromstring(to_page_svg(picture)).iter() if one.get("data-step")]
    assert (box.get("data-step"), box.get("tabindex"), box.get("role")) == ("b", "0", "button")


def test_boxes_have_room_for_their_figures() -> None:
    picture = pictured('flow f(x: text) { b = ask "{{ x }}" return b }')

    def heights(text: str) -> dict[str, float]:
        found = {}
        for group in ElementTree.fromstring(text).iter():
            rect = next((one for one in group if one.get("class", "").startswith("box")), None)
            if rect is not None:
                found[rect.get("class", "")] = float(rect.get("height", 0))
        return found

    plain, page = heights(to_svg(picture)), heights(to_page_svg(picture))
    assert page["box ask"] - plain["box ask"] == 45
    assert page["box param"] == plain["box param"]


def test_the_file_of_a_drawing_is_as_it_was() -> None:
    text = to_svg(pictured('flow f(x: text) { b = ask "{{ x }}" return b }'))
    assert "data-step" not in text and "tabindex" not in text and "<style>" in text


def test_it_brings_no_style_that_the_policy_refuses() -> None:
    html = graph_html(review())
    assert "<style" not in html and " style=" not in html and " id=" not in html


def test_hostile_text_is_escaped() -> None:
    plan = program([ask("a", HOSTILE)], plan_from().result)
    html = graph_html(run_of(plan=plan))
    assert "<script" not in html and "\x1b" not in html and "\u202e" not in html
    assert "&lt;script&gt;" in html
    ElementTree.fromstring(f"<div>{html}</div>")


def test_a_long_name_of_a_flow_does_not_make_the_page_long() -> None:
    plan = replace(plan_from(), flow="x" * 1_000_000)
    assert len(graph_html(run_of(plan=plan))) < 20_000


@pytest.mark.parametrize("narrow", [False, True])
def test_without_texts_it_has_names_and_kinds_alone(narrow: bool) -> None:
    text = """\
flow f(x: text) {
  a = ask "SECRET prompt {{ x }}" -> SECRETA | SECRETB with max_tokens: 777
  b = ask "B {{ a }}" when a == "SECRETA" else "SECRETC"
  m = map e in ["SECRETD"] { ask "{{ e }}" } reduce ask "SECRETE {{ results }}"
  return { a, b, m, c: "SECRETF" }
}
"""
    picture = pictured(text)
    assert "SECRET" in to_page_svg(picture, narrow=narrow)
    told = to_page_svg(picture, texts=False, narrow=narrow)
    assert "SECRET" not in told and "777" not in told
    assert steps(told) == steps(to_page_svg(picture, narrow=narrow))


def test_narrow_screens_scroll_down() -> None:
    wide, narrow = (ElementTree.fromstring(to_page_svg(pictured(CALLED), narrow=one)) for one in (False, True))
    assert float(wide.get("width", 0)) > float(wide.get("height", 0))
    assert float(narrow.get("width", 0)) < float(narrow.get("height", 0))


def test_a_plan_of_one_step_is_drawn_once() -> None:
    assert graph_html(flow("flow f(x: text) {\n  return x\n}\n")).count("<svg") == 1


def test_the_picture_names_paths_once() -> None:
    found = [one.path for one in nodes(pictured(CALLED)) if one.calls]
    assert len(found) == len(set(found)) == 7
    assert [called(one) for one in nodes(pictured(CALLED)) if one.path == "advice.reduce"] == ["reduce ask"]


def test_a_drawing_that_is_little_too_wide_is_shown_smaller(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_page(run_of()), encoding="utf-8")
    scrolls = "(() => { const at = document.querySelector('.drawing'); return at.scrollWidth > at.clientWidth; })()"
    with open_browser() as browser:
        for width, word in ((1600, "full size"), (1000, "fit the width"), (2560, "")):
            with sheet(browser, width=width) as seen:
                page = seen.open(path)
                button = page.locator("#graph .zoom button")
                assert button.is_visible() == bool(word)
                assert page.evaluate(scrolls) == (word == "fit the width")
                if word:
                    assert button.inner_text() == word
                    button.click()
                    assert page.evaluate(scrolls) == (word == "full size")
                seen.check_silent()
