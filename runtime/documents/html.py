"""HTML: its text, with headings, lists, code and tables written as in Markdown.

Scripts, styles and comments are dropped, and so is the title, which pages repeat as a heading.
"""

from __future__ import annotations

import re

from ..files import decode
from .markup import Part, blocks_text, parts
from .protocol import Reader

_DROPPED = frozenset({"script", "style", "template", "title", "noscript", "iframe"})
_BLOCK_TAGS = """
    address article aside blockquote body caption dd details dialog div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol option p pre section summary
    table tbody td tfoot th thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_CELLS = frozenset({"td", "th"})
_HEADING = re.compile(r"h[1-6]")
_BLANK = re.compile(r"[ \t\n\f\r]+")
_TICKS = re.compile(r"`{3,}")
_DEEPEST_LIST = 12


class _Page:
    """Blocks of text as they come."""

    def __init__(self) -> None:
        self.blocks: list[tuple[str, bool]] = []
        self.words: list[str] = []
        self.prefix = ""
        self.lists: list[int | None] = []
        self.row: list[str] | None = None
        self.code = False
        self.dropped = ""
        self.depth = 0

    def take(self, part: Part) -> None:
        if self.dropped:
            if part.value == self.dropped and part.kind != "text":
                self.depth += 1 if part.kind == "open" else -1
                self.dropped = self.dropped if self.depth else ""
        elif part.kind == "text":
            self.words.append(part.value)
        elif part.kind == "open" and part.value in _DROPPED:
            self.dropped, self.depth = part.value, 1
        elif part.value == "br":
            self.words.append("\n" if self.code else "\v")
        elif self.code and part.value != "pre":
            if part.kind == "close" and part.value in _BLOCKS and not "".join(self.words[-1:]).endswith("\n"):
                self.words.append("\n")
        elif part.value in _BLOCKS:
            self.end_block()
            (self.open if part.kind == "open" else self.close)(part.value)

    def open(self, name: str) -> None:
        if _HEADING.fullmatch(name):
            self.prefix = "#" * int(name[1]) + " "
        elif name in ("ul", "menu"):
            self.lists.append(None)
        elif name == "ol":
            self.lists.append(0)
        elif name == "li":
            self.prefix = "  " * min(max(len(self.lists) - 1, 0), _DEEPEST_LIST) + self.marker()
        elif name in ("table", "tr"):
            self.end_row()
            self.row = [] if name == "tr" else None
        elif name in _CELLS and self.row is not None:
            self.row.append("")
        elif name == "pre":
            self.end_row()
            self.code = True

    def close(self, name: str) -> None:
        if name in ("ul", "menu", "ol") and self.lists:
            self.lists.pop()
        elif name in ("tr", "table"):
            self.end_row()
        if name != "li" and (_HEADING.fullmatch(name) or not self.lists):
            self.prefix = ""

    def marker(self) -> str:
        number = self.lists[-1] if self.lists else None
        if number is None:
            return "- "
        self.lists[-1] = number + 1
        return f"{number + 1}. "

    def end_block(self) -> None:
        text, self.words = "".join(self.words), []
        if self.code:
            self.code = False
            if text.strip():
                longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
                fence = "`" * (longest + 1)
                self.blocks.append((f"{fence}\n{text.strip(chr(10))}\n{fence}", False))
            return
        lines = [_BLANK.sub(" ", line).strip(" ") for line in text.split("\v")]
        text = "\n".join(lines).strip("\n")
        if self.row is not None:
            if text:
                last = self.row.pop() if self.row else ""
                self.row.append(f"{last} {text}".strip().replace("\n", " "))
        elif text:
            if self.prefix.startswith("#"):
                text = text.replace("\n", " ")
            self.blocks.append((self.prefix + text, self.prefix.lstrip().startswith(("- ", *"0123456789"))))
            self.prefix = "" if not self.lists else " " * len(self.prefix)

    def end_row(self) -> None:
        cells, self.row = self.row or [], None
        if any(cells):
            self.blocks.append((" | ".join(cells), True))

    def text(self) -> str:
        self.end_block()
        self.end_row()
        return blocks_text(self.blocks)


def read(data: bytes, name: str) -> str:
    page = _Page()
    for part in parts(decode(data, name).replace("\v", " ")):
        page.take(part)
    return page.text()


READER = Reader("HTML", (".html", ".htm", ".xhtml"), read)
