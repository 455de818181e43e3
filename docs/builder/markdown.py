"""Small tools for text in Markdown: the parts that are code, cells of tables, names of headings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

FENCE = re.compile(r"^( *)(`{3,}|~{3,})([^\n]*)\n(.*?)^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)", re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) (.*)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def outside_fences(text: str, change: Callable[[str], str]) -> str:
    """Return a text in which the parts outside fenced blocks are changed."""
    parts, end = [], 0
    for found in FENCE.finditer(text):
        parts += [change(text[end : found.start()]), found[0]]
        end = found.end()
    return "".join([*parts, change(text[end:])])


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a text in which the parts outside of code are changed, be it fenced or between backquotes."""

    def prose(part: str) -> str:
        pieces, end = [], 0
        for found in _CODE.finditer(part):
            pieces += [change(part[end : found.start()]), found[0]]
            end = found.end()
        return "".join([*pieces, change(part[end:])])

    return outside_fences(text, prose)


def title_of(text: str) -> str:
    """Return the first heading of a page; "" if it has none."""
    found = _HEADING.search(FENCE.sub("", text))
    return found[2].strip() if found else ""


def plain(text: str) -> str:
    """Return a line without the signs of Markdown."""
    return _LINK.sub(r"\1", text).replace("`", "").replace("*", "").strip()


def anchor(heading: str) -> str:
    """Return the name of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", plain(heading).lower()).replace(" ", "-")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table. A cell is Markdown in one line."""
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(text: str) -> str:
    """Return a text for a cell of a table: in one line, and its bars escaped, also between backquotes."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def code(text: str) -> str:
    """Return a text between as many backquotes as it needs."""
    ticks = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if len(ticks) > 1 else ""
    return f"{ticks}{space}{text}{space}{ticks}" if text else ""


def fenced(text: str, kind: str = "") -> str:
    """Return a text as a fenced block."""
    ticks = "`" * max(3, max(map(len, re.findall("^`+", text, re.MULTILINE)), default=0) + 1)
    return f"{ticks}{kind}\n{text.rstrip()}\n{ticks}"


def page(title: str, *parts: str) -> str:
    """Return a page with a title and its parts."""
    return "\n\n".join([f"# {title}", *(part.strip("\n") for part in parts if part.strip())]) + "\n"


def headings(text: str) -> Iterator[tuple[int, str]]:
    """Yield the level and the text of each heading."""
    for found in _HEADING.finditer(FENCE.sub("", text)):
        yield len(found[1]), found[2].strip()
