"""The page of the patterns shows flows that ship, with their pictures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from flowrun.dsl import Source, check_flow, make_plan, picture_of, to_mermaid
from flowrun.runtime.catalog import catalog
from flowrun.testing.parallel import run_files

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "patterns.md"
PICTURE = re.compile(r"(?<=\n```mermaid\n)(.*?)(?=```\n)", re.DOTALL)


def sections(page: str) -> dict[str, str]:
    return {part.split("\n", 1)[0]: part for part in page.split("\n## ")[1:]}


def flow_of(section: str) -> Path:
    (name,) = re.findall(r"\(\.\./(workflows/\w+\.flow)\)", section)
    return ROOT / name


def picture(path: Path) -> str:
    checked = check_flow(Source(path.read_text(encoding="utf-8"), path.name), catalog())
    return to_mermaid(picture_of(make_plan(checked), catalog().functions)).rstrip("\n") + "\n"


def drawn(page: str) -> str:
    """Return the page with the pictures of its flows."""
    head, *parts = re.split(r"(?=\n## )", page)
    return head + "".join(map(with_picture, parts))


def with_picture(section: str) -> str:
    drawing = picture(flow_of(section))
    return PICTURE.sub(lambda _: drawing, section)


SECTIONS = sections(PAGE.read_text(encoding="utf-8"))


def test_the_pictures_are_those_of_the_flows() -> None:
    page = PAGE.read_text(encoding="utf-8")
    expected = drawn(page)
    if os.environ.get("FLOWRUN_UPDATE"):
        PAGE.write_text(expected, encoding="utf-8")
    else:
        assert page == expected


def test_a_picture_of_another_flow_is_found() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert drawn(page.replace("../workflows/chain.flow", "../workflows/panel.flow")) != page


@pytest.mark.parametrize("name", SECTIONS)
def test_a_pattern_has_a_tested_flow_and_says_when_not_to_use_it(name: str) -> None:
    assert SECTIONS[name].count("*Not when:*") == 1
    (result,) = run_files([str(flow_of(SECTIONS[name]))])
    assert result.outcomes
    assert {one.status for one in result.outcomes} == {"passed"}


@pytest.mark.parametrize("name", SECTIONS)
def test_the_input_that_a_flow_names_is_there(name: str) -> None:
    text = flow_of(SECTIONS[name]).read_text(encoding="utf-8")
    command = re.search(r"^#   flowrun (.*)$", text, re.MULTILINE)
    assert command
    for path in re.findall(r"workflows/\S+", command[1]):
        assert (ROOT / path).is_file()
