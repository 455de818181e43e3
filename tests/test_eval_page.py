"""The page of an evaluation: it stands alone, shows all sides, and foreign text in it stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from flowrun.dsl import STEERS, types
from flowrun.runtime.cli.views.eval_text import lines
from flowrun.runtime.eval.as_json import as_json
from flowrun.runtime.eval.calibration import calibrated
from flowrun.runtime.eval.columns import Column
from flowrun.runtime.eval.junit import junit
from flowrun.runtime.eval.measures import measured
from flowrun.runtime.eval.page import eval_page
from flowrun.runtime.eval.picture import LEFT, SIDE, TOP, calibration_svg
from flowrun.runtime.eval.side import First, Row, Side
from flowrun.runtime.pages.assembly import policy_of
from flowrun.runtime.vocabulary.quoting import inert
from flowrun.runtime.vocabulary.tally import Tally
from support.browser import open_browser, sheet

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "</table></style><script>window.canary=1</script><img src=x onerror=window.canary=1>@@style@@\x1b[2J\u202e"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


def voted(votes: int, of: int) -> Tally:
    others = ((("NOT", of - votes),)) if votes < of else ()
    return Tally("SPAM", (("SPAM", votes), *others), of, counted=of, asked=of, first="SPAM", of=of)


def side(name: str, text: str = "NOT", *, right: int = 6, of: int = 8) -> Side:
    """Make a side that is right in its first rows; the rest has the answer ``text``, and the last row none."""
    found = []
    for at in range(of):
        good = at < right
        tally, got = voted(3 if good else 2, 3), "SPAM" if good else text
        reason = text if at == of - 1 else ""
        first = First(good, 1, 0.25, 40)
        found.append(Row(at, text, "SPAM", None if reason else got, reason, good, 3, 0.75, 90, 120, tally, first))
    return Side(name, "20260101-000000-aaaa", types.TEXT, tuple(found), 3 * of, 6.0)


def sides(text: str = "NOT", *labels: str) -> list[Column]:
    """Make the columns of an evaluation: one, or one for each label."""
    found = measured([side("label", text), side(text, text, right=4)])
    return [Column(label, tuple(found)) for label in labels or ("want",)]


def test_the_page_shows_each_side_and_their_comparison(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "eval.html"
    file.write_text(eval_page(sides()), encoding="utf-8")
    with sheet(browser) as seen:
        page = seen.page
        page.goto(file.as_uri())
        assert page.locator("h1").inner_text() == "label"
        assert [one.inner_text() for one in page.locator("tbody tr").first.locator("td").all()][:4] == [
            "label", "0.750", "0.409 to 0.929", "6 of 8",
        ]  # fmt: skip
        body = page.locator("body").inner_text()
        assert "NOT against label: −0.250" in body and "not told apart with 8 rows: about" in body
        differing = page.locator("section", has_text="Rows with different answers").locator("tbody tr")
        assert [row.locator("td").all_inner_texts() for row in differing.all()] == [
            ["5", "NOT", "SPAM", "SPAM", "NOT"],
            ["6", "NOT", "SPAM", "SPAM", "NOT"],
        ]
        assert page.locator("svg.calibration").count() == 2
        assert page.locator("svg.calibration circle").count() == 4
        assert page.locator("svg.calibration").first.bounding_box() is not None
        seen.check_silent()


def test_several_answers_have_a_summary_and_a_part_each(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "eval.html"
    file.write_text(eval_page(sides("NOT", "want=kind", "<b>team</b>")), encoding="utf-8")
    with sheet(browser) as seen:
        page = seen.page
        page.goto(file.as_uri())
        tables = page.locator("table")
        assert tables.first.locator("th").all_inner_texts()[:4] == ["side", "want=kind", "<b>team</b>", "all right"]
        assert [one.inner_text() for one in tables.first.locator("tbody tr").first.locator("td").all()][:6] == [
            "label", "0.750", "0.750", "0.750", "0.409 to 0.929", "6 of 8",
        ]  # fmt: skip
        heads = page.locator("h2").all_inner_texts()
        assert heads.count("want=kind") == heads.count("<b>team</b>") == 1
        assert {"label · want=kind", "NOT · <b>team</b>", "Rows with different answers · want=kind"} <= set(heads)
        assert page.locator("svg.calibration").count() == 4
        page.set_viewport_size({"width": 400, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        seen.check_silent()


@pytest.mark.parametrize(("rows", "told"), [(501, False), (502, True)])
def test_the_page_says_if_it_lists_only_some_rows(rows: int, told: bool) -> None:
    # The last row of each side has no answer, so that it does not differ.
    found = measured([side("label", right=rows, of=rows), side("other", right=0, of=rows)])
    text = eval_page([Column("want", tuple(found))])
    assert ("Only the first 500 are listed." in text) == told
    assert f"… and {rows - 500} more." in text


@pytest.mark.parametrize("write", [eval_page, as_json, junit])
def test_foreign_text_stays_text(write: object, browser: Browser, tmp_path: Path) -> None:
    assert callable(write)
    text = str(write(sides(HOSTILE)))
    assert not re.search(f"[{STEERS}]", text)
    if write is not eval_page:
        return
    file = tmp_path / "eval.html"
    file.write_text(text, encoding="utf-8")
    with sheet(browser) as seen:
        page = seen.page
        page.goto(file.as_uri())
        assert page.evaluate("window.canary") is None
        assert "<script>window.canary=1" in page.locator("body").inner_text()
        seen.check_silent()
        assert page.locator("script").count() == 0 and page.locator("img").count() == 0


def test_the_page_may_load_and_run_nothing() -> None:
    text = eval_page(sides())
    assert policy_of(()) in text and "script-src" not in text
    assert not re.search(r"""\b(src|href)=|url\(|@import|style=""", text.split("</style>")[1])


def test_a_terminal_gets_no_line_that_controls_it() -> None:
    for width in (40, 80, None):
        told = [inert(line) for line in lines(sides(HOSTILE), width)]
        assert not any("\x1b" in line or "\u202e" in line or "\n" in line for line in told)
    table = list(lines(sides(), 60))[:3]
    assert max(map(len, table)) <= 60 and "accuracy" in table[0]


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_the_summary_of_several_answers_fits_the_terminal(width: int) -> None:
    head, first, _ = list(lines(sides("NOT", "want=kind", "a label that is long enough for two"), width))[:3]
    assert max(len(head), len(first)) <= width and "all right" in head
    # The accuracies of the answers stay as long as there is room for six cells each.
    assert first.split().count("0.750") == (1 if width == 30 else 3)


def test_the_picture_places_groups_by_agreement_and_accuracy() -> None:
    found = calibrated([(1.0, True)] * 3 + [(0.5, True), (0.5, False)])
    root = ElementTree.fromstring(calibration_svg(found, "a &amp; b"))
    assert root[0].text == "a & b"
    dots = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in root.iter("circle")]
    assert dots == [(LEFT + SIDE / 2, TOP + SIDE / 2), (LEFT + SIDE, TOP)]
    sizes = [float(one.attrib["r"]) for one in root.iter("circle")]
    assert sizes[0] < sizes[1]
    assert [one[0].text for one in root.iter("circle")] == ["0.5 to 0.6: 1 of 2 right", "unanimous: 3 of 3 right"]
