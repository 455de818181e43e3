"""The violations that a suite has found."""

from __future__ import annotations

import json
from typing import Any, TypeVar

T = TypeVar("T")


class NonconformityError(AssertionError):
    """A thing does not keep the rules of its kind; ``faults`` are the sentences."""

    def __init__(self, who: str, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n  ".join([f"{who} does not keep the rules of its kind:", *faults]))


class Faults:
    """A collector of sentences. Each is kept once."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.told: list[str] = []

    def unless(self, holds: bool, sentence: str) -> bool:
        """Note the sentence unless it holds, and return whether it does."""
        if not holds and sentence not in self.told:
            self.told.append(sentence)
        return holds

    def add(self, sentence: str) -> None:
        self.unless(False, sentence)

    def finish(self) -> None:
        """Raise NonconformityError if anything was noted."""
        if self.told:
            raise NonconformityError(self.who, self.told)


def is_plain(value: Any) -> bool:
    """Tell whether a value is plain JSON data, which survives being written down."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def shown(value: Any) -> str:
    return f"{value!r:.120}"
