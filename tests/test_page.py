"""The page of a run in a real browser: what it shows, its keys, its sizes, and its silence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from flowrun.runtime.cli.views.run_json import call_json
from flowrun.runtime.pages import report_page
from flowrun.runtime.plans.run_calls import RunCalls
from flowrun.runtime.vocabulary.run_record import LossRecord, RunRecord
from support.browser import Sheet, open_browser, sheet
from support.page_records import call_of, review, run_of
from support.run_records import CORRECTION, letters

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def seen(browser: Browser) -> Iterator[Sheet]:
    with sheet(browser) as one:
        yield one
        one.check_silent()


def written(tmp_path: Path, record: RunRecord, *, texts: bool = True) -> Path:
    path = tmp_path / "report.html"
    path.write_text(report_page(record, texts=texts), encoding="utf-8")
    return path


def texts_of(page: Page, selector: str) -> list[str]:
    return [str(one) for one in page.locator(selector).all_inner_texts()]


def test_the_head_tells_how_the_run_ended(seen: Sheet, tmp_path: Path) -> None:
    page = seen.open(written(tmp_path, review()))
    assert page.title() == "review 7f3a91 · flowrun"
    assert "Partly done: the answer lacks elements or steps." in page.inner_text("#state")
    figures = dict(zip(texts_of(page, "#figures dt"), texts_of(page, "#figures dd"), strict=True))
    assert figures["calls"] == "61"
    assert figures["cost"] == "$0.0111 of $2.50"
    assert figures["time"] == "8.30 s"
    assert figures["losses"] == "1"
    assert "6 samples not needed, 2 answers reused" in figures["saved"]
    assert page.inner_text("#remarks") == "The prompt of notes[3].draft differs from the one that was sent."


def test_the_value_opens_and_closes(seen: Sheet, tmp_path: Path) -> None:
    value = "\n".join(f"line {n}" for n in range(100))
    page = seen.open(written(tmp_path, run_of([call_of("a")], value=value)))
    assert "line 5" in page.inner_text("#value pre")
    assert "line 9" not in page.inner_text("#value pre")
    page.click("#value button")
    assert page.inner_text("#value pre") == value
    page.click("#value button")
    assert "line 99" not in page.inner_text("#value pre")


def test_a_search_reads_prompts_and_answers(seen: Sheet, tmp_path: Path) -> None:
    calls = [call_of("a", "What is a GNU?", "An animal."), call_of("b", "What is a gnat?", "An INSECT."), call_of("c")]
    page = seen.open(written(tmp_path, run_of(calls)))
    assert texts_of(page, "#calls .row .path") == ["a", "b", "c"]
    for word, found in (("gnu", ["a"]), ("insect", ["b"]), ("what is", ["a", "b"]), ("nothing like it", [])):
        page.fill("#calls input[type=search]", word)
        assert texts_of(page, "#calls .row .path") == found
    assert page.inner_text("#calls .empty") == "No call matches."
    page.click("#calls button:text('all calls')")
    assert page.inner_text("#calls .count") == "3 calls"


def test_filters_meet(seen: Sheet, tmp_path: Path) -> None:
    page = seen.open(written(tmp_path, review()))
    count = page.locator("#calls .count")
    page.select_option("#calls select[aria-label=step]", "notes.draft")
    assert count.inner_text() == "12 of 61 calls"
    page.select_option("#calls select[aria-label=state]", "reused")
    assert count.inner_text() == "2 of 61 calls"
    page.select_option("#calls select[aria-label=state]", "")
    page.select_option("#calls select[aria-label=step]", "")
    page.select_option("#calls select[aria-label=model]", "anthropic:claude-haiku")
    assert count.inner_text() == "12 of 61 calls"
    page.check("#calls input[value=against]")
    against = page.locator("#calls .row .state").all_inner_texts()
    assert against and all("against" in one for one in against)


@pytest.mark.parametrize(
    ("flag", "found"), [("slow", ["notes[19].draft"]), ("dear", ["notes[7].draft"]), ("long", ["notes[3].draft"])]
)
def test_what_is_far_from_the_rest_is_found(seen: Sheet, tmp_path: Path, flag: str, found: list[str]) -> None:
    from dataclasses import replace

    calls = [call_of(f"notes[{n}].draft", ms=5000 if n == 19 else 700) for n in range(20)]
    dear = replace(calls[7].answers[0], cost=0.5)
    calls[7] = replace(calls[7], answers=(dear,))
    calls[3] = call_of("notes[3].draft", answer="long " * 200)
    page = seen.open(written(tmp_path, run_of(calls)))
    page.check(f"#calls input[value={flag}]")
    assert texts_of(page, "#calls .row .path") == found


@pytest.mark.slow
def test_columns_sort_both_ways_and_unknown_values_stand_last(seen: Sheet, tmp_path: Path) -> None:
    calls = [call_of("a[10]", ms=300), call_of("a[9]", ms=900), call_of("b", state="unsent", answer=None, attempts=())]
    page = seen.open(written(tmp_path, run_of(calls)))
    head = page.locator("#calls [data-sort=ms]")
    head.click()
    assert texts_of(page, "#calls .row .path") == ["a[10]", "a[9]", "b"]
    assert page.locator("#calls .heads .ms").get_attribute("aria-sort") == "ascending"
    head.click()
    assert texts_of(page, "#calls .row .path") == ["a[9]", "a[10]", "b"]
    page.click("#calls [data-sort=path]")
    assert texts_of(page, "#calls .row .path") == ["a[9]", "a[10]", "b"]


def test_a_call_shows_its_messages_attempts_and_neighbours(seen: Sheet, tmp_path: Path) -> None:
    record = review()
    page = seen.open(written(tmp_path, record), "call=" + quote("notes[2].draft"))
    call = next(one for one in record.calls if one.path == "notes[2].draft")
    panel = page.locator("#call")
    assert texts_of(page, "#call h2") == ["notes[2].draft"]
    assert call.request is not None
    shown = panel.locator("pre").all_inner_texts()
    assert shown == [*(one.text for one in call.request.messages), call.answers[0].text]
    heads = texts_of(page, "#call h3")
    assert heads[:3] == ["Prompt: system", "Prompt: user", "Answer"]
    rows = panel.locator("tbody tr").all_inner_texts()
    assert "refused, not paid (HTTP 429)" in rows[0] and "429 Too Many Requests" in rows[0]
    assert "1.00 s for Retry-After of the server" in rows[1]
    used = panel.locator("h3:text('Used by') + ul a").all_inner_texts()
    assert used[:3] == [f"notes[2].grave[{n}].ask" for n in range(3)]
    panel.locator("a:text('notes[2].grave[1].ask')").click()
    # a click on a link changes the fragment, and the page hears of it a moment later
    page.wait_for_selector("#call h2:text-is('notes[2].grave[1].ask')")
    assert panel.locator("h3:text('Its inputs came from') + ul a").first.inner_text() == "notes[2].draft"
    assert "notes[2].grave" in panel.locator(".facts").inner_text()


@pytest.mark.slow
def test_a_correction_stands_before_the_answer_to_it(seen: Sheet, tmp_path: Path) -> None:
    record = letters()
    [call] = [one for one in record.calls if len(one.answers) == 2]
    assert call.request is not None
    page = seen.open(written(tmp_path, record), "call=" + quote(call.place))
    assert texts_of(page, "#call h3")[:6] == [
        *("Prompt: user", "Answer 1 of 2", "Added in attempt 2: assistant", "Added in attempt 2: user"),
        *("Answer 2 of 2", "2 attempts"),
    ]
    sent = [one.text for one in CORRECTION]
    assert texts_of(page, "#call pre") == [call.request.messages[0].text, "???", *sent, "The law is short."]
    rows = texts_of(page, "#call tbody tr")
    assert "▲ spoilt, paid" in rows[0] and "$0.00002" in rows[0]
    assert "$0.0021" in rows[1]
    assert "80 in, 60 of them cached" in page.locator("#call .facts").inner_text()
    hay = page.evaluate("F.store.hay(F.store.model.calls.find((one) => one.answers.length === 2))")
    assert sent[1].lower() in hay


def test_a_call_is_copied_as_the_row_that_show_prints(browser: Browser, tmp_path: Path) -> None:
    record = letters()
    with sheet(browser, permissions=["clipboard-read", "clipboard-write"]) as seen:
        page = seen.open(written(tmp_path, record), "call=advice.reduce")
        calls = RunCalls(record)
        rows = page.evaluate("F.store.model.calls.map(F.store.row)")
        page.click("#call button:text('copy as JSON')")
        page.wait_for_selector("#call button:text('copied')")
        copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
        seen.check_silent()
    expected = json.loads(json.dumps([call_json(calls, at) for at in range(len(record.calls))]))
    for row in (*rows, *expected):
        row["cost"] = row["cost"] and round(row["cost"], 9)
    assert rows == expected
    assert copied["path"] == "advice.reduce"


def test_keys_lead_through_the_page(seen: Sheet, tmp_path: Path) -> None:
    page = seen.open(written(tmp_path, review()))
    press = page.keyboard.press
    press("j")
    assert texts_of(page, "#call h2") == ["notes[0].draft"]
    press("j")
    assert texts_of(page, "#call h2") == ["notes[0].grave[0].ask"]
    press("k")
    assert texts_of(page, "#call h2") == ["notes[0].draft"]
    assert page.evaluate("decodeURIComponent(location.hash)") == "#call=notes[0].draft"
    press("Escape")
    assert page.locator("#call").is_hidden()
    press("/")
    page.keyboard.type("one page")
    press("Enter")
    assert texts_of(page, "#call h2") == ["board"]
    press("Escape")
    page.click("#calls button:text('all calls')")
    press("f")
    assert texts_of(page, "#calls .row .path") == ["letters[1].letter"]
    press("Enter")
    assert texts_of(page, "#call h2") == ["letters[1].letter"]
    press("?")
    assert page.locator("#help").is_visible()
    press("Escape")
    assert page.locator("#help").is_hidden()
    assert page.locator("#call").is_visible()


@pytest.mark.slow
def test_the_keyboard_alone_sorts_and_opens(seen: Sheet, tmp_path: Path) -> None:
    page = seen.open(written(tmp_path, review()))
    press = page.keyboard.press
    press("/")
    reached = []
    for _ in range(40):
        press("Tab")
        found = page.evaluate("document.activeElement.dataset.sort || document.activeElement.getAttribute('role')")
        reached.append(found)
        if found == "ms":
            break
    assert reached[-1] == "ms" and "grid" in reached
    press("Enter")
    assert page.locator("#calls .heads .ms").get_attribute("aria-sort") == "ascending"
    assert page.evaluate("document.activeElement.dataset.sort") == "ms"
    press("j")
    assert page.locator("#call").is_visible()


def test_the_fragment_shows_the_same_again(seen: Sheet, tmp_path: Path) -> None:
    path = written(tmp_path, review())
    page = seen.open(path)
    page.fill("#calls input[type=search]", "GRAVE")
    page.check("#calls input[value=against]")
    page.click("#calls [data-sort=ms]")
    page.locator("#calls .row").first.click()
    shown, opened = texts_of(page, "#calls .row .path"), texts_of(page, "#call h2")
    fragment = page.evaluate("location.hash").lstrip("#")
    page.goto("about:blank")
    seen.sent.clear()
    page = seen.open(path, fragment)
    assert (texts_of(page, "#calls .row .path"), texts_of(page, "#call h2")) == (shown, opened)
    page.go_back()


def test_a_vote_lists_its_ballots_with_their_calls(seen: Sheet, tmp_path: Path) -> None:
    page = seen.open(written(tmp_path, review()))
    rows = page.locator("#votes tbody > tr").all_inner_texts()
    assert len(rows) == 12
    assert "0.67" in rows[0]
    assert "1 sample not needed" in rows[-1]
    page.locator("#votes tbody button").first.click()
    ballots = page.locator("#votes .links li").all_inner_texts()
    assert [one.split()[0] for one in ballots].count("▲") == 1
    page.locator("#votes .links a").first.click()
    assert "grave" in page.inner_text("#call h2")


def test_losses_are_grouped_by_cause(seen: Sheet, tmp_path: Path) -> None:
    losses = [LossRecord(f"notes[{n}]", f"the server answered 500 to request req-{n}", n == 5) for n in range(3000)]
    losses += [LossRecord("letters[1]", "the answer is empty")]
    page = seen.open(written(tmp_path, run_of([call_of("a")], status="partial", losses=losses)))
    rows = page.locator("#losses tbody tr").all_inner_texts()
    assert len(rows) == 2
    assert rows[0].startswith("3,000") and "notes[0], notes[1], notes[2] and 2,997 more" in rows[0]
    assert "flowrun resume 7f3a91" in rows[0]
    assert "1 of them ended a step" in page.inner_text("#losses")
