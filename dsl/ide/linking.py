"""The parts of a text that lead to files and pages."""

from __future__ import annotations

from collections.abc import Callable

from .values import Link
from .view import View


def links(view: View, address: Callable[[str], str] | None = None) -> tuple[Link, ...]:
    """Return the links of a text. ``address`` tells the address of the page of a code, or ""."""
    return ()
