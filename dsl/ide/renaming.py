"""The change of a name in all its places."""

from __future__ import annotations

from collections.abc import Iterable

from ..diagnostics import Edit
from ..source import Span
from .values import Refusal
from .view import View


def renamed(view: View, at: int) -> Span | Refusal:
    """Return the name that a rename at an offset changes, or the reason why nothing can be renamed there."""
    return Refusal("there is no name here")


def rename(view: View, at: int, name: str, others: Iterable[View] = ()) -> tuple[Edit, ...] | Refusal:
    """Return the edits that give the name at an offset another name, in all files that are known."""
    return Refusal("there is no name here")
