"""The past of a run from the sums that the fold of its journal took."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from .bought import Bought, Purchases
from .history import ROWS, History, Row
from .rows import LATER, damaged
from .sql import Connection, ServerConnection

_ROWS_AT = f"{ROWS} AND number IN (SELECT value FROM json_each(?)) ORDER BY number"
_AT_ONCE = 4_000


def bought_past(connection: Connection, path: Path, purchases: Purchases, run: int) -> History | None:
    """Return the past of a run from the sums of the rows that were read. None if the run has gone on since.

    Raises DiskError.
    """
    bought, history = purchases.of.get(run, Bought()), History()
    try:
        if connection.execute(LATER, (purchases.rows, run)).fetchone() is not None:
            return None
        for row in _rows_at(connection, sorted(bought.apart)):
            history.take(row)
    except sqlite3.Error as error:
        raise damaged(path, str(error)) from None
    for (model, of), calls in bought.sent.items():
        history.add_sent(model, of, calls)
    for model, (answers, *tokens) in bought.paid.items():
        history.add_paid(model, answers, 0, *tokens)
    return history


def _rows_at(connection: Connection, numbers: list[int]) -> Iterator[Row]:
    for first in range(0, len(numbers), _AT_ONCE):
        some = numbers[first : first + _AT_ONCE]
        if isinstance(connection, ServerConnection):
            yield from connection.attempts_at(some)
        else:
            yield from connection.execute(_ROWS_AT, (json.dumps(some),))
