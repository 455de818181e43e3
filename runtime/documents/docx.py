"""Word documents (.docx): their text, with headings, lists and tables written as in Markdown.

Numbers of lists are written as Word would count them. Deleted text, comments, headers and footers are left out;
footnotes stand at the end. Pages are known to no one but the program that shows the document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..errors import InputError
from .archives import Archive, Attributes
from .markup import blocks_text
from .numbering import LEVELS, Numbering, read_numbering, whole
from .protocol import Reader

_HEADING = re.compile(r"heading ([1-9])", re.IGNORECASE)
_SKIPPED = frozenset({"Fallback", "moveFrom"})
_NOTES = {"footnote": "", "endnote": "e"}
_BLANK = re.compile(r"[ \t]+")


@dataclass(slots=True)
class _Style:
    heading: int = 0
    number: str = ""
    depth: int = 0
    basis: str = ""


@dataclass(slots=True)
class _Paragraph:
    words: list[str] = field(default_factory=list)
    style: _Style = field(default_factory=_Style)


class _Body:
    """Takes the tags of a part as they come. Rows of tables are one block each, cell beside cell."""

    def __init__(self, styles: dict[str, _Style], numbering: Numbering) -> None:
        self.styles = styles
        self.numbering = numbering
        self.blocks: list[tuple[str, bool]] = []
        self.paragraphs: list[_Paragraph] = []
        self.rows: list[list[list[str]]] = []
        self.skipped = 0
        self.in_text = False
        self.old_properties = 0
        self.note = ""

    def start(self, tag: str, attributes: Attributes) -> None:
        if self.skipped or tag in _SKIPPED:
            self.skipped += 1
            return
        value = attributes.get("val", "")
        paragraph = self.paragraphs[-1] if self.paragraphs else None
        match tag:
            case "p":
                self.paragraphs.append(_Paragraph())
            case "t":
                self.in_text = True
            case "tr":
                self.rows.append([])
            case "tc" if self.rows:
                self.rows[-1].append([])
            case "pPrChange" | "rPrChange":
                self.old_properties += 1
            case "footnote" | "endnote":
                self.note = f"[^{_NOTES[tag]}{whole(attributes.get('id', ''))}]: "
        if paragraph is None or self.old_properties:
            return
        match tag:
            case "tab" if not attributes:
                paragraph.words.append("\t")
            case "br" | "cr":
                paragraph.words.append("\n")
            case "noBreakHyphen":
                paragraph.words.append("-")
            case "footnoteReference" | "endnoteReference":
                note = _NOTES[tag.removesuffix("Reference")]
                paragraph.words.append(f"[^{note}{whole(attributes.get('id', ''))}]")
            case "pStyle":
                found = self.styles.get(value, _Style())
                paragraph.style = _Style(found.heading, found.number, found.depth)
            case "outlineLvl" if whole(value) < LEVELS:
                paragraph.style.heading = whole(value) + 1
            case "numId":
                paragraph.style.number = value
            case "ilvl":
                paragraph.style.depth = min(whole(value), LEVELS - 1)

    def end(self, tag: str) -> None:
        if self.skipped:
            self.skipped -= 1
            return
        match tag:
            case "t":
                self.in_text = False
            case "pPrChange" | "rPrChange":
                self.old_properties -= 1
            case "p" if self.paragraphs:
                self.paragraph(self.paragraphs.pop())
            case "tr" if self.rows:
                cells = [" ".join(cell) for cell in self.rows.pop()]
                if any(cells):
                    self.put(" | ".join(cells), tight=True)

    def text(self, text: str) -> None:
        if self.in_text and self.paragraphs and not self.skipped:
            self.paragraphs[-1].words.append(text)

    def paragraph(self, paragraph: _Paragraph) -> None:
        text = "\n".join(_BLANK.sub(" ", line).strip() for line in "".join(paragraph.words).split("\n")).strip("\n")
        if not text:
            return
        style, marker = paragraph.style, ""
        if style.number not in ("", "0"):
            marker = self.numbering.marker(style.number, style.depth)
        if style.heading:
            marker = "" if marker == "-" else marker
            text = " ".join(["#" * min(style.heading, 6), *filter(None, [marker]), text.replace("\n", " ")])
            self.put(text)
        elif marker:
            indent = "  " * style.depth
            gap = "\n" + " " * (len(indent) + len(marker) + 1)
            self.put(f"{indent}{marker} {text.replace(chr(10), gap)}", tight=True)
        else:
            self.put(self.note + text)
            self.note = ""

    def put(self, text: str, *, tight: bool = False) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1].append(" ".join(text.split()))
        else:
            self.blocks.append((text, tight))


def read(data: bytes, name: str) -> str:
    archive = Archive(data, name)
    main = _main_part(archive)
    folder = main.rpartition("/")[0]
    body = _Body(_styles(archive, f"{folder}/styles.xml"), read_numbering(archive, f"{folder}/numbering.xml"))
    for part in (main, f"{folder}/footnotes.xml", f"{folder}/endnotes.xml"):
        found = archive.parse(part, body.start, body.end, body.text)
        if not found and part == main:
            raise InputError(f"{name} is no Word document: it has no part `{main[:80]}`")
    return blocks_text(body.blocks)


def _main_part(archive: Archive) -> str:
    parts = ["word/document.xml"]

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            parts.append(attributes.get("Target", "").lstrip("/"))

    archive.parse("_rels/.rels", start)
    return parts[-1]


def _styles(archive: Archive, part: str) -> dict[str, _Style]:
    """The styles by their ids, with what they inherit."""
    styles: dict[str, _Style] = {}
    style = _Style()

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal style
        value = attributes.get("val", "")
        match tag:
            case "style":
                style = styles[attributes.get("styleId", "")] = _Style()
            case "name":
                heading = _HEADING.fullmatch(value)
                style.heading = int(heading[1]) if heading else 1 if value.lower() == "title" else style.heading
            case "outlineLvl" if whole(value) < LEVELS:
                style.heading = whole(value) + 1
            case "numId":
                style.number = value
            case "ilvl":
                style.depth = min(whole(value), LEVELS - 1)
            case "basedOn":
                style.basis = value

    archive.parse(part, start)
    return {name: _inherited(one, styles) for name, one in styles.items()}


def _inherited(style: _Style, styles: dict[str, _Style]) -> _Style:
    out = _Style(style.heading, style.number, style.depth)
    above = styles.get(style.basis)
    for _ in range(10):
        if above is None:
            break
        out.heading = out.heading or above.heading
        if not out.number:
            out.number, out.depth = above.number, out.depth or above.depth
        above = styles.get(above.basis)
    return out


READER = Reader("Word", (".docx",), read)
