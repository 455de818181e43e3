"""The size of candidates as a judge reads them. Each is on a line of its own, with its number."""

from __future__ import annotations

from collections.abc import Sequence

from .. import types as t
from .bound import Bound
from .sizes import NONE, Fields, Many, OneOf, Size, Some, one_of

_NUMBER = Bound(0, 8)
"""The tokens of a number, of the signs around it and of the line's end."""


def numbered(number: Bound, items: Sequence[Size]) -> Many:
    """Return the size of this many candidates. Each may be any of these items."""
    return Many(number, one_of([_with_number(item) for item in items] or [NONE]))


def _with_number(item: Size) -> Size:
    match item:
        case Some(type_, tokens):
            return Some(type_, tokens + _NUMBER)
        case Fields(fields):
            # The number stands beside the fields, which a template may take one by one.
            return Fields((*fields, ("", Some(t.INT, _NUMBER))))
        case OneOf(options):
            return OneOf(tuple(_with_number(option) for option in options))
    return item
