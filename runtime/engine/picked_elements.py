"""The elements that a map takes of its list: they are looked up in the list, and not held a second time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import overload

from ..vocabulary.json_value import Json


class Picked(Sequence[Json]):
    """The elements of a list at some of its places. The list may be a file, from which they are read when needed."""

    def __init__(self, source: Sequence[Json], places: array[int]) -> None:
        self._source = source
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Json: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Json]: ...

    def __getitem__(self, index: int | slice) -> Json:
        if isinstance(index, slice):
            return Picked(self._source, self._places[index])
        return self._source[self._places[index]]
