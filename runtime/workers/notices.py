"""The news of a run's workers: what the listeners of the run hear, and the lines that its user reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from ..vocabulary import events as e
from ..vocabulary.amounts import count_text
from ..vocabulary.partial_listener import CallShowing


class News:
    """The publisher of what workers tell: their events, and the ends of calls for the listener that ``shows`` them.

    Each line for the user is told once, because all workers say the same about the same file.
    """

    def __init__(self, publish: Callable[[Any], None], shows: CallShowing | None = None) -> None:
        self._publish = publish
        self._shows = shows
        self._told: set[str] = set()
        self._full = False

    def __call__(self, event: Any) -> None:
        if isinstance(event, e.Notice):
            if event.text in self._told:
                return
            self._told.add(event.text)
        self._publish(event)

    def ended(self, ends: Iterable[tuple[str, Literal["failed", "cancelled"], str]]) -> None:
        if self._shows is not None:
            for place, end, reason in ends:
                self._shows.ended(place, end, reason)

    def fills(self) -> bool:
        """Tell whether workers should send no texts of further calls. True once, when there is no room left."""
        if self._full or self._shows is None or self._shows.has_room:
            return False
        self._full = True
        return True


def lost_line(worker: int, end: str, doubts: int, bodies: int) -> str:
    """Tell in one line that a worker has died."""
    paid = ""
    if doubts == 1:
        paid = "; 1 call was open there and may have been paid, so it counts at its worst"
    elif doubts:
        paid = f"; {doubts:,} calls were open there and may have been paid, so they count at their worst"
    left = "; it had nothing to do"
    if bodies:
        left = f"; other workers take over its {count_text(bodies, 'element')}"
    return f"worker process {worker} ended unexpectedly ({end}){paid}{left}"
