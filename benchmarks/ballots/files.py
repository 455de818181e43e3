"""Files of recorded ballots."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Question:
    """A vote that is None is a sample without an answer."""

    votes: Sequence[str | None]
    gold: str


def read(path: Path) -> Iterator[Question]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
            votes = [vote if isinstance(vote, str | None) else json.dumps(vote) for vote in row["votes"]]
            gold = row["gold"] if isinstance(row["gold"], str) else json.dumps(row["gold"])
        except (ValueError, KeyError, TypeError):
            raise SystemExit(f'{path}:{number}: a line is {{"votes": ["…", …], "gold": "…"}}') from None
        if not votes:
            raise SystemExit(f"{path}:{number}: there is no vote")
        yield Question(votes, gold)
