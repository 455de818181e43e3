"""The first elements of lists, for a flow that is only tried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from flowrun.dsl import types

from ..vocabulary.json_value import Json

_Item = TypeVar("_Item")


class Taken(NamedTuple):
    """The part of a list that a run takes: its first ``taken`` elements of ``whole``. ``unit`` is their name."""

    taken: int
    whole: int
    unit: str

    def told(self) -> str:
        """Return the part in words, as in "first 10 of 500 rows"."""
        return f"first {self.taken:,} of {self.whole:,} {self.unit}"


def taken_of(settings: Mapping[str, Json]) -> dict[str, Taken]:
    """Return the lists of which a run took a part, from its settings in a journal. Raises TypeError, ValueError."""
    kept = settings.get("first", {})
    return {name: Taken(int(taken), int(whole), str(unit)) for name, (taken, whole, unit) in kept.items()}


class Cut:
    """A cut of one list behind its first ``most`` elements.

    ``taken`` tells what was left of the list. It is None before the cut, and for a list that has no more elements.
    """

    def __init__(self, most: int, type_: types.Type) -> None:
        self.most = most
        self.taken: Taken | None = None
        inner = types.unwrapped(type_)
        item = types.unwrapped(inner.item) if isinstance(inner, types.ListOf) else types.JSON
        self._unit = "documents" if item == types.DOCUMENT else _texts_or_rows(item)

    def __call__(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Return the first elements. A list that was cut is not cut again."""
        if self.taken is not None or len(items) <= self.most:
            return items
        self.taken = Taken(self.most, len(items), self._unit)
        return items[: self.most]


def _texts_or_rows(item: types.Type) -> str:
    if types.plain(item) == types.TEXT:
        return "texts"
    return "rows" if isinstance(item, types.Record | types.Union) or item == types.JSON else "elements"
