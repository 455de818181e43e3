"""The calls and bodies that the engine itself keeps back. The dispatcher measures the time in which there are any."""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")


class Withheld:
    """The counts of calls that wait for a budget, and of blocks that wait for their own `concurrency`.

    ``models`` counts the calls by the address of their model. ``blocks`` counts the running blocks by their path and
    `concurrency`. ``changed`` is True if there were none before and are some, or the other way round, since the counts
    were read.
    """

    __slots__ = ("blocks", "changed", "models")

    def __init__(self) -> None:
        self.models: dict[str, int] = {}
        self.blocks: dict[tuple[str, int], int] = {}
        self.changed = False

    def call(self, model: str, by: int) -> None:
        """Count ``by`` more calls that wait for a budget."""
        self.changed |= _add(self.models, model, by)

    def block(self, path: str, concurrency: int, by: int) -> None:
        """Count ``by`` more blocks that have a body to open, and as many open ones as they may have."""
        self.changed |= _add(self.blocks, (path, concurrency), by)

    @property
    def calls(self) -> int:
        """The number of calls that wait for a budget."""
        return sum(self.models.values())

    def read(self) -> bool:
        """Tell whether the counts have changed since this was last asked."""
        changed, self.changed = self.changed, False
        return changed


def _add(counts: dict[Key, int], key: Key, by: int) -> bool:
    """Add to a count. Return True if it was zero or became zero. A count of zero is not kept."""
    before = counts.get(key, 0)
    if before + by:
        counts[key] = before + by
    else:
        counts.pop(key, None)
    return not before or not before + by
