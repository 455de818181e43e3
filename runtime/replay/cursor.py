"""The position of a replay in the rows of a part of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..journal.attempts import RunRow
from ..journal.records import Kind
from .stretches import OF_CALLS


class CallId(NamedTuple):
    """The key of a call and its place. Within one part of a run they tell it from all other calls."""

    key: bytes
    place: str


class Cursor:
    """A position in rows. ``places`` has the key of the last call at each place."""

    def __init__(self, rows: Sequence[RunRow]) -> None:
        self._rows = rows
        self._at = 0
        self._of: dict[CallId, list[int]] = {}
        self.places: dict[str, bytes] = {}
        for at, row in enumerate(rows):
            if row.kind in OF_CALLS or row.kind == Kind.FAILED:
                self._of.setdefault(CallId(row.key, row.place), []).append(at)
                self.places[row.place] = row.key

    def __contains__(self, name: CallId) -> bool:
        """True if any row is about this call."""
        return name in self._of

    @property
    def row(self) -> RunRow | None:
        """The row at the position, None after the last row."""
        return self._rows[self._at] if self._at < len(self._rows) else None

    def step(self) -> None:
        self._at += 1

    def body(self) -> dict[str, Any]:
        """Read the body of the row at the position; it is empty if the row has none."""
        text = self._rows[self._at].body
        body = json.loads(text) if text else None
        return body if isinstance(body, dict) else {}

    def fails_later(self, name: CallId) -> bool:
        """Tell whether a row from the position on says why this call failed."""
        return any(at >= self._at and self._rows[at].kind == Kind.FAILED for at in self._of[name])

    def sent_later(self, name: CallId) -> bool:
        """Tell whether a request for this call is sent from the position on."""
        return any(at >= self._at and self._rows[at].kind == Kind.INTENT for at in self._of[name])
