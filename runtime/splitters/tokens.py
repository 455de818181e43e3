"""`tokens(n)`: pieces of at most n tokens. An overlap is counted in tokens too.

Tokens are estimated without the vocabulary of a model. For English the estimate is right within a tenth, and so is the
size of the pieces. A piece has at least one character, even if that is estimated as two tokens.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

from flowrun.dsl import ParamSpec, types

from ..vocabulary.tokens import estimate
from .protocol import Splitter, size_of
from .windows import windows

_RUN = re.compile(r"\s+|\S+")
# No more characters of a word are looked at for each token than a long token has: else a text without blanks would
# be counted to its end for every piece.
_LONGEST = 10
_TRIES = 12
# The most words whose tokens are remembered. A text of nothing but different words would fill the memory.
_MOST_KNOWN = 50_000


def split(text: str, args: Mapping[str, Any]) -> list[str]:
    most, overlap = size_of(args, "tokens")
    return [text[start:end] for start, end in windows(text, most, overlap, _Tokens(text))]


class _Tokens:
    """The numbers of tokens of a text, for each run of words and each run of blanks.

    No token covers both a word and a blank, so the numbers add up.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = array("I")
        self.before = array("I", [0])
        self.length = 1.0
        """The number of characters for a token in the last word that was cut."""
        known: dict[str, int] = {}
        total = 0
        for found in _RUN.finditer(text):
            self.starts.append(found.start())
            run = found[0]
            count = known.get(run)
            if count is None:
                count = estimate(run)
                if len(run) < 40 and len(known) < _MOST_KNOWN:
                    known[run] = count
            total += count
            self.before.append(total)
        self.starts.append(len(text))

    def forward(self, start: int, amount: int) -> int:
        if start >= len(self.text):
            return start
        run = bisect_right(self.starts, start) - 1
        if start > self.starts[run]:
            end = self.starts[run + 1]
            reached = self._into(start, end, amount)
            if reached < end:
                return max(reached, start + 1)
            amount -= estimate(self.text[start:end])
            run += 1
        last = bisect_right(self.before, self.before[run] + amount, lo=run) - 1
        reached = self.starts[last]
        if reached < len(self.text) and not self.text[reached].isspace():
            left = amount - (self.before[last] - self.before[run])
            if left > 0 or reached == start:
                reached = self._into(reached, self.starts[last + 1], left)
        return max(reached, start + 1)

    def backward(self, end: int, amount: int) -> int:
        if end <= 0 or amount <= 0:
            return end
        run = bisect_right(self.starts, end - 1) - 1
        if end < self.starts[run + 1]:
            begin = self.starts[run]
            reached = self._out_of(begin, end, amount)
            if reached > begin:
                return reached
            amount -= estimate(self.text[begin:end])
            run -= 1
        # The runs behind the first whose tokens fit together.
        goal = self.before[run + 1] - amount
        first = min(self._first_from(goal), run + 1)
        reached = self.starts[first]
        left = amount - (self.before[run + 1] - self.before[first])
        if first > 0 and left > 0 and not self.text[reached - 1].isspace():
            reached = self._out_of(self.starts[first - 1], reached, left)
        return reached

    def _first_from(self, goal: int) -> int:
        """Return the index of the first run with at least ``goal`` tokens before it."""
        return bisect_right(self.before, goal - 1)

    def _into(self, start: int, end: int, amount: int) -> int:
        """Return the last offset in a word up to which the word has at most ``amount`` tokens."""
        text, end = self.text, min(end, start + _LONGEST * amount + 1)
        return start + self._most(end - start, amount, lambda size: estimate(text[start : start + size]))

    def _out_of(self, start: int, end: int, amount: int) -> int:
        """Return the first offset in a word from which the rest of the word has at most ``amount`` tokens."""
        text, start = self.text, max(start, end - _LONGEST * amount)
        return end - self._most(end - start, amount, lambda size: estimate(text[end - size : end]))

    def _most(self, size: int, amount: int, count: Callable[[int], int]) -> int:
        """Return a size, at most ``size``, that has nearly ``amount`` tokens and not more.

        Each guess uses the count of the guess before, so a few guesses are enough.
        """
        fits, over = 0, size + 1
        guess = min(size, max(int(amount * self.length), 1))
        for _ in range(_TRIES):
            found = count(guess)
            if found <= amount:
                fits = guess
            else:
                over = guess
            if found == amount or over - fits <= 1:
                break
            guess = min(max(guess * amount // max(found, 1), fits + 1), over - 1)
        if fits and amount > 8:
            self.length = fits / amount
        return fits


SPLITTER = Splitter("tokens", (ParamSpec("n", types.INT, required=True, low=1),), split, "pieces of at most n tokens")
