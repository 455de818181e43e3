"""The description of the thing at a place of a text."""

from __future__ import annotations

from collections.abc import Callable

from .values import Hover
from .view import View

Price = Callable[[str], str]
"""A function that tells the price of a model by its address, in words. "" if it is not known."""


def hover(view: View, at: int, price: Price | None = None) -> Hover | None:
    """Describe the name or word at an offset. None if there is nothing to say."""
    return None
