"""Which texts are one: the words of a choice in a file, an answer that names one of them, the ballots of a vote.

Case, blanks, final points and the width of characters make no difference. Two writings of one letter (é as one
character or as two) are the same, as are texts that differ in a byte order mark or a zero-width space. All else tells
texts apart: 10² is not 102, and no text is read as a number. (Unicode Standard, D145: canonical caseless matching.
Widths by UAX #11. Its compatibility forms NFKC and NFKD are not used, for they lose what a text says.)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from unicodedata import decomposition, normalize

QUOTING = "\"'`*_ \t\r\n"
"""Marks that models put around a word and that belong to none."""
AROUND = QUOTING + ".,:;!()。、"
"""Those, and the marks of a sentence."""


def text_key(text: str) -> str:
    """A key that is equal for texts that are one."""
    # Decomposed first: a mark below the line may stand between a letter and what its case is mapped to.
    plain = text if text.isascii() else normalize("NFD", text.translate(_widths()))
    plain = " ".join(normalize("NFC", plain.casefold()).split())
    # Of points alone nothing would be left.
    return plain.rstrip(" .") or plain


@lru_cache(maxsize=1)
def _widths() -> dict[int, int | None]:
    """Characters of another width, each with the usual one; None for those that nobody sees."""
    found: dict[int, int | None] = {0xFEFF: None, 0x200B: None}
    for code in (0x3000, *range(0xFF01, 0xFFEF)):
        kind, _, usual = decomposition(chr(code)).partition(" ")
        if kind in ("<wide>", "<narrow>"):
            found[code] = int(usual, 16)
    return found


def alike(words: Sequence[str]) -> tuple[str, str] | None:
    """The first two of these words that are one."""
    known: dict[str, str] = {}
    for word in words:
        other = known.setdefault(text_key(word), word)
        if other != word:
            return other, word
    return None


def option_of(text: str, options: tuple[str, ...], marks: str = AROUND) -> str | None:
    """The word of a choice that a text is: word for word, else by the rules, else without the ``marks`` around it.

    None where it is no word, or where it could be two.
    """
    plain = text.strip()
    if plain in options:
        return plain
    keys, key = _keys(options), text_key(text)
    for around in ("", QUOTING, AROUND):
        if set(around) <= set(marks) and (key := text_key(key.strip(around) if around else key)) in keys:
            return keys[key]
    return None


@lru_cache(maxsize=512)
def _keys(options: tuple[str, ...]) -> dict[str, str | None]:
    keys: dict[str, str | None] = {}
    for option in options:
        key = text_key(option)
        keys[key] = None if key in keys else option
    return keys
