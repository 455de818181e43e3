"""The registry of document readers by suffix, and the functions that read a document."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path

from ..files.files import Files, read_plain_bytes, read_plain_text
from ..registry.registry import Registry
from ..vocabulary.errors import InputError
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell, unheard
from .paged import PAGED
from .process import PROCESS
from .protocol import Reader, guarded
from .text import READER as TEXT


class Readers(Mapping[str, Reader]):
    """The readers by suffix. Readers of other packages are used only for a suffix that flowrun does not read itself."""

    def __init__(self, registry: Registry[Reader]) -> None:
        self.registry = registry

    def __getitem__(self, suffix: str) -> Reader:
        return self._own[suffix] if suffix in self._own else self._foreign[suffix]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from (suffix for suffix in self._foreign if suffix not in self._own)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def faults(self) -> list[str]:
        """Return the reasons why readers of other packages cannot be used."""
        return [fault for name in self.registry.entries if (fault := self.registry.fault(name))]

    @cached_property
    def _own(self) -> dict[str, Reader]:
        return {suffix: reader for reader in self.registry.own.values() for suffix in reader.suffixes}

    @cached_property
    def _foreign(self) -> dict[str, Reader]:
        """The readers of other packages. If two of them have one suffix, the first by name reads it."""
        readers = [reader for name, reader in sorted(self.registry.items()) if name not in self.registry.own]
        return {suffix: reader for reader in reversed(readers) for suffix in reader.suffixes}


READERS = Readers(
    Registry(
        "reader",
        __package__,
        Reader,
        lambda reader: reader.name,
        lambda reader: reader.suffixes,
        guarded,
        ("documents", "readers"),
    )
)

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
    """Read a document like ``read_document``, from a path that the user gave. The file may be anywhere."""
    reader = _reader(str(path))
    if reader is TEXT:
        return read_plain_text(path)
    if PAGED.get() and ".pdf" in reader.suffixes:
        from .page_images import paged  # few flows look at pages

        return paged(path)
    # The text of another document may differ in a later version of its reader, so it does not stand for its file.
    return _read(reader, read_plain_bytes(path), shown(str(path)))


def read_document_bytes(data: bytes, name: str) -> str:
    """Read a document like ``read_document``, from its bytes. The ending of ``name`` tells its kind."""
    return _read(_reader(name), data, shown(name or "the document"))


def quick_share(path: str, size: int) -> float:
    """Return the share of a tenth of a second that it takes to read a document of this size; above 1 if slow."""
    quick = _reader(path).quick
    return size / quick if quick else 2.0


def parse(suffix: str, data: bytes, name: str, tell: Tell = unheard) -> str:
    """Make text from the bytes of a document with this suffix."""
    return READERS[suffix].read(data, name)


def _read(reader: Reader, data: bytes, name: str) -> str:
    if not reader.is_heavy(data):
        return reader.read(data, name)
    text: str = PROCESS.run(partial(parse, reader.suffixes[0], data, name), name)
    return text


def _reader(path: str) -> Reader:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in _UNREAD and suffix not in READERS:
        known = ", ".join(suffix for suffix in READERS if suffix)
        raise InputError(
            f"{shown(path)}: flowrun does not read documents of the kind {suffix}; it reads {known} and all "
            "other text. " + ". ".join(["Convert the file to one of these kinds first", *READERS.faults()])
        )
    return READERS.get(suffix, TEXT)


__all__ = ["READERS", "Reader", "read_document", "read_plain_document"]
