"""Foreign text in every place of a page stays text, and a page without texts has none."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowrun.dsl import plan as p
from flowrun.dsl import types
from flowrun.runtime.pages import report_page
from flowrun.runtime.pages.calls_csv import calls_csv
from flowrun.runtime.pages.chrome_trace import chrome_trace
from flowrun.runtime.pages.run_index import index_page, index_row
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.call_record import AnswerRecord, AttemptRecord, CallRecord
from flowrun.runtime.vocabulary.run_record import EndpointRecord, LossRecord, RunRecord
from flowrun.runtime.vocabulary.tally import Tally
from support.browser import open_browser, sheet
from support.few_cases import few
from support.page_records import plan_from, review, run_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CANARY = "window.canary=1"
HOSTILE = {
    "script": f"</script><script>{CANARY}</script>",
    "image": f"</script><img src=x onerror={CANARY}>",
    "attribute": f"\"'><svg onload={CANARY}>",
    "comment": f"<!--<script>{CANARY}//",
    "end of a comment": f"--!><script>{CANARY}</script>",
    "style": "</style><style>*{display:none}</style>",
    "title": f"</title></textarea></noscript><script>{CANARY}</script>",
    "address": f"javascript:{CANARY}",
    "slot": "@@data@@ @@script@@",
    "terminal": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "direction": "\u202etxt.exe\u2066\u2069",
    "nul": "a\x00b",
    "surrogate": "half \ud83d of a pair, and \udc00",
    "line ends": "one\u2028two\u2029three\rfour\r\nfive",
    "template": "${" + CANARY + "} {{constructor.constructor('" + CANARY + "')()}}",
    "names": "__proto__ constructor toString",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def everywhere(text: str, name: str | None = None) -> RunRecord:
    """A run with the text in every place that others can fill. Names of the flow and of models are ``name``, if given.

    A name is never as long as a text: the parser and the providers bound it.
    """
    name = text if name is None else name
    value = {text: [text]}
    answer = AnswerRecord(text, name, text, value, served=name, id=name, more={text: text})
    correction = (Message("assistant", text), Message("user", text))
    attempt = AttemptRecord(name, "refused", 1, 2, text, 500, {name: 3}, model=f"other {name}", correction=correction)
    request = Request((Message("system", text), Message("user", text)), choices=(text,), schema={text: text})
    call = CallRecord(name, name, name, name, "failed", request, (answer,), (attempt,), (text, text), name, text)
    good = replace(call, place=f"{name}[1]", state="answered", answers=(replace(answer, error=""),))
    tally = Tally(text, ((text, 1), (value, 2)), 3, asked=3, counted=3, first=text, of=3, values=(text, value))
    plan = plan_from()
    param, kind = replace(plan.params[0], name=name), types.Choice((text, "other"))
    asked = p.Step(name, (), p.Ask(None, (p.Message("user", text.replace("{{", "{ {")),), kind), kind)
    model = p.Model(name, name, {})
    steps = (*plan.steps, asked)
    plan = replace(plan, flow=name, source=name, params=(param,), steps=steps, models=(model,))
    return run_of(
        [call, good],
        plan=plan,
        id=name,
        status=name,
        value=value,
        votes={name: tally},
        losses=[LossRecord(name, text), LossRecord(name, f"other {text}", True)],
        notes=(text,),
        text=text,
        endpoints={name: EndpointRecord(name, text)},
    )


@pytest.mark.parametrize("text", few(HOSTILE, "script", "image", "slot", "surrogate", "direction"))
def test_a_hostile_text_stays_text_in_every_place(browser: Browser, tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_page(everywhere(text)), encoding="utf-8")
    with sheet(browser) as seen:
        page = seen.open(path)
        page.keyboard.press("j")
        page.locator("#votes tbody button").first.click()
        page.keyboard.press("?")
        page.keyboard.press("Escape")
        page.keyboard.press("t")
        for key in ("ArrowRight", "ArrowRight", "+"):
            page.keyboard.press(key)
        page.fill("#calls input[type=search]", text.replace("\x00", "").encode("utf-8", "ignore").decode())
        assert page.evaluate("window.canary") is None
        assert page.evaluate("Object.prototype.canary") is None
        assert page.locator("img, svg[onload], iframe, object, embed, link, base, form").count() == 0
        assert page.locator("script").count() == 1
        assert page.evaluate("[...document.querySelectorAll('a')].every((a) => a.getAttribute('href').startsWith('#'))")
        # The text came through whole, half surrogates included.
        codes = page.evaluate(
            "[...Array(F.text(F.store.model.calls[0].answers[0].text).length).keys()]"
            ".map((n) => F.text(F.store.model.calls[0].answers[0].text).charCodeAt(n))"
        )
        units = text.encode("utf-16-le", "surrogatepass")
        assert codes == [int.from_bytes(units[n : n + 2], "little") for n in range(0, len(units), 2)]
        shown = page.inner_text("body")
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
        seen.check_silent()


class Elements(HTMLParser):
    """The elements of a page, with the attributes that a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.acting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.acting += [name for name, _ in attrs if name.startswith("on") or name in ("src", "style", "srcdoc")]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_byte_of_a_hostile_text_changes_the_file(text: str) -> None:
    plain, hostile = (report_page(everywhere(one)) for one in ("word", text))
    found = []
    for page in (plain, hostile):
        elements = Elements()
        elements.feed(page)
        assert elements.acting == []
        # A label of the drawing has as many lines as its text needs.
        found.append([tag for tag in elements.tags if tag != "text"])
    assert found[0] == found[1]
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", hostile)


@pytest.mark.slow
def test_a_mebibyte_on_one_line_is_shown_in_part(browser: Browser, tmp_path: Path) -> None:
    text = "<b>" + "x" * (1 << 20)
    path = tmp_path / "report.html"
    path.write_text(report_page(everywhere(text, "f")), encoding="utf-8")
    assert path.stat().st_size < 1_000_000
    with sheet(browser) as seen:
        page = seen.open(path)
        page.keyboard.press("j")
        assert len(page.inner_text("#call pre >> nth=0")) <= 20_000
        page.locator("#call button", has_text="show all 1,048,579 characters").first.click()
        assert page.evaluate("document.querySelector('#call pre').textContent.length") == len(text)
        seen.check_silent()


def test_the_policy_allows_the_one_script_and_style_by_their_hashes(browser: Browser, tmp_path: Path) -> None:
    page = report_page(review())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = dict(one.strip().split(" ", 1) for one in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[\w+/=]{44}'", rules["script-src"])
    assert re.fullmatch(r"'sha256-[\w+/=]{44}'", rules["style-src"])
    assert "unsafe" not in policy[1] and "http" not in policy[1]
    assert not re.search(r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacent|document\.write|https?://", page)
    # A script that is not the page's own does not run: the policy stands before everything.
    path = tmp_path / "planted.html"
    path.write_text(page.replace("</body>", f"<script>{CANARY}</script></body>"), encoding="utf-8")
    with sheet(browser) as seen:
        assert seen.open(path).evaluate("window.canary") is None
        assert any("Content Security Policy" in one for one in seen.said)


SECRET = "tangerine"


def secret_run() -> RunRecord:
    """A run in which every text that a person or a model wrote has the secret word."""
    record = everywhere(f"a {SECRET}")
    calls = tuple(
        replace(
            one, path="notes[0].draft", place=f"notes[0].draft#{n}", step="notes.draft", model="openai:x", vote="grave"
        )
        for n, one in enumerate(record.calls)
    )
    calls = tuple(
        replace(
            one,
            answers=tuple(replace(answer, finish="stop", served="x", id="r") for answer in one.answers),
            attempts=tuple(replace(attempt, request="r", waited={}, model="") for attempt in one.attempts),
        )
        for one in calls
    )
    losses = tuple(replace(one, path="notes[0]") for one in record.end.losses)
    end = replace(record.end, votes={"grave": record.end.votes[f"a {SECRET}"]}, losses=losses)
    return replace(record, plan=plan_from(), id="7f3a91", status="failed", calls=calls, end=end)


def unpacked(page: str) -> str:
    packed = re.search(r'<script type="application/octet-stream" id="data">([^<]*)</script>', page)
    assert packed
    data = gzip.decompress(base64.b64decode(packed[1]))
    size = int.from_bytes(data[:4], "little")
    words = json.loads(data[4 : 4 + size])
    return page.replace(packed[1], "") + json.dumps(words, ensure_ascii=False)


def test_a_page_without_texts_has_none() -> None:
    record = secret_run()
    assert SECRET in unpacked(report_page(record))
    quiet = unpacked(report_page(record, texts=False))
    assert SECRET not in html.unescape(quiet)
    assert "Name the worst problem" not in quiet
    assert "openai" in quiet and "draft" in quiet
    for texts in (True, False):
        assert (SECRET in "".join(calls_csv(record.plan, record.calls, texts=texts))) == texts
        assert (SECRET in "".join(chrome_trace(record, texts=texts))) == texts
    assert SECRET not in index_page([index_row(record, "7f3a91.html")])


def test_a_page_without_texts_says_so(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_page(review(), texts=False), encoding="utf-8")
    with sheet(browser) as seen:
        page = seen.open(path, "call=board")
        assert "without texts" in page.inner_text("#remarks")
        assert "without texts" in page.inner_text("#call")
        assert page.locator("#value").is_hidden()
        assert "answer 1" in page.inner_text("#votes")
        assert page.evaluate("Object.keys(F.store.row(F.store.model.calls[0]))").count("messages") == 0
        seen.check_silent()


@pytest.mark.parametrize("text", few(HOSTILE, "script", "image", "attribute", "direction"))
def test_the_index_of_runs_is_inert(browser: Browser, tmp_path: Path, text: str) -> None:
    page = index_page([index_row(everywhere(text), "a.html"), index_row(run_of(), 'b&"c.html')])
    path = tmp_path / "index.html"
    path.write_text(page, encoding="utf-8")
    with sheet(browser) as seen:
        seen.page.goto(path.as_uri())
        assert seen.page.evaluate("window.canary") is None
        assert seen.page.locator("tbody tr").count() == 2
        assert seen.page.locator("script").count() == 0
        seen.check_silent()
