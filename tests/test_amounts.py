"""Times, dollars and counts in words, and tables that fit a terminal."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.cli.views.clock import clock_text
from flowrun.runtime.cli.views.table import Column, cut, table, width_of
from flowrun.runtime.vocabulary.amounts import apart_text, figures, money_text, time_text


@pytest.mark.parametrize(
    ("dollars", "said"),
    [
        (0, "$0"),
        (0.0021, "$0.0021"),
        (0.00212345, "$0.00212"),
        (0.0000000042, "$0.0000000042"),
        (0.1, "$0.10"),
        (1.5, "$1.50"),
        (1.999, "$2"),
        (12.34, "$12.30"),
        (123.4, "$123"),
        (12345.6, "$12,346"),
        (-0.5, "−$0.50"),
        (None, "?"),
    ],
)
def test_dollars_have_three_figures(dollars: float | None, said: str) -> None:
    assert money_text(dollars) == said


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_no_cost_is_written_as_nothing(dollars: float) -> None:
    said = money_text(dollars)
    assert float(said.removeprefix("$").replace(",", "")) == pytest.approx(dollars, rel=0.006)
    assert said != "$0"


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0 ms"),
        (0.25, "0.25 ms"),
        (812, "812 ms"),
        (999.6, "1 s"),
        (1234, "1.23 s"),
        (72_500, "72.5 s"),
        (119_990, "2 min 0 s"),
        (125_000, "2 min 5 s"),
        (7_199_900, "2 h 0 min"),
        (12_000_000, "3 h 20 min"),
        (-1234, "−1.23 s"),
        (None, "?"),
    ],
)
def test_times_have_three_figures(milliseconds: float | None, said: str) -> None:
    assert time_text(milliseconds) == said


@pytest.mark.parametrize(("value", "said"), [(float("nan"), "?"), (float("inf"), "?"), (1e-9, "0.000000001")])
def test_odd_numbers(value: float, said: str) -> None:
    assert figures(value) == said


def test_a_moment_is_as_short_as_its_distance_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TZ", "UTC")
    time.tzset()
    try:
        now = 1_790_000_000.0
        assert clock_text(now, now + 60) == "14:13:20"
        assert clock_text(now, now + 86_400) == "21 Sep 14:13"
        assert clock_text(now, now + 366 * 86_400) == "21 Sep 2026 14:13"
        assert clock_text(1e20, now) == "?"
    finally:
        monkeypatch.undo()
        time.tzset()


COLUMNS = (Column("run"), Column("began", rank=2), Column("file", rank=1, least=6), Column("cost", rank=3, right=True))
ROWS = [["swift-otter", "21 Sep", "a-long-name-of-a-file.flow", "$1"], ["calm-fox", "22 Sep", "b.flow", "$0.0021"]]


def test_a_table_without_a_width_is_whole() -> None:
    assert table(COLUMNS, ROWS, None) == [
        "run          began   file                           cost",
        "swift-otter  21 Sep  a-long-name-of-a-file.flow       $1",
        "calm-fox     22 Sep  b.flow                      $0.0021",
    ]


def test_a_narrow_table_drops_the_least_important_columns_first() -> None:
    assert table(COLUMNS, ROWS, 45)[1] == "swift-otter  21 Sep  a-long-name-of…       $1"
    assert table(COLUMNS, ROWS, 30)[0] == "run          began   file"
    assert table(COLUMNS, ROWS, 20)[0] == "run          file"
    assert table(COLUMNS, ROWS, 12)[0] == "run"
    assert table(COLUMNS, ROWS, 5)[1] == "swif…"


def test_empty_columns_are_left_out() -> None:
    assert table(COLUMNS, [["a", "", "", ""]], None) == ["run", "a"]
    assert table(COLUMNS, [], None) == []


@given(st.lists(st.lists(st.text(max_size=30), min_size=4, max_size=4), min_size=1, max_size=5), st.integers(1, 90))
def test_no_table_is_wider_than_its_terminal(rows: list[list[str]], width: int) -> None:
    assert all(width_of(line) <= width for line in table(COLUMNS, rows, width))


@given(st.text(max_size=40), st.integers(0, 40))
def test_a_cut_text_fits(text: str, most: int) -> None:
    short = cut(text, most)
    assert width_of(short) <= most
    assert short == text if width_of(text) <= most else short.endswith("…") or most == 0


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("汉字", 4), ("e\u0301", 1), ("a\u200db", 2), ("ｆ", 2), ("", 0)]
)
def test_wide_letters_and_marks_are_counted_as_terminals_do(text: str, cells: int) -> None:
    assert width_of(text) == cells


@pytest.mark.parametrize(
    ("less", "more", "said"),
    [
        (0.5, 0.8, ("$0.50", "$0.80")),
        (0.0001, 0.000104, ("$0.000100", "$0.000104")),
        (0, 0.3, ("$0.00", "$0.30")),
        (1200.001, 1200.002, ("$1,200.001", "$1,200.002")),
        (1, 1, ("$1.000000000000", "$1.000000000000")),
    ],
)
def test_different_limits_never_look_alike(less: float, more: float, said: tuple[str, str]) -> None:
    assert apart_text(less, more) == said
