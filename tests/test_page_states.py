"""The page of every kind of run, at every size and in every medium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowrun.runtime.pages import report_page
from flowrun.runtime.pages.data import page_data
from flowrun.runtime.vocabulary.run_record import LossRecord, RunRecord, StretchRecord
from support.browser import Sheet, open_browser, sheet
from support.few_cases import few
from support.page_records import call_of, large, plan_from, review, run_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ONE = 'flow hello(name: text) {\n  greeting = ask "Say hello to {{ name }}"\n  return greeting\n}\n'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@pytest.fixture
def seen(browser: Browser) -> Iterator[Sheet]:
    with sheet(browser) as one:
        yield one
        one.check_silent()


@pytest.fixture(scope="module")
def plain(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of which tests only call functions."""
    with sheet(browser) as one:
        yield one.open(written(tmp_path_factory.mktemp("plain"), run_of()))
        one.check_silent()


def written(tmp_path: Path, record: RunRecord, *, texts: bool = True) -> Path:
    path = tmp_path / "report.html"
    path.write_text(report_page(record, texts=texts), encoding="utf-8")
    return path


def wide(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def many_losses() -> RunRecord:
    calls = [call_of(f"notes[{n}].draft", answer=None, state="failed", reason=f"error {n}") for n in range(3000)]
    losses = [LossRecord(f"notes[{n}]", f"the server answered {400 + n % 150} {'x' * (n % 7)}") for n in range(3000)]
    return run_of(calls, status="partial", losses=losses)


RUNS = {
    "empty": run_of(),
    "one call": run_of([call_of("greeting")], plan=plan_from(ONE), value="Hello."),
    "no votes": run_of([call_of(f"notes[{n}].draft") for n in range(5)]),
    "losses": many_losses(),
    "killed": run_of(
        [call_of("notes[0].draft"), call_of("notes[1].draft", answer=None, state="open")], status="killed"
    ),
    "running": run_of([call_of("notes[0].draft", answer=None, state="open")], status="running"),
    "resumed": run_of(
        [call_of("notes[0].draft"), call_of("notes[1].draft", at=9_000_000)],
        stretches=(StretchRecord(0, 700), StretchRecord(9_000_000, 9_000_700)),
    ),
    "all": review(),
}
STATES = {"killed": "Killed", "running": "Running", "losses": "Partly done", "all": "Partly done"}


WIDTHS = [(name, width) for name in RUNS for width in (400, 1000, 2560)]


@pytest.mark.parametrize(("name", "width"), few(WIDTHS, *(one for one in WIDTHS if one[0] == "all" or one[1] == 1000)))
def test_each_kind_of_run_has_its_page(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    with sheet(browser, width=width, color_scheme="dark" if width == 1000 else "light") as seen:
        page = seen.open(written(tmp_path, RUNS[name]))
        assert page.inner_text("#state").startswith(STATES.get(name, "Done"))
        assert not wide(page)
        assert page.locator("#votes").is_visible() == (name == "all")
        assert page.locator("#losses").is_visible() == (name in ("losses", "all"))
        page.keyboard.press("j")
        assert page.locator("#call").is_visible() == bool(RUNS[name].calls)
        assert not wide(page)
        seen.check_silent()


def test_a_run_without_calls_says_so(seen: Sheet, tmp_path: Path) -> None:
    page = seen.open(written(tmp_path, run_of()))
    assert page.inner_text("#calls .empty") == "This run has no calls."
    for key in ("j", "k", "Enter", "f", "t", "Escape"):
        page.keyboard.press(key)


def test_the_time_of_a_resumed_run_leaves_out_the_pause(seen: Sheet, tmp_path: Path) -> None:
    page = seen.open(written(tmp_path, RUNS["resumed"]))
    assert page.inner_text("#figure-time") == "1.40 s"


@pytest.mark.slow
def test_a_narrow_page_opens_a_call_as_a_sheet(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser, width=400, height=800) as seen:
        page = seen.open(written(tmp_path, review()), "call=board")
        box = page.locator("#call").bounding_box()
        assert box is not None
        assert (box["x"], box["width"]) == (0, 400)
        assert round(box["y"] + box["height"]) == 800
        page.click("#call button:text('close')")
        assert page.locator("#call").is_hidden()


@pytest.mark.slow
def test_light_and_dark_follow_the_system(browser: Browser, tmp_path: Path) -> None:
    path = written(tmp_path, review())
    grounds = []
    for scheme in ("light", "dark"):
        with sheet(browser, color_scheme=scheme) as seen:
            grounds.append(seen.open(path).evaluate("getComputedStyle(document.documentElement).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(23, 24, 26)"]


def test_a_printed_page_is_a_report(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as seen:
        page = seen.open(written(tmp_path, review()), "call=board")
        page.emulate_media(media="print")
        assert [page.locator(one).is_visible() for one in ("#head", "#graph", "#votes", "#losses", "#costs")] == [
            True
        ] * 5
        assert not page.locator("#calls, #call, button:not(.path)").locator("visible=true").count()
        assert page.pdf()[:5] == b"%PDF-"
        # The wide drawing of this flow would be too small on paper.
        assert page.locator(".on-narrow svg").is_visible() and page.locator(".on-wide svg").is_hidden()
        seen.check_silent()


def test_without_javascript_the_account_is_plain_html(browser: Browser, tmp_path: Path) -> None:
    path = written(tmp_path, review())
    with sheet(browser, java_script_enabled=False) as seen:
        page = seen.page
        page.goto(path.as_uri())
        text = page.inner_text("body")
        for part in ("needs JavaScript", "Partly done", "$0.0111 of $2.50", "# The board", "anthropic:claude-haiku"):
            assert part in text
        rows = page.locator("noscript table >> nth=1").locator("tbody tr").all_inner_texts()
        assert rows[0].split("\t") == ["notes.grave.ask", "36", "1,200", "30", "$0.00642"]
        assert "The prompt of notes[3].draft differs" in text
        numbers = page.locator("noscript td.number").evaluate_all("all => all.map((one) => one.innerText)")
        assert {"36", "$0.00642", "0.67"} < set(numbers) and "notes.grave.ask" not in numbers
        assert "longer than the context of the model" in text
        seen.check_silent()


def test_readers_of_screens_find_their_way(seen: Sheet, tmp_path: Path) -> None:
    page = seen.open(written(tmp_path, review()))
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("banner").count() == 1
    assert page.get_by_role("search").count() == 1
    for name in ("Calls", "Votes", "Losses", "Cost by model and step"):
        assert page.get_by_role("region", name=name, exact=True).count() == 1
    assert page.get_by_role("status").all_inner_texts() == [page.inner_text("#state")]
    grid = page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "62"
    assert grid.get_by_role("columnheader").count() == grid.get_by_role("row").nth(1).get_by_role("gridcell").count()
    page.keyboard.press("j")
    active = grid.get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    unnamed = (
        "[...document.querySelectorAll('button, input, select')]"
        ".filter((e) => !(e.innerText || e.ariaLabel || e.labels?.length)).length"
    )
    assert page.evaluate(unnamed) == 0


def channel(part: int) -> float:
    value = part / 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    red, green, blue = (channel(int(colour[n : n + 2], 16)) for n in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_texts_stand_out_from_their_ground() -> None:
    """WCAG 2.2, success criterion 1.4.3: a contrast of at least 4.5."""
    style = (files("flowrun.runtime.pages") / "assets" / "page.css").read_text(encoding="utf-8")
    colours = {name: pair for name, *pair in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", style)}
    for name in ("text", "quiet", "accent", "good", "bad", "odd"):
        for ground in ("ground", "raised", "chosen"):
            for scheme in (0, 1):
                low, high = sorted((luminance(colours[name][scheme]), luminance(colours[ground][scheme])))
                assert (high + 0.05) / (low + 0.05) >= 4.5, (name, ground, scheme)


def test_an_update_adds_and_replaces_calls(seen: Sheet, tmp_path: Path) -> None:
    before = run_of([call_of("notes[0].draft", answer=None, state="open")], status="running")
    page = seen.open(written(tmp_path, before), "call=" + "notes[0].draft")
    assert page.locator("#calls .row .state").all_inner_texts() == ["◐ open"]
    after: Any = page_data(
        run_of([call_of("notes[0].draft", answer="A <b>."), call_of("notes[1].draft")], value="All.")
    )
    page.evaluate("(data) => F.update(data)", after)
    assert page.locator("#calls .row .state").all_inner_texts() == ["● answered", "● answered"]
    assert page.inner_text("#calls .count") == "2 calls"
    assert page.inner_text("#state").startswith("Done")
    assert page.inner_text("#figure-calls") == "2"
    assert page.inner_text("#value pre") == "All."
    assert "A <b>." in page.locator("#call pre").all_inner_texts()
    assert page.evaluate("F.store.model.calls.length") == 2


@pytest.mark.slow
def test_twenty_thousand_calls_stay_quick(seen: Sheet, tmp_path: Path) -> None:
    path = written(tmp_path, large())
    assert path.stat().st_size <= 5_000_000
    page = seen.open(path)
    assert page.locator("#calls .row").count() < 100
    assert page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") <= 2000
    filtering = (
        "(change) => { const t = performance.now(); F.table.set(change); document.body.offsetHeight; "
        "return performance.now() - t; }"
    )
    for change in (
        {"q": "nothing has this"},
        {"q": "bane"},
        {"q": "", "flags": ["slow"]},
        {"flags": [], "sort": "-ms"},
    ):
        assert min(page.evaluate(filtering, change) for _ in range(3)) <= 100
    page.evaluate("document.querySelector('#calls .rows').scrollTop = 1e9")
    page.wait_for_function("document.querySelector('#calls .row:last-child').id.startsWith('row-')")
    page.keyboard.press("k")
    assert page.locator("#call").is_visible()


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.0021, "$0.0021"),
        (2.5, "$2.50"),
        (0.1, "$0.10"),
        (12.34, "$12.3"),
        (0, "$0"),
        (1234.5, "$1,230"),
        (2e-7, "$0.0000002"),
    ],
)
def test_money_has_three_figures_in_the_head_and_in_the_lists(plain: Page, number: float, expected: str) -> None:
    from flowrun.runtime.pages.head import money

    assert money(number) == expected
    assert plain.evaluate("F.money", number) == expected


@pytest.mark.parametrize(("cost", "expected"), [(0.0, "unknown"), (0.5, "≥ $0.50")])
def test_an_unknown_price_is_no_zero_in_the_figures_and_the_sums(
    seen: Sheet, tmp_path: Path, cost: float, expected: str
) -> None:
    record = run_of([call_of("a", answer=None, state="open")], account={"cost": cost, "unbilled": None})
    page = seen.open(written(tmp_path, record))
    assert page.locator("#figure-cost").text_content() == f"{expected} of $2.50"
    assert "unknown" in page.locator("#costs td").all_text_contents()


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (7, "7 ms"),
        (999, "999 ms"),
        (1230, "1.23 s"),
        (8300, "8.30 s"),
        (99_949, "99.9 s"),
        (125_000, "2 min 5 s"),
        (11_520_000, "3 h 12 min"),
    ],
)
def test_durations_have_three_figures_in_both(plain: Page, ms: int, expected: str) -> None:
    from flowrun.runtime.pages.head import duration

    assert duration(ms) == expected
    assert plain.evaluate("F.duration", ms) == expected
