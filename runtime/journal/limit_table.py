"""The table of the limits that the runs of a journal share, wherever it lies. It holds no answer and may be lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ..vocabulary.json_value import Json

Change = Callable[[Json, float], tuple[Json, Any]]
"""A function that gets the state of an endpoint and the time of the table, and returns the state and an answer.

A state of None stands for nothing that counts.
"""


class LimitTable(Protocol):
    """The states of endpoints by their key. ``waits`` says that a turn may take long."""

    waits: bool

    def turn(self, endpoint: str, change: Change) -> Any:
        """Change the state of an endpoint in a transaction, and return the answer.

        Raises: DiskError; BlockingIOError, if another run is using the table.
        """

    def close(self) -> None:
        """Close the table."""
