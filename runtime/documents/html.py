"""HTML pages: their text, with headings, lists, code and tables written as in Markdown.

Scripts, styles, comments and hidden parts are left out. So is the title, because pages repeat it as a heading. Formulas
(MathML) are written on one line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .charsets import decode_page
from .formulas import Formula
from .html_lists import HtmlList, listing, reversed_lengths
from .html_tables import MOST_COLUMNS, MOST_ROWS, Cell, Grid
from .inline import Kind, Words
from .markup import Blocks, HtmlToken, parts
from .protocol import Reader
from .visibility import ENDED_BY, Hidden, is_struck

_DROPPED = frozenset({"script", "style", "template", "title", "noscript", "iframe", "rp"})
_BLOCK_TAGS = """
    address article aside blockquote body caption dd details dialog div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol option p pre section summary
    table tbody td tfoot th thead tr ul
"""
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_CELLS = frozenset({"td", "th"})
_ROW_GROUPS = frozenset({"table", "thead", "tbody", "tfoot"})
_KINDS: dict[str, Kind] = {
    "sup": "raised",
    "sub": "lowered",
    "del": "struck",
    "s": "struck",
    "strike": "struck",
    "q": "quoted",
    "rt": "ruby",
}
_HEADING = re.compile(r"h[1-6]")
_BLANK = re.compile(r"[ \t\n\f\r]+")
_TICKS = re.compile(r"`{3,}")
_WHOLE = re.compile(r"\s*([0-9]{1,6})")
_DEEPEST_LIST = 12
_LARGE = 2 * 1024 * 1024


class _Page:
    """The reader of a page. It writes blocks of text in order.

    ``lengths`` are the lengths of the lists that count down.
    """

    def __init__(self, name: str, lengths: list[int]) -> None:
        self.blocks = Blocks(name)
        self.words = Words()
        self.prefix = ""
        self.tight = False
        self.lists: list[HtmlList] = []
        self.lengths = lengths
        self.table = Grid()
        self.row: list[Cell] | None = None
        self.code = False
        self.formula: Formula | None = None
        self.hidden: Hidden | None = None

    def take(self, part: HtmlToken) -> None:
        if (self.hidden is not None and self.in_hidden(part)) or (self.formula is not None and self.in_formula(part)):
            return
        attributes = part.attributes if part.kind == "open" else {}
        if part.kind == "text":
            self.words.add(part.value)
        elif part.kind == "open" and self.hides(part.value, attributes):
            pass
        elif part.value == "br":
            self.words.add("\n" if self.code else "\v")
        elif part.value in _BLOCKS:
            self.block(part, attributes)
        elif part.kind == "close":
            self.words.close(part.value)
        elif part.value == "math":
            self.formula = Formula()
        else:
            self.inline(part.value, attributes)

    def in_hidden(self, part: HtmlToken) -> bool:
        """Tell whether a part belongs to the hidden element, also as its end tag."""
        assert self.hidden is not None
        if self.hidden.goes_on(part, _BLOCKS):
            return True
        name, self.hidden = self.hidden.name, None
        return part.kind == "close" and part.value == name

    def hides(self, name: str, attributes: Mapping[str, str]) -> bool:
        """Tell whether a hidden element begins."""
        self.hidden = Hidden.of(name, attributes, name in _DROPPED)
        if self.hidden is not None and name in _BLOCKS and name not in _CELLS:
            self.end_block()
        return self.hidden is not None

    def block(self, part: HtmlToken, attributes: Mapping[str, str]) -> None:
        if self.code and part.value != "pre":
            if part.kind == "close" and not "".join(self.words.words[-1:]).endswith("\n"):
                self.words.add("\n")
            return
        self.end_block()
        if part.kind == "open":
            self.open(part.value, attributes)
        else:
            self.close(part.value)

    def inline(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "input":
            if attributes.get("type", "").lower() in ("checkbox", "radio"):
                self.words.add("[x] " if "checked" in attributes else "[ ] ")
            return
        if name == "a" and attributes.get("role") == "doc-noteref":
            self.words.open(name, "note")
            return
        if name == "a" and "#" in attributes.get("href", ""):
            self.words.link()
        self.words.open(name, _KINDS.get(name) or ("struck" if is_struck(attributes) else None))

    def in_formula(self, part: HtmlToken) -> bool:
        """Tell whether a part belongs to the open formula. A formula without an end tag ends with its block."""
        assert self.formula is not None
        if part.kind == "text":
            self.formula.text(part.value)
            return True
        if part.value == "math" or part.value in _BLOCKS:
            self.words.add(self.formula.line())
            self.formula = None
            return part.value == "math"
        if part.kind == "close":
            self.formula.end(part.value)
        elif not part.inside.endswith("/"):
            self.formula.start(part.value, part.attributes)
        return True

    def open(self, name: str, attributes: Mapping[str, str]) -> None:
        if _HEADING.fullmatch(name):
            self.prefix, self.tight = "#" * int(name[1]) + " ", False
        elif name in ("ul", "menu", "ol"):
            self.lists.append(listing(name, attributes, self.lengths))
        elif name == "li":
            marker = self.lists[-1].marker(attributes) if self.lists else "- "
            self.prefix = "  " * min(max(len(self.lists) - 1, 0), _DEEPEST_LIST) + marker
            self.tight = True
        elif name in _ROW_GROUPS or name == "tr":
            self.end_row()
            if name != "tr":
                self.table = Grid()
            self.row = [] if name == "tr" else None
        elif name in _CELLS and self.row is not None:
            rows = MOST_ROWS if attributes.get("rowspan", "").strip() == "0" else _span(attributes, "rowspan")
            self.row.append(Cell("", min(rows, MOST_ROWS), _span(attributes, "colspan"), name == "th"))
        elif name == "pre":
            self.end_row()
            self.code = True
        if name in ENDED_BY:
            self.words.close(name)
        if is_struck(attributes):
            self.words.open(name, "struck")

    def close(self, name: str) -> None:
        self.words.close(name)
        if name in ("ul", "menu", "ol") and self.lists:
            self.lists.pop()
        elif name == "tr" or name in _ROW_GROUPS:
            self.end_row()
            if name != "tr":
                self.table = Grid()
        if name != "li" and (_HEADING.fullmatch(name) or not self.lists):
            self.prefix, self.tight = "", False

    def end_block(self) -> None:
        text = self.words.take()
        if self.code:
            self.code = False
            if text.strip():
                longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
                fence = "`" * (longest + 1)
                self.blocks.put(f"{fence}\n{text.strip(chr(10))}\n{fence}")
            return
        lines = [_BLANK.sub(" ", line).strip(" ") for line in text.split("\v")]
        text = "\n".join(lines).strip("\n")
        if self.row is not None:
            if text:
                last = self.row.pop() if self.row else Cell("")
                self.row.append(last._replace(text=f"{last.text} {text}".strip().replace("\n", " ")))
        elif text:
            if self.prefix.startswith("#"):
                text = text.replace("\n", " ")
            self.blocks.put(self.prefix + text, tight=self.tight)
            self.prefix, self.tight = "" if not self.lists else " " * len(self.prefix), False

    def end_row(self) -> None:
        cells, self.row = self.row, None
        if cells:
            texts = self.table.row(cells)
            if any(cell.text for cell in cells):
                self.blocks.put(" | ".join(texts), tight=True)

    def text(self) -> str:
        if self.formula is not None:
            self.words.add(self.formula.line())
        self.end_block()
        self.end_row()
        return self.blocks.text()


def _span(attributes: Mapping[str, str], name: str) -> int:
    found = _WHOLE.match(attributes.get(name, ""))
    return max(min(int(found[1]), MOST_COLUMNS if name == "colspan" else MOST_ROWS), 1) if found else 1


def read(data: bytes, name: str) -> str:
    html = decode_page(data, name).replace("\v", " ")
    page = _Page(name, reversed_lengths(html))
    for part in parts(html):
        page.take(part)
    return page.text()


READER = Reader("HTML", (".html", ".htm", ".xhtml"), read, lambda data: len(data) > _LARGE, 128 * 1024)
