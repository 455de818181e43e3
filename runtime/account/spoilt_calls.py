"""The calls behind a run's losses whose answers could not be used. A resume would take these answers again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..vocabulary.call_record import CallRecord
from ..vocabulary.run_record import RunRecord


def spoilt_calls(record: RunRecord, paths: Iterable[str] | None = None) -> list[CallRecord]:
    """Return the failed calls with answers at some losses, or below them. Without ``paths``, at all losses.

    A failed sample of a vote that was decided without it is no loss.
    """
    lost = {loss.path for loss in record.end.losses} if paths is None else set(paths)
    return [
        call
        for call in record.calls
        if call.state == "failed" and call.answers and not lost.isdisjoint(paths_above(call.path))
    ]


def paths_above(path: str) -> Iterator[str]:
    """Yield the paths of the blocks and elements around a path, from the outermost, and the path itself."""
    for at, letter in enumerate(path):
        if letter in ".[":
            yield path[:at]
    yield path
