"""The places of all names in a file and in the files that it imports."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property

from ..checked import Checked
from .homes import Home, homes_of
from .targets import Key, Place
from .walk import Walk


class Index:
    """The places of names. Those of other files are looked for when they are asked for."""

    def __init__(self, checked: Checked | None) -> None:
        self.checked = checked
        self.homes: dict[str, Home] = {} if checked is None else homes_of(checked)

    @cached_property
    def home(self) -> Home | None:
        """The file itself."""
        return next(iter(self.homes.values()), None)

    @cached_property
    def own(self) -> list[Place]:
        """The places in the file itself and in its prompt files, in the order of the text."""
        return [] if self.home is None else _ordered(Walk(self.home).file())

    @cached_property
    def every(self) -> list[Place]:
        """The places in all files."""
        others = [place for home in self.homes.values() if home is not self.home for place in Walk(home).file()]
        return [*self.own, *_ordered(others)]

    @cached_property
    def _starts(self) -> dict[str, tuple[list[int], list[Place]]]:
        found: dict[str, tuple[list[int], list[Place]]] = {}
        for place in self.own:
            starts, places = found.setdefault(place.span.source.name, ([], []))
            starts.append(place.span.start)
            places.append(place)
        return found

    def at(self, name: str, offset: int) -> Place | None:
        """Return the name at an offset of a file. The cursor may stand behind its last letter."""
        starts, places = self._starts.get(name, ([], []))
        last = bisect_right(starts, offset) - 1
        for number in range(last, max(last - 3, -1), -1):
            if places[number].span.end >= offset:
                return places[number]
        return None

    def of(self, key: Key) -> list[Place]:
        """Return all places of a thing."""
        return [place for place in self.every if place.target.key == key]


def _ordered(places: Iterable[Place]) -> list[Place]:
    """Return places in the order of the text, each once. A declaration comes before a mention of the same part."""
    found: dict[tuple[str, int, int], Place] = {}
    for place in sorted(places, key=lambda one: (one.span.source.name, one.span.start, not one.declared)):
        found.setdefault((place.span.source.name, place.span.start, place.span.end), place)
    return list(found.values())
