"""Table keys that compare objects by identity, for objects that are equal to others or too large to compare."""

from __future__ import annotations

from .records import dataclass


@dataclass(frozen=True, eq=False, slots=True)
class Identity:
    """A table key for an object. Two keys are equal if they hold the same object, not if they hold equal objects.

    The key keeps the object alive. So no other object can get its ``id``.
    """

    held: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.held is other.held

    def __hash__(self) -> int:
        return object.__hash__(self.held)
