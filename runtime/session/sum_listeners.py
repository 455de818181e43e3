"""The listeners of a run that are content with sums of events, where no other one wants to hear each event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..account.event_fold import FOLDED
from ..account.sums import Figures
from ..vocabulary.partial_listener import PartialListener
from .listeners import Listener, Listeners, hears

AddFigures = Callable[[Figures], None]


def adding(listeners: Iterable[Listener]) -> AddFigures | None:
    """Return a function that gives sums of events to all listeners. None if one of them wants to hear each event."""
    takers: list[AddFigures] = []
    for one in listeners:
        if any(hears(one, kind) for kind in FOLDED):
            add = adding(one.several) if isinstance(one, Listeners) else _add_of(one)
            if add is None:
                return None
            takers.append(add)

    def give(figures: Figures) -> None:
        for taker in takers:
            taker(figures)

    return give


def _add_of(listener: Listener) -> AddFigures | None:
    # Only listeners that say what they hear can say that sums are enough.
    return getattr(listener, "add_figures", None) if isinstance(listener, PartialListener) else None


def both(publish: Listener, add: AddFigures) -> Callable[[Any], None]:
    """Return a publisher of events that also takes sums of them."""

    def tell(news: Any) -> None:
        if isinstance(news, Figures):
            add(news)
        else:
            publish(news)

    return tell
