"""Word documents (.docx): their text, with headings, lists and tables written as in Markdown.

The numbers of lists are written as Word would count them, and formulas on one line. Deleted and hidden text, comments,
headers and footers are left out. Footnotes come at the end. There are no pages, because only the program that shows the
document knows them.
"""

from __future__ import annotations

import re
from dataclasses import field
from itertools import groupby

from flowrun.dsl import dataclass

from ..vocabulary.errors import InputError
from .archives import Archive, Attributes, unpacked_size
from .formulas import Formula
from .inline import marked
from .markup import Blocks
from .numbering import LEVELS, Numbering, read_numbering, whole
from .protocol import Reader
from .symbols import sign, translated
from .word_styles import Look, Style, read_styles
from .word_tables import WordTable

_SKIPPED = frozenset({"Fallback", "moveFrom", "del"})
_NOTES = {"footnote": "", "endnote": "e"}
_BLANK = re.compile(r"[ \t]+")
_OFF = frozenset({"0", "false", "off"})
_LARGE = 4 * 1024 * 1024
PLAIN = Look()


@dataclass(slots=True)
class _Paragraph:
    """A paragraph while it is read. ``words`` have their marks. ``look`` is the look of the current run."""

    words: list[tuple[str, Look]] = field(default_factory=list)
    style: Style = field(default_factory=Style)
    look: Look = PLAIN
    in_run: bool = False

    def add(self, text: str, look: Look = PLAIN) -> None:
        self.words.append((text, look))

    def text(self) -> str:
        out = ""
        for (raised, struck, hidden), words in groupby(
            self.words, lambda word: (word[1].raised, word[1].struck, word[1].hidden)
        ):
            text = "".join(word for word, _ in words)
            if hidden:
                continue
            if raised:
                text = marked(raised, text, out)
            out += marked("struck", text) if struck else text
        return out


class _Body:
    """The reader of a document's body. It takes the tags of a part in order.

    Each row of a table becomes one block.
    """

    def __init__(self, name: str, styles: dict[str, Style], numbering: Numbering) -> None:
        self.styles = styles
        self.numbering = numbering
        self.blocks = Blocks(name)
        self.paragraphs: list[_Paragraph] = []
        self.tables: list[WordTable] = []
        self.formula: Formula | None = None
        self.box: str | None = None
        self.skipped = 0
        self.in_text = False
        self.old_properties = 0
        self.note = ""

    def start(self, tag: str, attributes: Attributes) -> None:
        if self.skipped or tag in _SKIPPED:
            self.skipped += 1
            return
        if tag == "t":
            self.in_text = True
        if self.formula is not None:
            self.formula.start(tag, attributes)
            return
        paragraph = self.paragraphs[-1] if self.paragraphs else None
        match tag:
            case "p":
                self.paragraphs.append(_Paragraph())
            case "tbl":
                self.tables.append(WordTable())
            case "tr" | "tc" | "gridBefore" | "gridSpan" | "vMerge" if self.tables and not self.old_properties:
                self.tables[-1].start(tag, attributes)
            case "pPrChange" | "rPrChange" | "tcPrChange" | "trPrChange":
                self.old_properties += 1
            case "footnote" | "endnote":
                self.note = f"[^{_NOTES[tag]}{whole(attributes.get('id', ''))}]: "
            case "oMath" if paragraph is not None:
                self.formula = Formula()
        if paragraph is not None and not self.old_properties:
            self.inside(paragraph, tag, attributes)

    def inside(self, paragraph: _Paragraph, tag: str, attributes: Attributes) -> None:
        """Take a tag of a paragraph: the text that it stands for, or else a property."""
        match tag:
            case "r":
                paragraph.in_run, paragraph.look = True, paragraph.style.look
            case "tab" if not attributes:
                paragraph.add("\t", paragraph.look)
            case "br" | "cr":
                paragraph.add("\n")
            case "noBreakHyphen":
                paragraph.add("-", paragraph.look)
            case "sym":
                paragraph.add(sign(attributes.get("font", ""), attributes.get("char", "")), paragraph.look)
            case "footnoteReference" | "endnoteReference":
                note = _NOTES[tag.removesuffix("Reference")]
                paragraph.add(f"[^{note}{whole(attributes.get('id', ''))}]", Look(hidden=paragraph.look.hidden))
            case "checkBox":
                self.box = "[ ] "
            case "default" | "checked" if self.box is not None:
                self.box = "[ ] " if attributes.get("val", "").lower() in _OFF else "[x] "
            case _:
                self.property(paragraph, tag, attributes)

    def property(self, paragraph: _Paragraph, tag: str, attributes: Attributes) -> None:
        value = attributes.get("val", "")
        match tag:
            case "pStyle":
                found = self.styles.get(value, Style())
                paragraph.style = Style(found.heading, found.number, found.depth, look=found.look)
            case "rStyle" if paragraph.in_run and value in self.styles:
                paragraph.look = paragraph.look.over(self.styles[value].look)
            case "outlineLvl" if whole(value) < LEVELS:
                paragraph.style.heading = whole(value) + 1
            case "numId":
                paragraph.style.number = value
            case "ilvl":
                paragraph.style.depth = min(whole(value), LEVELS - 1)
            case _ if paragraph.in_run:
                paragraph.look = paragraph.look.with_property(tag, attributes)

    def end(self, tag: str) -> None:
        if self.skipped:
            self.skipped -= 1
            return
        if tag == "t":
            self.in_text = False
        paragraph = self.paragraphs[-1] if self.paragraphs else None
        if self.formula is not None:
            if tag != "oMath":
                self.formula.end(tag)
            elif paragraph is not None:
                paragraph.add(self.formula.line(), Look(hidden=paragraph.style.look.hidden))
                self.formula = None
            return
        match tag:
            case "r" if paragraph is not None:
                paragraph.in_run, paragraph.look = False, PLAIN
            case "checkBox" if self.box is not None and paragraph is not None:
                paragraph.add(self.box)
                self.box = None
            case "pPrChange" | "rPrChange" | "tcPrChange" | "trPrChange":
                self.old_properties -= 1
            case "p" if paragraph is not None:
                self.paragraphs.pop()
                self.paragraph(paragraph)
            case "tr" if self.tables:
                if row := self.tables[-1].row():
                    self.put(row, above=2)
            case "tbl" if self.tables:
                self.tables.pop()

    def text(self, text: str) -> None:
        if not self.in_text or self.skipped or not self.paragraphs:
            return
        if self.formula is not None:
            self.formula.text(text)
        else:
            look = self.paragraphs[-1].look
            self.paragraphs[-1].add(translated(text, look.font), look)

    def paragraph(self, paragraph: _Paragraph) -> None:
        text = "\n".join(_BLANK.sub(" ", line).strip() for line in paragraph.text().split("\n")).strip("\n")
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

    def put(self, text: str, *, tight: bool = False, above: int = 1) -> None:
        """Add a block of text. Inside of a table, add it to the current cell.

        ``above`` is 2 for a row, because a row belongs to the cell around its table.
        """
        cells = self.tables[-above].cells if len(self.tables) >= above else None
        if cells:
            cells[-1].blocks.append(" ".join(text.split()))
        else:
            self.blocks.put(text, tight=tight or above > 1)


def read(data: bytes, name: str) -> str:
    archive = Archive(data, name)
    main = _main_part(archive)
    folder = main.rpartition("/")[0]
    styles = read_styles(archive, f"{folder}/styles.xml")
    body = _Body(name, styles, read_numbering(archive, f"{folder}/numbering.xml"))
    for part in (main, f"{folder}/footnotes.xml", f"{folder}/endnotes.xml"):
        found = archive.parse(part, body.start, body.end, body.text)
        if not found and part == main:
            raise InputError(f"{name} is not a Word document: it has no part `{main[:80]}`")
    return body.blocks.text()


def _main_part(archive: Archive) -> str:
    parts = ["word/document.xml"]

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            parts.append(attributes.get("Target", "").lstrip("/"))

    archive.parse("_rels/.rels", start)
    return parts[-1]


READER = Reader("Word", (".docx",), read, lambda data: unpacked_size(data) > _LARGE)
