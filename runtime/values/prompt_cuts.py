"""The lengths of the beginnings of a prompt's text, noted while the text is made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import field

from flowrun.dsl import dataclass

from .prompt_text import Meter

CUTS = "#cuts"
"""The name under which a template finds its cuts."""


@dataclass(eq=False, slots=True)
class Cuts:
    """The cuts of one text. ``ends`` has the length of the text before the part with each number of ``parts``.

    The numbers ascend, and each is below the number of all parts.
    """

    parts: tuple[int, ...]
    ends: Sequence[int] = field(default_factory=list)
    _meter: Meter | None = None

    def begun(self, meter: Meter) -> tuple[int, ...]:
        """Begin a text whose characters ``meter`` counts. Return the numbers of the parts."""
        self.ends, self._meter = [], meter
        return self.parts

    def note(self) -> str:
        """Note the length that the text has by now. Return a text that adds nothing to it."""
        assert self._meter is not None
        self.ends = [*self.ends, self._meter.characters]
        return ""

    def move(self, grown: Sequence[tuple[int, int]]) -> None:
        """Move the ends with the text: from each place on it has grown by a number of characters since they were noted.

        An end before the first place stays.
        """
        places = [at for at, _ in grown]
        more = [0, *(by for _, by in grown)]
        self.ends = [end + more[bisect_right(places, end)] for end in self.ends]

    def forget(self) -> None:
        """Count no beginning: the marks in this text depend on all of it."""
        self.ends = [0] * len(self.parts)
