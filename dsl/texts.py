"""The equality of texts, for the words of a choice, for answers that name such a word, and for the ballots of a vote.

Case, blanks, final points and the width of characters make no difference. Two ways to write one letter (é as one
character or as two) are equal, and so are texts that differ in a byte-order mark or a zero-width space. Any other
difference counts: 10² is not 102, and no text is read as a number. (Unicode Standard, D145: canonical caseless
matching. Widths by UAX #11. Its compatibility forms NFKC and NFKD are not used, because they change the meaning of a
text.)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from unicodedata import decomposition, normalize

QUOTING = "\"'`*_ \t\r\n"
"""The marks that models put around a word and that belong to no word."""
AROUND = QUOTING + ".,:;!()。、"
"""The quoting marks, and the marks of a sentence."""


def text_key(text: str) -> str:
    """Return a key that is equal for equal texts, and only for those."""
    # Decompose the text first, because a mark below the line may separate a letter from the mark that its case needs.
    plain = text if text.isascii() else normalize("NFD", text.translate(_widths()))
    plain = " ".join(normalize("NFC", plain.casefold()).split())
    # Otherwise a text that has only points would become empty.
    return plain.rstrip(" .") or plain


@lru_cache(maxsize=1)
def _widths() -> dict[int, int | None]:
    """Map characters of another width to the usual ones, and invisible characters to None."""
    found: dict[int, int | None] = {0xFEFF: None, 0x200B: None}
    for code in (0x3000, *range(0xFF01, 0xFFEF)):
        kind, _, usual = decomposition(chr(code)).partition(" ")
        if kind in ("<wide>", "<narrow>"):
            found[code] = int(usual, 16)
    return found


def alike(words: Sequence[str]) -> tuple[str, str] | None:
    """Return the first two of these words that are equal as texts. None if all differ."""
    known: dict[str, str] = {}
    for word in words:
        other = known.setdefault(text_key(word), word)
        if other != word:
            return other, word
    return None


def option_of(text: str, options: tuple[str, ...], marks: str = AROUND) -> str | None:
    """Return the word of a choice that a text names.

    This is the exact word, else an equal text, else a word that is equal without the ``marks`` around it. None if the
    text names no word, or may name two.
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
