"""The names that the bodies of a picture see."""

from __future__ import annotations


class Names:
    """The names that a body can see: its own, and those around it.

    Each name leads to the node that has its value.
    """

    def __init__(self, around: Names | None = None, values: dict[str, str] | None = None) -> None:
        self.around = around
        self.values = values or {}

    def find(self, name: str) -> str | None:
        scope: Names | None = self
        while scope is not None:
            if name in scope.values:
                return scope.values[name]
            scope = scope.around
        return None
