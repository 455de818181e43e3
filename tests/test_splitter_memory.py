"""Hostile and large texts: what splitting them takes of the memory stays in proportion."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.splitters import SPLITTERS
from flowrun.runtime.splitters.markdown import headings_of

MIB = 1024 * 1024
TEXTS = {
    "line ends": "'\\n' * n",
    "line ends and a word": "'\\n' * n + 'x'",
    "both line ends": "'\\r\\n' * (n // 2) + 'x'",
    "blank lines": "' \\n' * (n // 2) + 'x'",
    "blanks": "' ' * n",
    "one line": "'x' * n",
    "words": "'ab ' * (n // 3)",
    "different words": "' '.join(map(str, range(n // 8)))",
    "paragraphs": "'a\\n\\n' * (n // 3)",
    "fences": "'```\\n' * (n // 4)",
    "headings": "'# a\\n' * (n // 4)",
    "a heading at last": "'\\n' * n + '# a'",
    "a list": "'- a\\n' * (n // 4) + '# a'",
    "a quotation": "'> a\\n' * (n // 4) + '# a'",
    "a fence that never ends": "'```\\n' + 'a\\n' * (n // 2) + '# a'",
    "a comment that never ends": "'<!--\\n' + 'a\\n' * (n // 2) + '# a'",
    "a paragraph": "'a\\n' * (n // 2) + '# a'",
}
ARGS = {"tokens": 800, "chars": 800}
# Reading Markdown takes a second for a MiB of short lines.
SIZES = {"heading": MIB // 8, "sentence": MIB // 2}
# Each text has a fork of a process that has loaded the modules: its peak begins with what it has at its start.
SCRIPT = """
import os
import sys
from flowrun.runtime.splitters import SPLITTERS

def most():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))

rule, n, arg = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SPLITTERS[rule].split("# a\\n\\nb", {"n": arg})
for written in sys.argv[4:]:
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit(f"it failed with {written}")
        continue
    text = eval(written)
    before = most()
    SPLITTERS[rule].split(text, {"n": arg})
    print(most() - before, flush=True)
    os._exit(0)
"""


def taken(rule: str, texts: Iterable[str], size: int) -> dict[str, float]:
    """MiB that splitting takes beside each of the texts."""
    names = list(texts)
    command = [sys.executable, "-c", SCRIPT, rule, str(size), str(ARGS.get(rule, 1)), *(TEXTS[name] for name in names)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=600)
    return dict(zip(names, (int(line) / 1024 for line in done.stdout.splitlines()), strict=True))


linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the peak of a process")


@linux
def test_20_mb_by_paragraph() -> None:
    texts = ["line ends", "line ends and a word", "both line ends", "blank lines", "blanks"]
    found = taken("paragraph", texts, 20_000_000)
    assert max(found.values()) < 60, found


@linux
@pytest.mark.slow
@pytest.mark.parametrize("rule", SPLITTERS)
def test_memory_grows_with_the_pieces_alone(rule: str) -> None:
    check_memory(rule, TEXTS)


@linux
@pytest.mark.parametrize(("rule", "texts"), [("heading", ["headings", "a list"]), ("tokens", ["different words"])])
def test_memory_of_some(rule: str, texts: list[str]) -> None:
    check_memory(rule, texts)


def check_memory(rule: str, texts: Iterable[str]) -> None:
    """A piece is a text of its own, of some 60 bytes, and there may be one for each two characters."""
    size = SIZES.get(rule, MIB)
    found = taken(rule, texts, size)
    # A tree of Markdown takes more.
    assert max(found.values()) < (40 if rule == "heading" else 20) + 45 * size / MIB, found


LINES = [
    "# a\n",
    "## b\n",
    "a\n",
    "===\n",
    "---\n",
    "\n",
    "- a\n",
    "  # no\n",
    "> q\n",
    "```\n",
    "~~~ x\n",
    "    # code\n",
]
LINES += ["<div>\n", "<!--\n", "-->\n", "<script>\n", "</script>\n", "1. x\n", "[a]: b\n", "\t# t\n", "# c\r\n", "d\r"]


@given(bits=st.lists(st.sampled_from(LINES), max_size=30), size=st.integers(20, 90))
def test_headings_are_the_same_part_by_part(bits: list[str], size: int) -> None:
    """Each block is followed by a break, so that none is as long as a part."""
    text = "".join(bits)
    whole = list(headings_of(text, 0, len(text) + 1))
    blocks = longest_block(text)
    if blocks < size:
        assert list(headings_of(text, 0, size)) == whole


def longest_block(text: str) -> int:
    from markdown_it import MarkdownIt

    from flowrun.runtime.splitters.protocol import lines

    starts = [start for start, _ in lines(text)] + [len(text)]
    tokens = [one for one in MarkdownIt("commonmark").parse(text) if one.map and one.level == 0]
    places = [starts[min(one.map[0], len(starts) - 1)] for one in tokens if one.map] + [len(text)]
    return max((after - before for before, after in zip([0, *places], places, strict=False)), default=0)


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("```\n" + "# no\n" * 40_000 + "```\n# yes\n", ["# yes"]),
        ("```\n" + "# no\n" * 40_000, []),
        ("<!--\n" + "# no\n\n" * 40_000 + "-->\n# yes\n", ["# yes"]),
        ("<script>\n" + "# no\n\n" * 40_000 + "</script>\n\n# yes\n", ["# yes"]),
        ("- # no\n" * 40_000 + "\n# yes\n", ["# yes"]),
        ("x" * 300_000 + "\n\n# yes", ["# yes"]),
        ("# " + "x" * 300_000 + "\n# yes", ["# " + "x" * 300_000, "# yes"]),
        ("# yes\n" + "\n" * 300_000 + "# yes", ["# yes", "# yes"]),
    ],
)
def test_blocks_that_are_longer_than_a_part(text: str, titles: list[str]) -> None:
    assert [text[one.start : one.end].rstrip() for one in headings_of(text)] == titles
