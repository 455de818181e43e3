"""The base of listeners that need only some events. A run has many events for each call."""

from __future__ import annotations

from abc import ABC, abstractmethod


class PartialListener(ABC):
    """A listener that is spared the events it does not hear."""

    __slots__ = ()

    @abstractmethod
    def hears(self, kind: type) -> bool:
        """Tell whether the listener needs the events of a class. The answer is always the same."""
