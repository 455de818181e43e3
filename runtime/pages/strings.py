"""The texts of a page, each once."""

from __future__ import annotations

from ..vocabulary.json_value import Json
from ..vocabulary.quoting import json_text


class Strings:
    """A table of texts. Each text has one number. Foreign texts have number 0 if they are left out.

    Foreign texts over ``longest`` characters are cut.
    """

    def __init__(self, *, foreign: bool, longest: int | None = None) -> None:
        self.all = [""]
        self._foreign = foreign
        self._longest = longest
        self._numbers = {"": 0}

    def add(self, text: str) -> int:
        """Return the number of a text that everyone may read: a name of the flow, or a path."""
        number = self._numbers.setdefault(text, len(self.all))
        if number == len(self.all):
            self.all.append(text)
        return number

    def foreign(self, text: str) -> int:
        """Return the number of a prompt, an answer, a label, a reason or a value."""
        if not self._foreign:
            return 0
        if self._longest is not None and len(text) > self._longest:
            text = f"{text[: self._longest]}… ({len(text) - self._longest:,} more characters)"
        return self.add(text)

    def whole(self, value: Json) -> int:
        """Return the number of a foreign value as JSON, which the page reads; 0 if it would have to be cut."""
        text = json_text(value)
        return self.foreign(text) if self._longest is None or len(text) <= self._longest else 0

    def json(self, value: Json) -> int:
        """Return the number of a foreign value: of a text as it is, of any other value as JSON."""
        if value is None:
            return 0
        return self.foreign(value if isinstance(value, str) else json_text(value))
