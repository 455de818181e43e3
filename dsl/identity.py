"""Identity as a key: tables about objects that are equal to others, or are too large to compare."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, eq=False, slots=True)
class Identity:
    """An object as the key of a table, compared by what it is and not by its content.

    The table holds the object. So no other object can take its place.
    """

    held: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.held is other.held

    def __hash__(self) -> int:
        return object.__hash__(self.held)
