"""Make foreign text safe to show. Characters that control a terminal become visible, and all other text stays."""

from __future__ import annotations

import re

from .patterns import pattern

STEERS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
"""The C0 and C1 controls, the characters that change the direction of text (Unicode, UAX 9), and lone surrogates.

Joiners, soft hyphens and marks of direction are left out here: words and emoji need them.
"""
_IN_TEXT = pattern(rf"[{STEERS}]|\r(?!\n)")
_IN_LINE = pattern(rf"[{STEERS}\t\n\r\u2028\u2029]")


def inert(text: str) -> str:
    """Make a text safe for a terminal: its control characters become visible. Line breaks and tabs stay."""
    return text if _plain(text) else _IN_TEXT.sub(_visible, text)


def one_line(text: str) -> str:
    """Make a text, such as a file's name, safe for one line of a terminal. Line breaks and tabs become visible too."""
    return text if _plain(text) else _IN_LINE.sub(_visible, text)


def _plain(text: str) -> bool:
    """Tell whether a text has nothing but printable ASCII. Most texts do, and then no pattern is compiled."""
    return text.isascii() and text.isprintable()


def _visible(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]
