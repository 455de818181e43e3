"""The runner: from a plan to events, an answer and a report.

A name is loaded when it is first used, so that the command starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Result, RunError, run, run_async
    from .session.loading import load

__all__ = ["Result", "RunError", "load", "run", "run_async"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from .session.loading import load

        return load
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
