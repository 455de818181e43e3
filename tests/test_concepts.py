"""The pictures of the page on concepts are those of its flows."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow, make_plan, picture_of, to_svg
from flowrun.runtime.catalog import catalog

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = (DOCS / "concepts.md").read_text(encoding="utf-8")
DRAWN = re.findall(r"^```flow\n(.*?)^```\n\n!\[[^\]]+\]\((pictures/\w+\.svg)\)$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("flow", "place"), DRAWN, ids=[place for _, place in DRAWN])
def test_a_picture_is_that_of_its_flow(flow: str, place: str) -> None:
    drawn = to_svg(picture_of(make_plan(check_flow(Source(flow, place), catalog())), catalog().functions))
    if os.environ.get("FLOWRUN_UPDATE"):
        (DOCS / place).write_text(drawn, encoding="utf-8")
    assert (DOCS / place).read_text(encoding="utf-8") == drawn


def test_each_picture_stands_on_the_page() -> None:
    assert {place for _, place in DRAWN} == {f"pictures/{path.name}" for path in (DOCS / "pictures").glob("*.svg")}
    assert len(DRAWN) == PAGE.count("```flow") >= 5


def test_the_page_counts_as_flowrun_does() -> None:
    from flowrun.runtime.forecast.estimate import least_of

    flow = next(flow for flow, place in DRAWN if place == "pictures/titles.svg")
    bounds = least_of(make_plan(check_flow(Source(flow, "titles"), catalog())), "openai:any", {})
    assert bounds.calls.most == 11
    assert "makes 11 calls" in PAGE
