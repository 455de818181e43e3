"""The columns that a text takes on a terminal: a letter of some scripts takes two, and an accent none."""

from __future__ import annotations

from flowrun.dsl import pattern

_SINGLE = pattern("[\x20-\x7e\xa0-\u02ff\u2007\u2013\u2026\u2192\u2248\u2264\u2500-\u259f]*")
"""Letters of one column each, among them those that our own displays draw."""


def columns(text: str) -> int:
    """Return the columns that a text without control characters takes."""
    if _SINGLE.fullmatch(text):
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """Shorten a text to at most this many columns."""
    if columns(text) <= width:
        return text
    if _SINGLE.fullmatch(text):
        return text[: max(0, width - 1)] + "…"
    from rich.cells import set_cell_size

    return set_cell_size(text, max(0, width - 1)).rstrip() + "…"


def padded(text: str, width: int) -> str:
    """Fill a text with blanks to this many columns."""
    return text + " " * (width - columns(text))
