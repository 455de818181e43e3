"""Replay: run the state machine again, from a journal, from the lines of a scripted test, or from another source.

The names in ``__all__`` are public; docs/python.md describes them. Each is loaded when it is first used, because a
replay itself needs no network, no clock and no database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .driver import Replay, ReplayedCall, replay
    from .run_records import call_rows, calls_of, find_call, read_part, read_run
    from .source import UNKNOWN, AnswerSource, Came, Doubted, Hedged, Replies, Returned, TimedOut, Widened

_HOMES = {
    "driver": "Replay ReplayedCall replay",
    "run_records": "call_rows calls_of find_call read_part read_run",
    "source": "UNKNOWN AnswerSource Came Doubted Hedged Replies Returned TimedOut Widened",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "UNKNOWN",
    "AnswerSource",
    "Came",
    "Doubted",
    "Hedged",
    "Replay",
    "ReplayedCall",
    "Replies",
    "Returned",
    "TimedOut",
    "Widened",
    "call_rows",
    "calls_of",
    "find_call",
    "read_part",
    "read_run",
    "replay",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            value = getattr(import_module(f".{_HOME[name]}", __name__), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
