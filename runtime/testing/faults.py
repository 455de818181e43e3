"""The broken rules that a conformance suite has found."""

from __future__ import annotations

import json
from typing import Any, TypeVar

T = TypeVar("T")


class NonconformityError(AssertionError):
    """An extension breaks the rules of its kind. ``faults`` has a sentence for each broken rule."""

    def __init__(self, who: str, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n  ".join([f"{who} does not keep the rules of its kind:", *faults]))


class Faults:
    """A list of sentences about broken rules, without duplicates. ``who`` is the extension in words."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.told: list[str] = []

    def unless(self, holds: bool, sentence: str) -> bool:
        """Add the sentence if the rule does not hold. Return whether it holds."""
        if not holds and sentence not in self.told:
            self.told.append(sentence)
        return holds

    def add(self, sentence: str) -> None:
        self.unless(False, sentence)

    def finish(self) -> None:
        """Raise NonconformityError if the list has a sentence."""
        if self.told:
            raise NonconformityError(self.who, self.told)


def is_plain(value: Any) -> bool:
    """Tell whether a value is plain JSON data: it is the same after it was written and read again."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def shown(value: Any) -> str:
    return f"{value!r:.120}"
