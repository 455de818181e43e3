"""The choice of spans to make when a run has too many: some for each kind of step, and all that matter."""

from __future__ import annotations

from hashlib import blake2b

MOST = 10_000
"""The number of spans above which a run leaves some out."""
_WHOLE = 2**32


class Share:
    """The share of a run's elements that get spans.

    A step that runs once always gets its span, and so does a failure. The other steps stand in an element of a block.
    An element has spans for all its steps or for none. The blocks tell how many elements there will be, so the elements
    at the end of a long map have the same chance as those at its beginning. The choice depends on the path alone, so
    two runs of one flow keep the same elements.

    ``made`` counts the spans of steps and requests, and ``left_out`` those that were not made.
    """

    def __init__(self, most: int = MOST) -> None:
        self.left_out = 0
        self._most = most
        self.made = 0
        self._plain = 0
        self._elements = 0
        self._inner = 0
        self._inner_blocks = 0

    def expect(self, path: str, elements: int, steps: int) -> None:
        """Take that a block has so many elements with so many steps each. A step may have its own span and a request's.

        A block inside an element stands for those of the elements that have not begun.
        """
        spans = 2 * elements * steps
        if element_of(path):
            self._inner += spans
            self._inner_blocks += 1
        else:
            self._plain += spans
            self._elements += elements

    @property
    def _expected(self) -> float:
        each = self._inner / self._inner_blocks if self._inner_blocks else 0
        return self._plain + max(self._inner, each * self._elements)

    def takes(self, path: str) -> bool:
        """Tell whether the step at this path, or a request of it, gets a span. Count the answer."""
        if not self._is_chosen(path):
            self.left_out += 1
            return False
        self.made += 1
        return True

    def rescue(self) -> None:
        """Count a span that was left out, but is made after all because it failed."""
        self.left_out -= 1
        self.made += 1

    def _is_chosen(self, path: str) -> bool:
        element = element_of(path)
        if not element:
            return True
        if self.made >= self._most:
            return False
        chance = self._most / max(self._expected, 1)
        if chance >= 1:
            return True
        # A sum such as CRC-32 gives like results to like paths, so it would leave out whole stretches of elements.
        drawn = blake2b(element.encode("utf-8", "replace"), digest_size=4).digest()
        return int.from_bytes(drawn) < chance * _WHOLE


def element_of(path: str) -> str:
    """Return the outermost element that a path lies in: ``notes[3]`` for ``notes[3].draft[1]``; "" if in none."""
    head, bracket, rest = path.partition("[")
    return f"{head}[{rest.partition(']')[0]}]" if bracket else ""


def above(path: str) -> str:
    """Return the path around a path: ``notes[3]`` for ``notes[3].draft``, and ``notes`` for that; "" at the top."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]
