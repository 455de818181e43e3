"""The registry of splitters. Each splitter is a file of its own."""

from __future__ import annotations

from .chars import SPLITTER as CHARS
from .heading import SPLITTER as HEADING
from .line import SPLITTER as LINE
from .page import SPLITTER as PAGE
from .paragraph import SPLITTER as PARAGRAPH
from .protocol import Splitter
from .sentence import SPLITTER as SENTENCE
from .tokens import SPLITTER as TOKENS

_ALL = (HEADING, PARAGRAPH, SENTENCE, LINE, PAGE, TOKENS, CHARS)

SPLITTERS: dict[str, Splitter] = {splitter.name: splitter for splitter in _ALL}

__all__ = ["SPLITTERS", "Splitter"]
