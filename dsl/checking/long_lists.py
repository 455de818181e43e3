"""Names in messages. A long list of names, or a long name, is shortened."""

from __future__ import annotations

from collections.abc import Sequence

MOST_NAMED = 9
_LONGEST_NAME = 60


def few(names: Sequence[str]) -> list[str]:
    """Return the first names and the last name, and the number of names left out between them."""
    if len(names) > MOST_NAMED + 1:
        names = [*names[: MOST_NAMED - 1], f"… and {len(names) - MOST_NAMED:,} more", names[-1]]
    return [shortened(name) for name in names]


def shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME + 2 else name[: _LONGEST_NAME - 1] + "…"
