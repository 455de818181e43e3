"""The turns of the checks: which text is checked next, and when. A plain state machine, which reads no clock."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
DELAY = 0.04
"""The seconds between the last key and the check. In this time the next key of a fast writer comes."""


class Turns(Generic[Key]):
    """The texts that wait for a check. Of all states of one text only the newest is checked.

    One check runs at a time. ``running`` is its text, or None.
    """

    def __init__(self, delay: float = DELAY) -> None:
        self.delay = delay
        self.running: Key | None = None
        self._due: dict[Key, float] = {}
        self._stale = False

    def touch(self, key: Key, now: float, *, wait: bool = True) -> None:
        """Ask for a check of a text that has changed. With ``wait`` further changes may come at once."""
        due = now + (self.delay if wait else 0.0)
        if not wait and key in self._due:
            due = min(due, self._due[key])
        self._due[key] = due
        if key == self.running:
            self._stale = True

    def forget(self, key: Key) -> None:
        """Drop a text. The result of a check of it that runs is not used."""
        self._due.pop(key, None)
        if key == self.running:
            self._stale = True

    def waits(self, key: Key) -> bool:
        """Tell whether the newest state of a text is still to be checked."""
        return key in self._due or key == self.running

    def start(self, now: float) -> Key | None:
        """Return the text whose check begins now. None if one runs, or if none is due."""
        if self.running is not None or not self._due:
            return None
        key = min(self._due, key=lambda one: self._due[one])
        if self._due[key] > now:
            return None
        del self._due[key]
        self.running, self._stale = key, False
        return key

    def end(self) -> bool:
        """Note the end of the running check. Return True if its result is of the newest state of its text."""
        self.running = None
        return not self._stale

    def next_at(self) -> float | None:
        """Return the time at which the next check is due. None if a check runs, or if none waits."""
        return None if self.running is not None or not self._due else min(self._due.values())
