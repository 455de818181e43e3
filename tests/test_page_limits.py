"""A page of a run that is too large for a browser leaves out what does not fit, and says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.pages import data, report_page
from flowrun.runtime.pages.fitting import fitting, texts_of
from support.browser import open_browser, sheet
from support.page_records import call_of, run_of


def test_a_run_that_fits_is_whole() -> None:
    record = run_of([call_of("a"), call_of("b")], notes=("mind",))
    assert fitting(record).record is record
    assert (fitting(record).longest, fitting(record).told) == (None, ())


def test_failed_calls_are_kept_before_others() -> None:
    calls = [call_of(f"notes[{n}].draft") for n in range(9)]
    calls[7] = replace(calls[7], state="failed")
    fit = fitting(run_of(calls), most_calls=3)
    assert [one.path for one in fit.record.calls] == ["notes[0].draft", "notes[1].draft", "notes[7].draft"]
    assert "9 calls" in fit.told[0] and "3 of them" in fit.told[0]
    calls = [replace(one, state="failed") for one in calls]
    assert len(fitting(run_of(calls), most_calls=3).record.calls) == 3


@pytest.mark.parametrize("most", [50, 130, 200, 700])
def test_long_texts_are_cut_at_an_equal_length(most: int) -> None:
    calls = [call_of("a", "p" * 30, "x" * 500), call_of("b", "q" * 50, "x" * 500), call_of("c", "p" * 30, "x" * 500)]
    record = replace(run_of(calls), text="")
    lengths = [len(one) for one in set(texts_of(record))]

    def size(longest: int) -> int:
        return sum(min(one, longest) for one in lengths)

    longest = fitting(record, most_text=most).longest
    assert (longest is None) == (sum(lengths) <= most)
    if longest is not None:
        assert size(longest) <= most < size(longest + 1)
    assert fitting(record, texts=False, most_text=most).longest is None


def test_a_page_of_cut_texts_opens_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def small(record: Any, *, texts: bool) -> Any:
        return fitting(record, texts=texts, most_calls=5, most_text=400)

    monkeypatch.setattr(data, "fitting", small)
    calls = [call_of(f"notes[{n}].draft", f"{n} " * 100, f"{n}" * 200, value=[f"{n}" * 200]) for n in range(9)]
    path = tmp_path / "report.html"
    path.write_text(report_page(run_of(calls)), encoding="utf-8")
    with open_browser() as browser, sheet(browser) as seen:
        page = seen.open(path, "call=notes[2].draft")
        assert "more characters" in page.inner_text("#call")
        assert "9 calls, too many" in page.inner_text("#remarks")
        assert "Texts over" in page.inner_text("#remarks")
        assert page.inner_text("#figure-calls") == "9"
        rows = page.evaluate("F.store.model.calls.map(F.store.row)")
        assert len(rows) == 5
        seen.check_silent()
    assert len(path.read_text(encoding="utf-8")) < 200_000
