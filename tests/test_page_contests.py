"""The page of a run with a vote that compares its answers, and with a search, which is no vote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flowrun.runtime.pages import report_page
from flowrun.runtime.vocabulary.tally import Classes, Contest, Tally
from support.browser import open_browser, sheet
from support.page_records import call_of, run_of


def test_a_vote_that_compares_is_counted_with_the_votes(tmp_path: Path) -> None:
    compared = Tally("a", (("a", 2), ("b", 1)), 3, first="a", of=3, classes=Classes((("a", "A"), ("b",)), 3))
    found = Tally("x", (("x", 1),), 3, contest=Contest("first", 0, 1, 3))
    record = run_of([call_of("v[0].ask"), call_of("s[0].ask")])
    record = replace(record, end=replace(record.end, votes={"v": compared, "s": found}))
    path = tmp_path / "report.html"
    path.write_text(report_page(record), encoding="utf-8")
    with open_browser() as browser, sheet(browser) as seen:
        page = seen.open(path)
        head = page.locator("h2:text-is('Votes') + p").inner_text()
        assert head == "1 vote, 1 of them split; mean agreement 0.67; 1 search or tournament"
        seen.check_silent()
