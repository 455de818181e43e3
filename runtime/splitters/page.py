"""`page`: the texts between form feeds, which separate the pages in the text of a PDF and in most printed texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .protocol import Splitter, Stretch, overlap_of, pieces

_PAGE = re.compile(r"[^\f]+")


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    return pieces(text, _pages(text), overlap_of(args))


def _pages(text: str) -> Iterator[Stretch]:
    for found in _PAGE.finditer(text):
        yield found.span()


SPLITTER = Splitter("page", (), split, "the pages of a PDF, or of a text with form feeds between its pages")
