"""The candidates of a judge: a list that is shown with the numbers of its items."""

from __future__ import annotations

import json
from typing import Any

Json = Any
_BREAKS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}


class Candidates(list[Json]):
    """A list like any other, but that a prompt shows its items in lines of their own, numbered from 1.

    No item can look like another one with a number of its own: where one of them has a line break or is empty, all
    of them are shown as JSON, whose texts have no line breaks.
    """

    def texts(self) -> list[str]:
        """The items as texts of one line each, without their numbers."""
        bare = all(isinstance(one, str) and one.splitlines() == [one] for one in self)
        return [one if bare else json.dumps(one, ensure_ascii=False).translate(_BREAKS) for one in self]

    def lines(self) -> list[str]:
        return [f"{place}. {item}" for place, item in enumerate(self.texts(), 1)]

    def block(self) -> str:
        """All of them, apart from what stands before and behind."""
        return "\n" + "\n".join(self.lines()) + "\n"
