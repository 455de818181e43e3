"""The search for the known word that the author of a misspelt word probably meant."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from functools import lru_cache

FEW = 30
"""The most words that are compared one by one.

Of more words, only the neighbours of the word are compared, in the order of beginnings and in that of ends.
"""
BESIDE = 4
ALIKE = 0.65
MOST_GUESSED = 1000
"""The number of problems in a file after which names are not guessed: each guess goes through all names."""
LONGEST = 100
"""The most characters of a word that is compared: the comparison takes time by their square."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most similar to this word, or equal except for case. None if no word is similar."""
    words = tuple(known)
    order = _order(words) if len(words) > FEW else None
    folded = order.folded if order else _folded(words)
    if found := folded.get(word.lower()):
        return found
    if len(word) > LONGEST:
        return None
    candidates = order.beside(word) if order else list(dict.fromkeys(words))
    if order and _kept(word, near := max(candidates, key=lambda candidate: _kept(word, candidate), default="")) > ALIKE:
        return near
    from difflib import get_close_matches

    close = get_close_matches(word, candidates, n=1, cutoff=ALIKE)
    return close[0] if close else None


def _kept(word: str, other: str) -> float:
    """Return the share of two words, from 0 to 1, that their common beginning and common end make up.

    difflib would mostly find the same, but takes longer.
    """
    short = min(len(word), len(other))
    begin = next((at for at in range(short) if word[at] != other[at]), short)
    end = next((at for at in range(short - begin) if word[-1 - at] != other[-1 - at]), short - begin)
    return 2 * (begin + end) / max(len(word) + len(other), 1)


class _Order:
    """Many words, sorted by their beginnings and by their ends. A typing error leaves one of the two intact."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.folded = _folded(words)
        self.forward = sorted({word for word in words if len(word) <= LONGEST})
        self.backward = sorted(word[::-1] for word in self.forward)

    def beside(self, word: str) -> list[str]:
        ends = _around(self.backward, word[::-1])
        return list(dict.fromkeys([*_around(self.forward, word), *(end[::-1] for end in ends)]))


def _around(words: list[str], word: str) -> list[str]:
    at = bisect(words, word)
    return words[max(0, at - BESIDE) : at + BESIDE]


def _folded(words: tuple[str, ...]) -> dict[str, str]:
    return {word.lower(): word for word in words}


# One file misspells many words, and mostly among the same known ones.
_order = lru_cache(maxsize=8)(_Order)
