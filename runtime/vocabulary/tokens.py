"""How many tokens a text is, about: what bounds and budgets count with before a server has said anything."""

from __future__ import annotations

import re

# Each piece is about one token of the large vocabularies of today. Single spaces go with the word behind them.
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
_PICTURES = re.compile(r"[\U00010000-\U0001ffff]")
MARGIN = 2
"""How many times the estimate a text may really have; 1.8 is the most that was met, on base64 and rare scripts."""


def estimate(text: str) -> int:
    """About how many tokens a text is: within a tenth for English, Python and JSON, a half for other scripts.

    Where a text is cut in two, the sum of its parts is off by one or two at most.
    """
    return len(re.findall(_PIECES, text)) + len(_PICTURES.findall(text))


def shortened(text: str, most: int) -> str:
    """The beginning of a text, of at most so many tokens by the estimate, with a mark where it was cut."""
    # Blanks may be many to a token: of them, too, there is an end.
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
    """More tokens than a text can have: no token is shorter than a byte of UTF-8."""
    return min(len(text.encode("utf-8", "replace")), MARGIN * estimate(text) + 16)
