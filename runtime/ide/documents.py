"""The texts that an editor has open. They stand for the files on the disk, which may be older."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flowrun.dsl import Source

from .addresses import path_of
from .places import BOM, Place, Places, units

LANGUAGES = frozenset({"flowrun", "flow"})
_END = re.compile(r"\r\n|\n|\r")
_HALF = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair. JSON can have one, and a file cannot."""


class Change(NamedTuple):
    """A change of a text: what replaces the part between two places. Without places it replaces the whole text."""

    text: str
    start: Place | None = None
    end: Place | None = None


class Document:
    """A text that is open in the editor. It never changes: ``changed`` makes another one.

    ``name`` is the path of its file, or its address if it has none. ``real`` is the path with links followed, or "".
    ``text`` is the editor's own; ``source`` is what the checker reads, as it would read the file.
    """

    def __init__(self, uri: str, text: str, version: int, language: str = "", real: str | None = None) -> None:
        self.uri = uri
        self.text = text
        self.version = version
        self.language = language
        path = path_of(uri)
        self.name = path or uri
        self.real = (os.path.realpath(path) if path else "") if real is None else real
        body = text.lstrip(BOM)
        self.head = text[: len(text) - len(body)]
        self.source = Source(_HALF.sub("\ufffd", body), self.name)

    @property
    def on_disk(self) -> bool:
        """True if the document has the path of a file, which need not exist."""
        return bool(self.real)

    @property
    def is_flow(self) -> bool:
        return self.language in LANGUAGES or self.name.endswith(".flow")

    def changed(self, changes: Iterable[Change], version: int, encoding: str) -> Document:
        """Return the document after changes, each of the text that the one before it left."""
        text = self.text
        for change in changes:
            text = replaced(text, change, encoding)
        return Document(self.uri, text, version, self.language, self.real)

    def places(self, encoding: str) -> Places:
        return Places(self.source, encoding, self.head)

    def as_written(self, text: str) -> str:
        """Return a text with the line ends of this document, for a change of it."""
        if "\n" not in text or "\r" not in self.text:
            return text
        first = _END.search(self.text)
        return text.replace("\n", first[0]) if first else text


class Documents:
    """The open documents, by their addresses and by the real paths of their files."""

    def __init__(self) -> None:
        self._by_uri: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._by_uri.values()))

    def get(self, uri: str) -> Document | None:
        return self._by_uri.get(uri)

    def put(self, document: Document) -> None:
        self._by_uri[document.uri] = document

    def drop(self, uri: str) -> Document | None:
        return self._by_uri.pop(uri, None)

    def at(self, real: str) -> Document | None:
        """Return the document of a file, by its real path. The one that was opened first counts."""
        return next((one for one in self._by_uri.values() if one.real == real), None) if real else None

    def sources(self) -> dict[str, Source]:
        """Return the texts of the documents that have files, by their real paths."""
        return {one.real: one.source for one in reversed(self._by_uri.values()) if one.real}


def replaced(text: str, change: Change, encoding: str) -> str:
    """Return an editor's text after one change. Places outside of the text become the nearest ones."""
    if change.start is None or change.end is None:
        return change.text
    starts = [0, *(one.end() for one in _END.finditer(text))]
    start, end = sorted((_offset(text, starts, change.start, encoding), _offset(text, starts, change.end, encoding)))
    return f"{text[:start]}{change.text}{text[end:]}"


def _offset(text: str, starts: list[int], place: Place, encoding: str) -> int:
    if place.line >= len(starts):
        return len(text)
    start = starts[place.line]
    end = starts[place.line + 1] if place.line + 1 < len(starts) else len(text)
    line = text[start:end].rstrip("\r\n")
    if units(line, encoding) == len(line):
        return start + min(place.column, len(line))
    return start + Places(Source(f" {line}"), encoding).offset(Place(0, place.column + 1)) - 1
