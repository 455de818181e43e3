"""PDF: the text of its pages, with a form feed between two pages for `split(…, by: page)`.

Text in pictures, such as scans, is not read.
"""

from __future__ import annotations

import io
import logging
import re
import struct
import zlib
from typing import TYPE_CHECKING

from ..vocabulary.errors import InputError
from .markup import MOST_CHARACTERS
from .protocol import Reader

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

# A page comes out word by word if it has this many lines, and this share of them has one word.
_MANY_LINES = 6
_MOSTLY = 0.6
_SPACES = re.compile(r" {2,}")
# The library reads any input and fails on surprises. Each of these exceptions was met on a damaged file.
_DAMAGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def read(data: bytes, name: str) -> str:
    try:
        from pypdf import PdfReader
        from pypdf.errors import DependencyError, LimitReachedError, PyPdfError
    except ImportError:
        raise InputError(f"{name}: to read PDF files, install an extra: `pip install 'flowrun-dsl[docs]'`") from None
    # The library's warnings about imperfect files are meant for the makers of these files.
    logging.getLogger("pypdf").addHandler(logging.NullHandler())
    if b"%PDF-" not in data[:1024]:
        raise InputError(f"{name} is not a PDF: it does not begin like a PDF file")
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(f"{name} has a password; save it without a password first")
        return _text(reader, name)
    except DependencyError:
        raise InputError(
            f"{name} is encrypted; to read it, install an extra: `pip install 'flowrun-dsl[docs]'`"
        ) from None
    except LimitReachedError as error:
        raise InputError(
            f"{name} is too large to read ({str(error).rstrip('.')}); split it into smaller files"
        ) from None
    except (PyPdfError, *_DAMAGED) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name} is damaged or incomplete: it cannot be read as PDF") from None


def _text(reader: PdfReader, name: str) -> str:
    pages = []
    size = 0
    for page in reader.pages:
        text = _of_page(page).replace("\f", " ").replace("\0", "")
        pages.append(text.encode("utf-8", "replace").decode() if not text.isascii() else text)
        size += len(text)
        if size > MOST_CHARACTERS:
            raise InputError(
                f"{name} has more than {MOST_CHARACTERS // 1024**2} Mi characters; split it into smaller files"
            )
    if pages and not any(page.strip() for page in pages):
        raise InputError(f"{name} has no text, only pictures of pages: turn them into text first (OCR)")
    return "\n\f".join(pages)


def _of_page(page: PageObject) -> str:
    """Return the text of a page. If the page gives its text word by word, order the words by their positions."""
    text = page.extract_text()
    if not _is_one_by_one(text):
        return text
    placed = _SPACES.sub(" ", page.extract_text(extraction_mode="layout"))
    # A page may well be a list of words; words that a line breaks off are no reason either.
    same = sorted("".join(placed.split())) == sorted("".join(text.split()))
    return placed if same and not _is_one_by_one(placed) else text


def _is_one_by_one(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip()]
    single = sum(len(line.split()) == 1 for line in lines)
    return len(lines) >= _MANY_LINES and single > _MOSTLY * len(lines)


# Always in a process of its own: a few bytes of a PDF may unpack to any number.
READER = Reader("PDF", (".pdf",), read, lambda data: True)
