"""The candidates that a judge compares: a list whose items a prompt shows with their numbers."""

from __future__ import annotations

import json

from ..vocabulary.json_value import Json

_BREAKS = {ord(char): f"\\u{ord(char):04x}" for char in "\x85\u2028\u2029"}


class Candidates(list[Json]):
    """A list whose items a prompt shows on lines of their own, numbered from 1. Otherwise it is like any other list.

    No item can look like another numbered item. If any item has a line break or is empty, all items are shown as JSON,
    whose texts have no line breaks.
    """

    def texts(self) -> list[str]:
        """Return the items as texts of one line each, without their numbers."""
        bare = all(isinstance(one, str) and one.splitlines() == [one] for one in self)
        return [one if bare else json.dumps(one, ensure_ascii=False).translate(_BREAKS) for one in self]

    def lines(self) -> list[str]:
        return [f"{place}. {item}" for place, item in enumerate(self.texts(), 1)]

    def block(self) -> str:
        """Return all items as one block of lines, separated from the text before and behind it."""
        return "\n" + "\n".join(self.lines()) + "\n"
