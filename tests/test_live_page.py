"""The live page in a real browser: it follows the run, holds still under the reader, and becomes the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowrun.runtime import RunOptions
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.tally import Tally
from support.browser import open_browser, sheet
from support.live_pages import HeldRun, Shown, address_in, live_sheet, made_up
from support.patience import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLOW = """\
model m = "openai:x" with concurrency: 2
flow f(items: [text]) {
  notes = map item in items {
    draft = ask m "First {{ item }}"
    ask m "Second {{ draft }}"
  } reduce collect
  return notes
}
"""
CANARY = "window.canary=1"
HOSTILE = [
    f"</script><img src=x onerror={CANARY}>",
    f"</textarea></noscript><script>{CANARY}</script>",
    "data: x\n\nevent: over\ndata: 1\n\n",
    "one\u2028two\u2029three\rfour\r\nfive",
    "\x1b[2J\x1b]0;owned\x07\x9b31m\u202etxt.exe\u2066\u2069\x00",
    "half \ud83d of a pair, and \udc00",
    "__proto__",
]
HARMFUL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def shown() -> Iterator[Shown]:
    with made_up() as one:
        yield one


def count(page: Page) -> str:
    return page.inner_text("#calls .count")


def wait_for_count(page: Page, text: str) -> None:
    eventually(lambda: count(page) == text)


def test_two_pages_follow_a_run_and_become_its_report(
    browser: Browser, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = tmp_path / "f.flow"
    flow.write_text(FLOW)
    going = HeldRun(flow, {"items": [f"thing {n}" for n in range(6)]}, RunOptions(journal=tmp_path / "run.db"))
    try:
        address = address_in(capsys)
        with live_sheet(browser, address) as page, live_sheet(browser, address, width=400) as other:
            for one in (page, other):
                wait_for_count(one, "2 calls")
                assert "Running" in one.inner_text("#state")
                assert one.inner_text("#now") == "2 calls under way · waiting for a place at openai"
            page.select_option("#calls select[aria-label=step]", "notes.draft")
            other.fill("#calls input[type=search]", "FIRST THING 1")
            wait_for_count(other, "1 of 2 calls")
            going.model.let(3)
            for one, text in ((page, "5 calls"), (other, "1 of 5 calls")):
                wait_for_count(one, text)
                assert one.inner_text("#figure-calls") == "5"
            page.wait_for_selector("#calls .row .state.answered")
            assert page.locator("#calls .row .answer").first.inner_text() == "Answer to First thing 0"
            assert page.evaluate("F.store.model.calls[0].labels.join()") == "thing 0"
            result = going.end()
            for one, text in ((page, "6 of 12 calls"), (other, "2 of 12 calls")):
                wait_for_count(one, text)
                assert one.inner_text("#now") == "The run has ended. This page stays until you close it."
                assert one.inner_text("#state").startswith("Done")
                assert one.inner_text("#value pre").startswith("[")
                assert one.title() == f"f {result.run} · flowrun"
            page.click("#calls button:text('all calls')")
            assert count(page) == "12 calls"
            page.click("#calls .row >> nth=11")
            assert "Answer to Second Answer to First thing" in page.inner_text("#call")
    finally:
        going.end()


def test_hostile_texts_in_updates_stay_texts(browser: Browser, shown: Shown) -> None:
    line = "<b>" + "x" * 2**20
    with live_sheet(browser, shown.server.address) as page:
        for number, text in enumerate([*HOSTILE, line]):
            name = text[:60]
            shown.call(f"notes[{number}].draft {name}", text, text)
            shown.state(e.StepFailed(f"{name}.{number}", text))
            shown.state(e.ElementLost(f"notes[{number}].{name}", text, name))
            tally = Tally(text, ((text, 1),), 1, asked=1, counted=1, first=text, of=1, values=(text,))
            shown.state(e.VoteCounted(f"{name}[{number}]", tally))
        wait_for_count(page, f"{len(HOSTILE) + 1} calls")
        eventually(lambda: page.evaluate("F.store.model.votes.length") == len(HOSTILE) + 1)
        page.keyboard.press("j")
        page.locator("#votes tbody button").first.click()
        assert page.evaluate("[window.canary, Object.prototype.canary]") == [None, None]
        assert page.locator("img, iframe, object, embed, link, base, form").count() == 0
        assert page.locator("script").count() == 1
        assert not HARMFUL.search(page.inner_text("body"))
        answers = "F.store.model.calls.map((one) => F.text(one.answers[0].text))"
        codes = page.evaluate(f"{answers}.slice(0, -1).map((one) => [...one.split('')].map((c) => c.charCodeAt(0)))")
        for text, found in zip(HOSTILE, codes, strict=True):
            units = text.encode("utf-16-le", "surrogatepass")
            assert found == [int.from_bytes(units[n : n + 2], "little") for n in range(0, len(units), 2)]
        assert page.evaluate(f"{answers}.pop().length") == len(line)
        for number in range(len(HOSTILE) + 1):
            page.locator("#calls .row").nth(number).click()
            assert page.locator("#call pre").count() >= 2
            assert page.locator("#call :is(img, script, b)").count() == 0
        assert len(page.inner_text("#call pre >> nth=0")) <= 20_000
        page.locator("#call button", has_text="show all").first.click()
        assert page.evaluate("document.querySelector('#call pre').textContent.length") == len(line)
        assert page.locator("#call b").count() == 0
        assert "is lost" not in page.inner_text("#now"), "the page listens still"
        shown.server.finish(None, 5)


def test_the_page_holds_still_under_the_reader(browser: Browser, shown: Shown) -> None:
    for number in range(60):
        shown.call(f"notes[{number}].draft", "A prompt.\n" * 200, "An answer of many words.")
    with live_sheet(browser, shown.server.address) as page:
        page.click("#calls [data-sort=path]")
        page.click("#calls [data-sort=path]")
        page.evaluate("document.querySelector('#calls .rows').scrollTop = 260")
        row = page.locator("#calls .row", has_text="notes[45].draft")
        row.click()
        page.click("#call button:text('copy')")  # a click elsewhere
        page.evaluate("document.querySelector('#call').scrollTop = 500")
        marked = (
            "getSelection().selectAllChildren(document.querySelector('#call pre')), getSelection().toString().length"
        )
        length = page.evaluate(marked)
        row.hover()
        place, scrolled = row.bounding_box(), page.evaluate("document.querySelector('#call').scrollTop")
        assert length > 1000 and scrolled == 500
        waiting = shown.ask("notes[200].draft")
        for number in range(60, 90):
            shown.call(f"notes[{number}].draft")
            if number % 10 == 9:
                wait_for_count(page, f"{number + 2} calls")
        assert row.bounding_box() == place, "rows above it came, and it stays under the pointer"
        assert page.evaluate("document.querySelector('#call').scrollTop") == scrolled
        assert page.evaluate("getSelection().toString().length") == length
        assert page.inner_text("#call h2") == "notes[45].draft"
        assert "46 of 91" in page.inner_text("#call .bar")
        page.focus("#calls select[aria-label=state]")
        shown.answer(waiting, "At last.")
        shown.call("notes[201].draft")
        wait_for_count(page, "92 calls")
        shown.server.finish(None, 5)


@pytest.mark.parametrize("done", [False, True])
def test_a_page_whose_run_is_gone_says_so(browser: Browser, shown: Shown, done: bool) -> None:
    shown.call("first")
    with sheet(browser) as seen:
        page = seen.page
        page.goto(shown.server.address)
        page.wait_for_selector("body[data-ready]")
        wait_for_count(page, "1 call")
        if done:
            shown.state(e.RunFinished("done", 1.0, at=1.0))
            eventually(lambda: page.inner_text("#state").startswith("Done"))
        shown.server.fail(RuntimeError("made up"))
        told = "The run has ended before this page got its report." if done else "The connection to the run is lost"
        eventually(lambda: page.inner_text("#now").startswith(told))
        assert count(page) == "1 call"
        assert ["ERR_INCOMPLETE" in one for one in seen.said] == [True], "the browser's own words on the connection"
