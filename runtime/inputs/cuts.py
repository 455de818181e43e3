"""The first elements of a list, for a flow that is only tried out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from ..vocabulary.amounts import count_text

_Item = TypeVar("_Item")


class Taken(NamedTuple):
    """The part of a list that a run takes: its first ``taken`` elements of ``whole``."""

    taken: int
    whole: int

    def told(self, name: str) -> str:
        """Return a sentence about the list of the parameter ``name``."""
        return f"`{name}`: the first {self.taken:,} of {count_text(self.whole, 'element')}"


class Cut:
    """A cut of one list behind its first ``most`` elements.

    ``taken`` tells what was left of the list. It is None before the cut.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken: Taken | None = None

    def __call__(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Return the first elements. A list that was cut is not cut again."""
        if self.taken is None:
            self.taken = Taken(min(self.most, len(items)), len(items))
            return items[: self.most] if len(items) > self.most else items
        return items
