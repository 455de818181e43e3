"""The registry of document readers by suffix, and the functions that read a document."""

from __future__ import annotations

import os
from pathlib import Path

from ..files.files import Files, read_plain_bytes
from ..vocabulary.errors import InputError
from ..vocabulary.quoting import shown
from .docx import READER as DOCX
from .html import READER as HTML
from .pdf import READER as PDF
from .process import PROCESS
from .protocol import Reader
from .text import READER as TEXT

READERS: dict[str, Reader] = {suffix: reader for reader in (TEXT, HTML, PDF, DOCX) for suffix in reader.suffixes}

# Kinds that need a reader of their own, some of which would pass for text.
_UNREAD_SUFFIXES = """
    .doc .docm .epub .key .mobi .numbers .odp .ods .odt .pages .ppt .pptx .ps .rtf .xls .xlsx
    .gif .jpeg .jpg .png .webp .mp3 .mp4 .wav .7z .bz2 .gz .rar .tar .xz .zip
"""
_UNREAD = frozenset(_UNREAD_SUFFIXES.split())


def read_document(files: Files, path: str) -> str:
    """Read a document as text, with its headings in Markdown. A file with an unknown suffix is read as text."""
    reader = _reader(path)
    return _read(reader, files.read_bytes(path), shown(path))


def read_plain_document(path: Path) -> str:
    """Read a document like ``read_document``, from a path that the user gave, wherever it leads."""
    reader = _reader(str(path))
    return _read(reader, read_plain_bytes(path), shown(str(path)))


def _read(reader: Reader, data: bytes, name: str) -> str:
    return PROCESS.read(reader.suffixes[0], data, name) if reader.is_heavy(data) else reader.read(data, name)


def _reader(path: str) -> Reader:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in _UNREAD:
        known = ", ".join(suffix for suffix in READERS if suffix)
        raise InputError(
            f"{shown(path)}: flowrun does not read documents of the kind {suffix}; it reads {known} and all "
            "other text. "
            "Convert the file to one of these kinds first"
        )
    return READERS.get(suffix, TEXT)


__all__ = ["READERS", "Reader", "read_document", "read_plain_document"]
