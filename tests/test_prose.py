"""The sentences of the pages that people write are short."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest

from support.doc_blocks import FENCE, ROOT, pages

MOST = 60
"""The words of the longest sentence. Code between backquotes counts as one word."""
USUAL = 14
"""The words of a sentence on average."""
PAGES = [path for path in pages() if path.parent.name != "explain" and path.name != "CHANGELOG.md"]


def sentences(text: str) -> list[str]:
    """The sentences of a page, without code, headings, tables and comments. An item of a list is no part of another."""
    text = re.sub(r"<!--.*?-->", "", FENCE.sub("\n\n", text), flags=re.DOTALL)
    lines = ["" if line.lstrip().startswith(("|", "#")) else line for line in text.split("\n")]
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "x", "\n".join(lines)))
    parts = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", plain)
    return [one for part in parts for one in re.split(r"(?<=[.!?:;])\s+", " ".join(part.split())) if one]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_sentence_is_long(page: Path) -> None:
    found = sentences(page.read_text(encoding="utf-8"))
    assert [one for one in found if len(one.split()) > MOST] == []


def test_sentences_are_short_on_average() -> None:
    counts = [len(one.split()) for page in PAGES for one in sentences(page.read_text(encoding="utf-8"))]
    assert statistics.mean(count for count in counts if count > 2) < USUAL


def test_a_long_sentence_is_found() -> None:
    long = "word " * 70
    text = f"# A title\n\nShort. {long}.\n\n```sh\n{long}\n```\n\n| {long} |\n- one\n- two `a b c`\n"
    assert [len(one.split()) for one in sentences(text)] == [1, 71, 2, 3]
