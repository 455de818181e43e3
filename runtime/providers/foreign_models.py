"""The opening of models by functions of somebody else's: those of other packages, and those of a caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..vocabulary.errors import FlowrunError, UsageError, mistake_in

if TYPE_CHECKING:
    from .protocol import Provider, Surroundings

_MEMBERS = ("model", "endpoint", "samples", "concurrency", "start", "complete", "close")


def opened_by(
    opener: Callable[[str, Surroundings], Provider], model: str, name: str, surroundings: Surroundings, who: str
) -> Provider:
    """Open a model by a function of somebody else's, which gets ``name``; ``who`` is the word for it in messages.

    Raises: UsageError, if the function fails or returns no provider; the function's own FlowrunErrors.
    """
    try:
        opened = opener(name, surroundings)
    except FlowrunError:
        raise
    except Exception as mistake:
        raise UsageError(f"{who} cannot open `{model}`: {mistake_in(mistake)}") from mistake
    if missing := [member for member in _MEMBERS if not hasattr(opened, member)]:
        raise UsageError(f"{who} opens no provider for `{model}`: what it opens has no {', '.join(missing)}")
    wrong = [
        f"`{member}` is no text" for member in ("model", "endpoint") if not isinstance(getattr(opened, member), str)
    ]
    for member in ("samples", "concurrency"):
        number = getattr(opened, member)
        if not isinstance(number, int) or number < 1:
            wrong.append(f"`{member}` is no whole number from 1")
    if wrong:
        raise UsageError(f"{who} opens no provider for `{model}`: its {', its '.join(wrong)}")
    return opened
