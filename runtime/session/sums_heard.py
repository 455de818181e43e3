"""The listeners of a run that are content with sums of events, where no other one wants to hear each event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..account.folded import FOLDED, Figures
from ..vocabulary.partial_listener import PartialListener
from .listeners import Listener, hears

AddFigures = Callable[[Figures], None]


def adding(listeners: Iterable[Listener]) -> AddFigures | None:
    """Return a function that gives sums of events to all listeners. None if one of them wants to hear each event."""
    takers: list[AddFigures] = []
    for one in listeners:
        if any(hears(one, kind) for kind in FOLDED):
            add = getattr(one, "add_figures", None) if isinstance(one, PartialListener) else None
            if add is None:
                return None
            takers.append(add)

    def give(figures: Figures) -> None:
        for taker in takers:
            taker(figures)

    return give


def both(publish: Listener, add: AddFigures) -> Callable[[Any], None]:
    """Return a publisher of events that also takes sums of them."""

    def tell(news: Any) -> None:
        if isinstance(news, Figures):
            add(news)
        else:
            publish(news)

    return tell
