"""Quotes on the page of a run: each with a mark in the text that the prompt showed."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.pages import report_page
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.call import Message, Request
from support.page_records import call_of, plan_from, run_of

FLOW = """
flow check(page: text) {
  found = ask "Is a refund meant?\\n{{ page }}\\nQuote it."
      -> { ok: yes | no, words: quote of page, more: [quote of page] }
  notes = map part in split(page, by: line) at most 9 {
    ask "Read {{ part }}" -> quote of page
  } reduce ask "{{ results }}" -> { best: quote of results? }
  return { found, notes }
}
"""


def page_of(words: str, page: str, more: list[str] | None = None, *, texts: bool = True) -> str:
    prompt = f"Is a refund meant?\n{page}\nQuote it."
    value = {"ok": "yes", "words": words, "more": more or []}
    call = call_of("found", answer=json.dumps(value), value=value, request=Request((Message("user", prompt),)))
    return section(report_page(run_of([call], plan=plan_from(FLOW)), texts=texts))


def section(page: str) -> str:
    found = re.search(r'<section id="quotes"[^>]*>(.*?)</section>', page, re.DOTALL)
    assert found is not None
    return found[1]


def test_a_quote_has_a_mark_in_its_source() -> None:
    seen = page_of("a refund", "I want\na refund now", ["I want"])
    assert "2 quotes found in the texts" in seen
    # The first place of the words is in the question, and not in the text that is quoted.
    assert "<h3>found, words: a quote of page</h3><pre>Is a refund meant?\nI want\n<mark>a refund</mark> now\n" in seen
    assert "<h3>found, more[0]: a quote of page</h3><pre>Is a refund meant?\n<mark>I want</mark>\na refund" in seen


def test_foreign_text_stays_text() -> None:
    words = '<script>alert("x")</script> \u202e\x1b[2J @@data@@'
    seen = page_of(words, f"<b>x</b> {words} </mark></section>")
    assert "<script" not in seen and "<b>" not in seen and "\u202e" not in seen and "\x1b" not in seen
    assert seen.count("<mark>") == seen.count("</mark>") == 1
    assert '<script>alert("x")</script>' in unescape(seen)


def test_a_long_text_is_cut_around_the_quote() -> None:
    seen = page_of("the words", "x" * 5000 + " the words " + "y" * 5000)
    assert re.search(r"<pre>…x{299} <mark>the words</mark> y{299}…</pre>", seen)
    assert "…</mark>" in page_of("z" * 9000, "z" * 9000)


def test_without_texts_only_the_number_is_told() -> None:
    assert page_of("a refund", "a refund", texts=False) == "<h2>Quotes</h2><p>1 quote found in the texts</p>"


def test_a_run_without_quotes_has_no_such_part() -> None:
    assert section(report_page(run_of([call_of("board")]))) == ""


async def test_the_quotes_of_a_real_run_are_shown(tmp_path: Path) -> None:
    path, report = tmp_path / "f.flow", tmp_path / "r.html"
    path.write_text(FLOW)

    def script(request: Request, number: int) -> str:
        text = request.messages[0].text
        if text.startswith("Is a"):
            said = "pay me" if len(request.messages) > 1 else "pay you"
            return json.dumps({"ok": "yes", "words": said, "more": []})
        return json.dumps(text.split()[-1]) if text.startswith("Read") else '{"best": "two"}'

    provider = ScriptedProvider(script)
    options = RunOptions(opener=lambda *_: provider, journal=tmp_path / "j.db")
    result = await run_async(path, {"page": "Please pay me\nplea two"}, options=options)
    assert result.ok, result.failures
    result.report(report)
    seen = section(report.read_text(encoding="utf-8"))
    assert "<mark>pay me</mark>\nplea two\nQuote it." in seen
    assert "pay you" not in seen
