"""Text and Markdown. The reader returns them unchanged."""

from __future__ import annotations

from ..files.decoding import decode
from .protocol import Reader

READER = Reader("text", ("", ".md", ".markdown", ".txt", ".text", ".rst"), decode, quick=4 * 1024 * 1024)
