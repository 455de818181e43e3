"""Estimates of the tokens of a text. Bounds and budgets use them until a server reports its numbers."""

from __future__ import annotations

import re

from flowrun.dsl import pattern

# Each piece is about one token of today's large vocabularies. Single spaces go with the word behind them.
# A plain text, compiled and kept by `re` when it is first needed: checking a flow counts no tokens.
_PIECES = (
    r"[A-Z]?[a-z]{1,8}"
    r"|[A-Z]{1,4}"
    r"|[\u2e80-\ud7ff\uf900-\uffdc\U00020000-\U0003ffff]"  # an ideograph, a syllable
    r"|[^\W\da-zA-Z_\u2e80-\ud7ff\uf900-\uffdc\U00010000-\U0003ffff]{1,3}"
    r"|\d{1,3}"
    r"|\n\s*|[^\S\n]{2,80}"
    r"|_|[!-/:-@[-^`{-~]{1,2}"
    r"|[^\w\s\U00010000-\U0010ffff]"
    r"|[\U00010000-\U0001ffff]"
)
_PICTURES = pattern(r"[\U00010000-\U0001ffff]")
MARGIN = 2
"""The factor by which a text may exceed its estimate. The highest that was met is 1.8, on base64 and rare scripts."""


def estimate(text: str) -> int:
    """Estimate the tokens of a text.

    It is right within a tenth for English, Python and JSON, within a half for other scripts.

    If a text is cut in two, the sum for the parts differs from the whole by at most two tokens.
    """
    return len(re.findall(_PIECES, text)) + len(_PICTURES.findall(text))


def shortened(text: str, most: int) -> str:
    """Cut a text to at most ``most`` tokens by the estimate, with a mark at the cut."""
    # A token may hold many blanks: this limits them, too.
    head = text[: 16 * most]
    end = spent = 0
    for piece in re.finditer(_PIECES, head):
        spent += estimate(piece[0])
        if spent >= most:
            break
        end = piece.end()
    else:
        end = len(head)
    return text if end == len(text) else f"{text[:end]}…"


def ceiling(text: str) -> int:
    """Return a number of tokens that a text cannot exceed, because no token is shorter than a byte of UTF-8."""
    return min(len(text.encode("utf-8", "replace")), MARGIN * estimate(text) + 16)
