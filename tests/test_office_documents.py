"""Documents that office programs write: what of PDF and Word becomes text, and what hostile ones get."""

from __future__ import annotations

import io
import logging
import re
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.errors import LimitReachedError

from flowrun.runtime.documents import archives, pdf
from flowrun.runtime.documents.reading import READERS, read_document
from flowrun.runtime.files.files import Files
from flowrun.runtime.splitters import SPLITTERS
from flowrun.runtime.vocabulary.errors import InputError
from support.word_files import W, docx_of, item, para

REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def refused(words: str) -> pytest.RaisesExc[InputError]:
    return pytest.raises(InputError, match=re.escape(words))


def pdf_of(pages: Sequence[str]) -> bytes:
    """A PDF by hand, each page with its lines."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, page in enumerate(pages):
        lines = "".join(f"({line}) Tj 0 -14 Td " for line in page.split("\n"))
        stream = f"BT /F1 12 Tf 72 720 Td {lines}ET" if page else ""
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    out, offsets = "%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{one}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    return (
        f"{out}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    ).encode()


def locked(data: bytes, password: str, algorithm: str) -> bytes:
    writer = PdfWriter()
    writer.append(PdfReader(io.BytesIO(data)))
    writer.encrypt(password, "owner", algorithm=algorithm)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_pdf(tmp_path: Path) -> None:
    (tmp_path / "x.PDF").write_bytes(pdf_of(["One\ntwo", "Three"]))
    text = read_document(Files(tmp_path), "x.PDF")
    assert text.split() == ["One", "two", "Three"]
    assert [page.split() for page in SPLITTERS["page"].split(text, {})] == [["One", "two"], ["Three"]]


def drawn(stream: str) -> str:
    """The text of a PDF of one page that is drawn so."""
    return pdf.read(pdf_of([""]).replace(b"stream\n\nendstream", b"stream\n" + stream.encode() + b"\nendstream"), "`x`")


SENTENCE = "Seven brown foxes jump over the lazy dog and run away from it"


def test_words_that_are_placed_one_by_one() -> None:
    moves = ""
    for row in range(3):
        x = 72
        for word in SENTENCE.split():
            # To the place of the word, and back to the corner of the page, as some programs do.
            moves += f"BT /F1 12 Tf 72 720 Td {x - 72} {-14 * row} Td ({word}) Tj {72 - x} {14 * row} Td ET\n"
            x += 8 * len(word) + 6
    text = drawn(moves)
    assert [line.split() for line in text.split("\n") if line.strip()] == [SENTENCE.split()] * 3
    assert "  " not in text


def test_a_list_of_words_stays_one() -> None:
    listed = "BT /F1 12 Tf 14 TL 72 720 Td " + "".join(f"({word}) Tj T* " for word in SENTENCE.split()) + "ET"
    assert drawn(listed).strip().split("\n") == SENTENCE.split()


def test_pdf_beyond_what_the_library_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def beyond(page: object, **options: object) -> str:
        raise LimitReachedError("Reached maximum number of tokens per stream.")

    monkeypatch.setattr("pypdf.PageObject.extract_text", beyond)
    with refused("`x` is too large to read (Reached maximum number of tokens per stream); split it into smaller files"):
        pdf.read(pdf_of(["One"]), "`x`")


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_pdf_with_a_password(algorithm: str) -> None:
    data = pdf_of(["One"])
    with refused("`x` has a password; save it without a password first"):
        pdf.read(locked(data, "secret", algorithm), "`x`")
    # Many are locked against printing only, and open without a password.
    assert pdf.read(locked(data, "", algorithm), "`x`").strip() == "One"


def test_pdf_of_pictures() -> None:
    with refused("`x` has no text, only pictures of pages"):
        pdf.read(pdf_of(["", ""]), "`x`")


def test_pdf_with_too_much_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MOST_CHARACTERS", 4)
    with refused("split it into smaller files"):
        pdf.read(pdf_of(["One two"]), "`x`")


def test_pdf_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with refused("`x`: to read PDF files, install an extra: `pip install 'flowrun-dsl[docs]'`"):
        pdf.read(pdf_of(["One"]), "`x`")


def test_what_is_no_pdf() -> None:
    for data in (b"", b"hello", b"\0" * 2000):
        with refused("`x` is not a PDF"):
            pdf.read(data, "`x`")
    with refused("`x` is damaged or incomplete"):
        pdf.read(b"%PDF-1.4\n", "`x`")


@given(cut=st.integers(0, 700), at=st.integers(0, 700), change=st.binary(max_size=8))
def test_a_damaged_pdf_ends_in_a_sentence(cut: int, at: int, change: bytes) -> None:
    data = pdf_of(["One\ntwo", "Three"])
    data = data[:at] + change + data[at + len(change) :]
    try:
        assert isinstance(pdf.read(data[: len(data) - cut], "`x`"), str)
    except InputError as error:
        assert "`x`" in str(error)


def test_warnings_of_the_library_are_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    pdf.read(pdf_of(["One"]).replace(b"startxref\n", b"startxref\n9"), "`x`")
    assert capsys.readouterr().err == ""
    assert logging.getLogger("pypdf").handlers


def level(depth: int, kind: str, text: str) -> str:
    return f'<w:lvl w:ilvl="{depth}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/><w:lvlText w:val="{text}"/></w:lvl>'


STYLES = """
  <w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>
  <w:style w:styleId="Mine"><w:name w:val="Mine"/><w:basedOn w:val="H1"/></w:style>
  <w:style w:styleId="Clause"><w:name w:val="Clause"/><w:pPr><w:outlineLvl w:val="1"/>
    <w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>
"""
NUMBERING = (
    '<w:abstractNum w:abstractNumId="7">'
    + level(0, "decimal", "%1.")
    + level(1, "lowerLetter", "(%2)")
    + level(2, "lowerRoman", "%1.%2.%3")
    + '</w:abstractNum><w:abstractNum w:abstractNumId="8">'
    + level(0, "bullet", "x")
    + '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    + '<w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>'
)
CELL = "<w:tc>{}</w:tc>"
WORD = {
    "paragraphs": (para("One  two") + para("") + para("Three"), "One two\n\nThree"),
    "runs and breaks": ("<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r></w:p>", "a b\nc"),
    "headings": (
        para("A", '<w:pStyle w:val="H1"/>') + para("b", '<w:pStyle w:val="Mine"/>') + para("c"),
        "# A\n\n# b\n\nc",
    ),
    "numbered headings": (
        para("A", '<w:pStyle w:val="Clause"/>') + para("b", '<w:pStyle w:val="Clause"/>'),
        "## 1. A\n\n## 2. b",
    ),
    "lists": (
        item("a", 1) + item("b", 1, 1) + item("c", 1, 1) + item("d", 1, 2) + item("e", 1) + item("f", 1, 1),
        "1. a\n  (a) b\n  (b) c\n    1.b.i d\n2. e\n  (a) f",
    ),
    "bullets": (item("a", 2) + item("b", 2) + para("c") + item("d", 0), "- a\n- b\n\nc\n\nd"),
    "tables": (
        "<w:tbl><w:tr>"
        + CELL.format(para("a") + para("b"))
        + CELL.format(para("c"))
        + "</w:tr><w:tr>"
        + CELL.format(para("d"))
        + CELL.format("<w:tbl><w:tr>" + CELL.format(para("e")) + CELL.format(para("f")) + "</w:tr></w:tbl>" + para(""))
        + "</w:tr></w:tbl>"
        + para("g"),
        "a b | c\nd | e | f\n\ng",
    ),
    "deleted and moved": (
        "<w:p><w:del><w:r><w:delText>no</w:delText></w:r></w:del><w:moveFrom><w:r><w:t>no</w:t></w:r></w:moveFrom>"
        "<w:ins><w:r><w:t>yes</w:t></w:r></w:ins></w:p>",
        "yes",
    ),
    "a style of before": (para("a", '<w:pPrChange><w:pPr><w:pStyle w:val="H1"/></w:pPr></w:pPrChange>'), "a"),
    "fields": ("<w:p><w:r><w:instrText>PAGE</w:instrText><w:t>3</w:t></w:r></w:p>", "3"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("body", "text"), WORD.values(), ids=WORD)
def test_docx(body: str, text: str) -> None:
    assert READERS[".docx"].read(docx_of(body, styles=STYLES, numbering=NUMBERING), "`x`") == text


def test_docx_notes_stand_at_the_end() -> None:
    reference = '<w:p><w:r><w:t>a</w:t><w:footnoteReference w:id="2"/></w:r></w:p>'
    notes = f'<w:footnote w:id="-1">{para("")}</w:footnote><w:footnote w:id="2">{para("n")}{para("m")}</w:footnote>'
    assert READERS[".docx"].read(docx_of(reference, footnotes=notes), "`x`") == "a[^2]\n\n[^2]: n\n\nm"


def test_docx_with_its_main_part_elsewhere(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        rels = (
            f'<Relationships><Relationship Type="{REL}/officeDocument" Target="/word/document2.xml"/></Relationships>'
        )
        archive.writestr("_rels/.rels", rels)
        archive.writestr("word/document2.xml", f'<w:p xmlns:w="{W}"><w:t>here</w:t></w:p>')
    (tmp_path / "x.docx").write_bytes(out.getvalue())
    assert read_document(Files(tmp_path), "x.docx") == "here"


def test_what_is_no_docx() -> None:
    read = READERS[".docx"].read
    for data in (b"", b"hello", docx_of("x" * 5000)[:200]):
        with refused("`x` is damaged or incomplete"):
            read(data, "`x`")
    with refused("`x` has a password or an older format"):
        read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000, "`x`")
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with refused("`x` is not a Word document: it has no part `word/document.xml`"):
        read(empty.getvalue(), "`x`")
    with refused("`x` is damaged: its part `word/document.xml` is not XML"):
        read(docx_of("<w:p>"), "`x`")


def test_a_docx_that_unpacks_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    data = docx_of(para("x" * 3_000_000))
    assert len(data) < 10_000
    monkeypatch.setattr(archives, "MOST_XML", 2 * 1024 * 1024)
    with refused("`x` has more than 2 MiB of text"):
        READERS[".docx"].read(data, "`x`")


def test_a_docx_that_declares_entities() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entity = '<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        archive.writestr("word/document.xml", f'{entity}<w:p xmlns:w="{W}"><w:t>&a;</w:t></w:p>')
    with refused("`x` declares a document type"):
        READERS[".docx"].read(out.getvalue(), "`x`")


def test_a_docx_that_is_nested_without_end() -> None:
    for tag in ("w:p", "w:tbl"):
        with refused("nested too deeply"):
            READERS[".docx"].read(docx_of(f"<{tag}>" * 100_000 + f"</{tag}>" * 100_000), "`x`")


@given(at=st.integers(0, 900), change=st.binary(max_size=8))
def test_a_damaged_docx_ends_in_a_sentence(at: int, change: bytes) -> None:
    data = docx_of(item("a", 1) + para("b", '<w:pStyle w:val="H1"/>'), styles=STYLES, numbering=NUMBERING)
    try:
        assert isinstance(READERS[".docx"].read(data[:at] + change + data[at + len(change) :], "`x`"), str)
    except InputError as error:
        assert "`x`" in str(error)
