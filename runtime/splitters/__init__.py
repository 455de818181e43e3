"""The registry of splitters: one file each."""

from __future__ import annotations

from .chars import SPLITTER as CHARS
from .heading import SPLITTER as HEADING
from .line import SPLITTER as LINE
from .paragraph import SPLITTER as PARAGRAPH
from .protocol import Splitter

SPLITTERS: dict[str, Splitter] = {splitter.name: splitter for splitter in (HEADING, PARAGRAPH, LINE, CHARS)}

__all__ = ["SPLITTERS", "Splitter"]
