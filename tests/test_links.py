"""The links of the pages lead to pages, headings and files that exist, and every page can be reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")


def prose(page: Path) -> str:
    """The text of a page without the parts that are code."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The names of the headings of a page, as GitHub makes them."""
    found = set[str]()
    for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def dead(page: Path, text: str) -> list[str]:
    """The links in a page's text that lead nowhere. Links to other sites are not tried."""
    found = []
    for link in _LINK.findall(_CODE.sub("", text)):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert dead(page, prose(page)) == []


def test_a_dead_link_is_found() -> None:
    page = ROOT / "docs" / "scale.md"
    text = "[a](gone.md) [b](#no-heading) [c](journal.md#rows) [d](../README.md#no) [e](https://x.example/#y)"
    assert dead(page, text) == ["gone.md", "#no-heading", "../README.md#no"]


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, open_pages = set[Path](), [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in seen:
            continue
        seen.add(page)
        for link in _LINK.findall(prose(page)):
            target = (page.parent / link.partition("#")[0]).resolve()
            if "://" not in link and target.suffix == ".md" and target.exists():
                open_pages.append(target)
    assert [page.name for page in PAGES if page not in seen and page.name != "CHANGELOG.md"] == []
