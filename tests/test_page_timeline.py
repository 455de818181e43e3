"""The timeline and the graph of a run's page in a real browser: what they show, and how they follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowrun.runtime.pages.data import page_data
from flowrun.runtime.pages.page import report_page
from flowrun.runtime.vocabulary.call_record import AttemptRecord
from flowrun.runtime.vocabulary.run_record import EndpointRecord, RunRecord
from support.browser import Sheet, open_browser, sheet
from support.few_cases import few
from support.page_records import call_of, large, run_of
from support.timeline_records import called, resumed, running, untimed, waited

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CANVAS = "#timeline canvas"
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x1b[31m"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as found:
        yield found


def opened(sheet: Sheet, record: RunRecord, folder: Path, *, texts: bool = True, fragment: str = "") -> Page:
    path = folder / "report.html"
    path.write_text(report_page(record, texts=texts), encoding="utf-8")
    page = sheet.open(path, fragment)
    frames(page)
    return page


def frames(page: Page) -> None:
    """Wait until the canvas is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def ink(page: Page) -> dict[str, int]:
    """How many pixels of the canvas have which colour."""
    found: dict[str, int] = page.evaluate(
        """() => {
          const canvas = document.querySelector("#timeline canvas");
          const copy = document.createElement("canvas");
          [copy.width, copy.height] = [canvas.width, canvas.height];
          const pen = copy.getContext("2d", { willReadFrequently: true });
          pen.drawImage(canvas, 0, 0);
          const { data } = pen.getImageData(0, 0, copy.width, copy.height);
          const found = {};
          for (let i = 0; i < data.length; i += 4) {
            const key = data[i + 3] < 250 ? "clear" : [data[i], data[i + 1], data[i + 2]].join();
            found[key] = (found[key] || 0) + 1;
          }
          return found;
        }"""
    )
    return found


def point(page: Page, x: float, y: float) -> None:
    box = page.locator(CANVAS).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * x, box["y"] + y)


def test_where_the_time_went_is_told_in_words_and_figures(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, waited(), tmp_path)
        rows = page.locator("#timeline .spent tbody tr").all_inner_texts()
        assert [one.split("\t")[0].strip() for one in rows][:2] == ["all places taken", "the server works"]
        told = page.locator("#timeline-told li").all_inner_texts()
        assert told[0] == "The run took 19.7 s."
        assert any("Retry-After at api.example.net" in one for one in told)
        made.check_silent()


@pytest.mark.slow
def test_the_colours_follow_the_system(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, waited(), tmp_path)
        light = ink(page)
        assert light.get("11,87,184", 0) > 3000  # sending
        assert light.get("165,48,28", 0) > 20  # failed
        page.emulate_media(color_scheme="dark")
        frames(page)
        dark = ink(page)
        assert dark.get("132,182,255", 0) > 3000
        assert "11,87,184" not in dark
        made.check_silent()


@pytest.mark.slow
def test_a_filter_fades_the_other_requests(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, waited(), tmp_path)
        before = ink(page)
        page.locator('#graph .on-wide [data-step="board"]').click()
        frames(page)
        after = ink(page)
        assert 0 < after["11,87,184"] < before["11,87,184"] / 3
        assert page.locator("#calls .room .row").count() == 1
        page.locator('#graph .on-wide [data-step="board"]').click()
        frames(page)
        assert ink(page) == before
        made.check_silent()


@pytest.mark.slow
def test_a_frame_and_the_keys_choose_steps(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, called(), tmp_path)
        frame = page.locator('#graph .on-wide rect[data-step="notes.polished"]')
        frame.focus()
        page.keyboard.press("Enter")
        assert page.locator("#calls .count").inner_text() == "8 of 24 calls"
        assert frame.get_attribute("aria-pressed") == "true"
        assert "step=notes.polished" in page.url
        page.locator('#graph .on-wide [data-step="advice.reduce"]').focus()
        page.keyboard.press(" ")
        assert page.locator("#calls .count").inner_text() == "1 of 24 calls"
        assert frame.get_attribute("aria-pressed") == "false"
        made.check_silent()


def test_the_boxes_have_the_figures_of_their_calls(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, called(), tmp_path)
        figures = page.locator('#graph .on-wide [data-step="notes.verdict.line 9"] .figure').all_text_contents()
        assert figures == ["12 done", "2.40 s · $0.00257"]
        money = page.locator('#graph .on-wide [data-step="advice.money"]')
        assert money.locator(".figure").all_text_contents() == ["1 failed", "350 ms · $0"]
        assert "failing" in (money.get_attribute("class") or "")
        whole = page.locator('#graph .on-wide rect[data-step="notes"]').get_attribute("aria-label")
        assert whole == "notes: 20 done, 5.60 s · $0.00428"
        widths = {
            step: float(page.locator(f'#graph .on-wide [data-step="{step}"] .time').get_attribute("width") or 0)
            for step in ("notes.verdict.line 9", "notes.polished.draft")
        }
        assert widths["notes.polished.draft"] / widths["notes.verdict.line 9"] == pytest.approx(2.0 / 2.4)
        made.check_silent()


def test_keys_step_through_the_requests_and_open_them(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, waited(), tmp_path)
        page.focus(CANVAS)
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        first = page.locator("#timeline .tip div").first.inner_text()
        page.keyboard.press("ArrowRight")
        assert page.locator("#timeline .tip div").first.inner_text() != first
        page.keyboard.press("ArrowLeft")
        assert page.locator("#timeline .tip div").first.inner_text() == first
        assert first in (page.locator(CANVAS).get_attribute("aria-label") or "")
        whole = ink(page)
        page.keyboard.press("+")
        frames(page)
        assert ink(page) != whole
        page.keyboard.press("Home")
        frames(page)
        assert ink(page) == whole
        page.keyboard.press("Enter")
        assert page.locator("#call h2").inner_text() == first
        made.check_silent()


def test_the_mouse_shows_zooms_drags_and_opens(browser: Browser, tmp_path: Path) -> None:
    record = run_of(
        [
            call_of("notes[0].draft", at=0, ms=1000, labels=("the first",)),
            call_of(
                "notes[1].draft", attempts=(AttemptRecord("b", "answered", 3000, 4000, waited={"retry_after": 2000}),)
            ),
        ]
    )
    with sheet(browser) as made:
        page = opened(made, record, tmp_path)
        point(page, 0.1, 90)
        assert page.locator("#timeline .tip").inner_text().split("\n")[:2] == ["notes[0].draft", "the first"]
        point(page, 0.5, 74)
        assert page.locator("#timeline .tip").inner_text() == "idle 2.00 s: Retry-After of api.example.net"
        point(page, 0.99, 30)
        assert "the server works" in page.locator("#timeline .tip").inner_text()
        point(page, 0.9, 90)
        page.mouse.down()
        page.mouse.up()
        assert page.locator("#call h2").inner_text() == "notes[1].draft"
        before = ink(page)
        page.mouse.wheel(0, -400)
        frames(page)
        zoomed = ink(page)
        assert zoomed != before
        page.mouse.down()
        point(page, 0.2, 90)
        page.mouse.up()
        frames(page)
        assert ink(page) != zoomed
        page.get_by_role("button", name="Show the whole run").click()
        page.mouse.move(0, 0)
        frames(page)
        assert ink(page) == before
        made.check_silent()


@pytest.mark.slow
def test_the_page_scrolls_when_nothing_is_left_to_zoom_out(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser, height=500) as made:
        page = opened(made, waited(), tmp_path)
        page.locator(CANVAS).scroll_into_view_if_needed()
        page.hover(CANVAS)
        before = page.evaluate("scrollY")
        page.mouse.wheel(0, 120)
        for _ in range(40):
            if page.evaluate("scrollY") > before:
                break
            page.wait_for_timeout(50)
        assert page.evaluate("scrollY") > before
        made.check_silent()


@pytest.mark.parametrize("texts", few([True, False], True))
def test_hostile_text_stays_silent(browser: Browser, tmp_path: Path, texts: bool) -> None:
    refused = AttemptRecord("a", "refused", 0, 400, HOSTILE, 400)
    record = run_of(
        [
            call_of(
                "notes[0].draft",
                HOSTILE,
                HOSTILE,
                labels=(HOSTILE,),
                reason=HOSTILE,
                attempts=(refused,),
                model=HOSTILE,
            )
        ],
        endpoints={HOSTILE: EndpointRecord(HOSTILE, f"https://{HOSTILE}/v1")},
    )
    with sheet(browser) as made:
        page = opened(made, record, tmp_path, texts=texts)
        page.focus(CANVAS)
        page.keyboard.press("ArrowRight")
        point(page, 0.5, 90)
        tip = page.locator("#timeline .tip")
        assert "\u202e" not in tip.inner_text() and "\x1b" not in tip.inner_text()
        assert ("onerror" in tip.inner_text()) is texts
        assert page.locator("img").count() == 0
        made.check_silent()


@pytest.mark.slow
def test_the_pause_of_a_resumed_run_is_cut_out(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, resumed(), tmp_path)
        assert "2 h 0 min of pause" in page.locator("#timeline-told").inner_text()
        # The bars fill the canvas: two hours of nothing would leave them a few pixels.
        assert ink(page)["11,87,184"] > 2000
        made.check_silent()


def test_a_run_without_times_says_so(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, untimed(), tmp_path)
        assert "has no times" in page.locator("#timeline").inner_text()
        assert not page.locator(CANVAS).is_visible()
        made.check_silent()


def test_an_empty_run_has_its_graph(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, run_of(), tmp_path)
        assert page.locator('#graph .on-wide [data-step="board"] .figure').first.text_content() == "no call"
        assert "sent no request" in page.locator("#timeline").inner_text()
        made.check_silent()


@pytest.mark.slow
def test_what_comes_later_is_drawn(browser: Browser, tmp_path: Path) -> None:
    first = running()
    later = waited(10)
    with sheet(browser) as made:
        page = opened(made, first, tmp_path)
        before = ink(page)["11,87,184"]
        page.evaluate("(data) => F.update(data)", page_data(replace(later, plan=first.plan)))
        frames(page)
        figures = page.locator('#graph .on-wide [data-step="board"] .figure').all_text_contents()
        assert figures[0] == "1 done"
        assert ink(page)["11,87,184"] != before
        assert page.locator("#timeline-told li").first.inner_text() != "The run took 2.83 s."
        made.check_silent()


@pytest.mark.slow
def test_narrow_screens_and_sharp_ones(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser, 400, 800, device_scale_factor=2) as made:
        page = opened(made, waited(), tmp_path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        size: Any = page.evaluate("[(c => [c.width, c.clientWidth])(document.querySelector('#timeline canvas'))][0]")
        assert size[0] == 2 * size[1]
        assert page.locator("#graph .on-narrow").is_visible() and not page.locator("#graph .on-wide").is_visible()
        page.set_viewport_size({"width": 900, "height": 800})
        frames(page)
        assert page.evaluate("document.querySelector('#timeline canvas').width") > size[0]
        made.check_silent()


@pytest.mark.slow
def test_print_has_the_words_instead_of_the_canvas(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, waited(), tmp_path)
        page.emulate_media(media="print")
        assert not page.locator(CANVAS).is_visible()
        assert page.locator("#timeline .spent").is_visible()
        last = page.locator("#timeline-told li").last.bounding_box()
        assert last is not None and last["width"] > 100
        assert page.locator("#graph svg").locator("visible=true").count() == 1
        assert page.pdf()[:4] == b"%PDF"
        made.check_silent()


@pytest.mark.slow
def test_twenty_thousand_requests_are_drawn_in_time(browser: Browser, tmp_path: Path) -> None:
    with sheet(browser) as made:
        page = opened(made, large(read=20, written=5), tmp_path)
        costs: list[float] = page.evaluate(
            """async () => {
              const costs = [];
              const frame = window.requestAnimationFrame.bind(window);
              window.requestAnimationFrame = (f) => frame((at) => {
                const before = performance.now();
                f(at);
                costs.push(performance.now() - before);
              });
              const canvas = document.querySelector("#timeline canvas");
              for (let i = 0; i < 30; i++) {
                canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: i % 10 < 5 ? -60 : 60, cancelable: true }));
                await new Promise((done) => frame(() => frame(done)));
              }
              return costs;
            }"""
        )
        assert len(costs) >= 20
        assert sorted(costs)[len(costs) // 2] < 50, costs
        made.check_silent()
