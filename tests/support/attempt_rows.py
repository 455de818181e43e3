"""The rows of a journal about attempts at calls, for tests."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("intent", "answer", "refused", "doubt", "cancelled")


@dataclass(frozen=True)
class AttemptRow:
    """A row: its kind, the place of its call, and its body."""

    kind: str
    place: str
    body: dict[str, Any]

    @property
    def span(self) -> tuple[int, int]:
        return self.body["from"], self.body["to"]

    @property
    def waited(self) -> dict[str, int]:
        found: dict[str, int] = self.body.get("waited", {})
        return found


def attempt_rows(path: Path, *kinds: str) -> list[AttemptRow]:
    """Return the rows of these kinds in order, of all kinds if none is named."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT kind, place, body FROM records ORDER BY number").fetchall()
    return [AttemptRow(kind, place, json.loads(body)) for kind, place, body in found if kind in (kinds or KINDS)]
