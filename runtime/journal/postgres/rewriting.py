"""The rewriting of a journal in PostgreSQL without some of its runs, in one transaction."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from ...vocabulary.errors import DiskError, UsageError
from ...vocabulary.quoting import shown
from ..address import JournalAddress
from ..row_copy import RowCopy
from .connecting import connect, driver, said_by
from .locks import OPEN, WRITE
from .reading import PostgresConnection

if TYPE_CHECKING:
    from collections.abc import Collection

    import psycopg

_COPY = "COPY records FROM STDIN (FORMAT BINARY)"
_TYPES = ("int8", "int8", "text", "bytea", "text", "text", "bytea")
_WAIT = "SET lock_timeout TO 5000"


def rewrite_rows(address: JournalAddress, without: Collection[int]) -> tuple[int, int, int, int]:
    """Rewrite a journal without the runs of these numbers. Return its rows and its bytes, each before and after.

    Raises: UsageError, if a process has the journal open; DiskError, if it is damaged or cannot be written.
    """
    module = driver()
    with closing(PostgresConnection(address, snapshot=True)) as reader, closing(connect(address)) as writer:
        if not reader.holds_rows:
            return 0, 0, 0, 0
        try:
            # It ends with the connection.
            if writer.execute("SELECT pg_try_advisory_lock(%s)", (OPEN,)).fetchone() != (True,):
                raise UsageError(
                    f"a process uses the journal {shown(str(address))} at the moment: wait for the end of all runs"
                )
            before = reader.size()
            reader.rollback()
            copy = RowCopy(reader, address, frozenset(without))
            with writer.transaction():
                writer.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE,))
                writer.execute("DELETE FROM records")
                with writer.cursor() as cursor, cursor.copy(_COPY) as rows:
                    rows.set_types(_TYPES)
                    for row in copy.rows():
                        rows.write_row(row)
            reader.close()
            _free(writer, module)
            with closing(PostgresConnection(address, snapshot=True)) as after:
                return copy.read.rows, copy.written.rows, before, after.size()
        except module.Error as error:
            said = said_by(address, error)
            raise DiskError(f"the journal {shown(str(address))} cannot be rewritten: {said}; it is as it was") from None


def _free(writer: psycopg.Connection[Any], module: Any) -> None:
    """Give the room of the old rows back to the system. If others read the table, the server does it later."""
    with suppress(module.Error):
        writer.execute(_WAIT)
        writer.execute("VACUUM FULL records")
