"""Each code has a page, and what a page shows is true."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from flowrun.dsl import CODES, Diagnostic, FlowError, Source, check_flow, page
from flowrun.dsl.lints import lint_pages
from flowrun.runtime.catalog import catalog

PAGE = re.compile(
    r"# (?P<code>F\d{4}): (?P<title>[^\n]+)\n\n"
    r"(?P<prose>(?:[^#`\n][^\n]*\n|`[^`\n][^\n]*\n)+)\n"
    r"```flow bad\n(?P<bad>.*?)```\n\n"
    r"```flow good\n(?P<good>.*?)```\n",
    re.DOTALL,
)


OF_COMMANDS = {"F0778", "F0779"}
"""The codes that only commands find: `flowrun eject`, and those that need a plan. Tests of them try the examples."""
LIBRARY = {
    "lib/summaries.flow": 'flow summary(of: text) {\n  short = ask "Summarise: {{ of }}"\n  return short\n}\n',
    "prompts/note.md": "Write a note about this section:\n\n{{ section }}\n",
}


def load(path: str) -> Source | str:
    return Source(LIBRARY[path], path) if path in LIBRARY else "there is no such file"


def parts(code: str) -> re.Match[str]:
    found = PAGE.fullmatch(page(code))
    assert found, "a page is a title, one paragraph, a bad example and a good one"
    return found


def findings(text: str) -> tuple[Diagnostic, ...]:
    try:
        checked = check_flow(Source(text), catalog(), load)
        return checked.warnings
    except FlowError as error:
        return error.diagnostics


def test_pages_are_for_codes() -> None:
    pages = [path.name.removesuffix(".md") for path in files("flowrun.dsl").joinpath("explain").iterdir()]
    assert sorted([*pages, *lint_pages()]) == sorted(CODES)


def test_an_unknown_code_has_no_page() -> None:
    with pytest.raises(KeyError):
        page("F9999")


@pytest.mark.parametrize("code", CODES)
def test_a_page_has_the_title_of_its_code(code: str) -> None:
    assert (parts(code)["code"], parts(code)["title"]) == (code, CODES[code].title)


@pytest.mark.parametrize("code", CODES)
def test_a_page_is_short_and_calm(code: str) -> None:
    # What stands between backquotes is code, not words of the page.
    words = re.sub(r"`[^`]*`", "x", parts(code)["prose"])
    assert 2 <= len(re.findall(r"[.:](?:\s|$)", words)) <= 10
    assert "!" not in words
    assert all(len(line) <= 120 for line in parts(code)["prose"].splitlines())


@pytest.mark.parametrize("code", sorted({*CODES} - OF_COMMANDS))
def test_the_bad_example_gives_the_code_and_no_other(code: str) -> None:
    assert {found.code for found in findings(parts(code)["bad"])} == {code}


@pytest.mark.parametrize("code", CODES)
def test_the_good_example_is_clean(code: str) -> None:
    assert findings(parts(code)["good"]) == ()
