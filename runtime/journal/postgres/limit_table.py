"""The table of the limits that the runs of a journal in PostgreSQL share, with the clock of the server."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...vocabulary.errors import DiskError, UsageError
from ..address import JournalAddress
from .connecting import connect, driver, said_by

if TYPE_CHECKING:
    import psycopg

    from ..limit_table import Change

_ROW = "INSERT INTO limits (endpoint) VALUES (%s) ON CONFLICT DO NOTHING"
_READ = "SELECT state, extract(epoch FROM clock_timestamp())::float8 FROM limits WHERE endpoint = %s FOR UPDATE"
_WRITE = "UPDATE limits SET state = %s WHERE endpoint = %s"
_DROP = "DELETE FROM limits WHERE endpoint = %s"
_PATIENCE = ("SET lock_timeout TO 2000", "SET statement_timeout TO 5000", "SET synchronous_commit TO off")


class PostgresTable:
    """The table in the database of a journal. Its connection is its own."""

    waits = True

    def __init__(self, address: JournalAddress) -> None:
        self._address = address
        self._connection: psycopg.Connection[Any] | None = None

    def turn(self, endpoint: str, change: Change) -> Any:
        module = driver()
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._address, patient=False)
                for statement in _PATIENCE:
                    self._connection.execute(statement)
            return self._turned(self._connection, endpoint, change)
        except UsageError as error:
            raise DiskError(str(error)) from None
        except module.Error as error:
            self.close()
            raise DiskError(f"the database of the journal refuses them ({said_by(self._address, error)})") from None

    def _turned(self, connection: psycopg.Connection[Any], endpoint: str, change: Change) -> Any:
        with connection.transaction():
            with connection.pipeline():
                connection.execute(_ROW, (endpoint,))
                found = connection.execute(_READ, (endpoint,))
            text, now = found.fetchone() or (None, 0.0)
            state, answer = change(None if text is None else json.loads(text), now)
            if state is None:
                connection.execute(_DROP, (endpoint,))
            else:
                connection.execute(_WRITE, (json.dumps(state, separators=(",", ":")), endpoint))
        return answer

    def close(self) -> None:
        if self._connection is not None:
            with suppress(driver().Error):
                self._connection.close()
            self._connection = None
