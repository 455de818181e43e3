"""The tables of a journal in PostgreSQL. Migrations make them, each once and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...vocabulary.errors import DiskError
from ...vocabulary.quoting import shown
from ..address import JournalAddress
from ..records import FORMAT
from .connecting import driver, refused, said_by
from .locks import WRITE

if TYPE_CHECKING:
    import psycopg

SCHEMA = "flowrun"
MIGRATIONS: tuple[str, ...] = (
    # Places are compared by their bytes, as in SQLite. Compression by lz4 is not in every server.
    """
    CREATE TABLE flowrun.records (
      number bigint PRIMARY KEY,
      run bigint NOT NULL,
      kind text COLLATE "C" NOT NULL,
      key bytea NOT NULL,
      place text COLLATE "C" NOT NULL,
      body text COLLATE "C" NOT NULL,
      sum bytea NOT NULL
    );
    CREATE INDEX records_run ON flowrun.records (run, number)
    """,
    # The limits that runs share are no answers: they may be lost with the server, and no disk waits for them.
    """
    CREATE UNLOGGED TABLE flowrun.limits (endpoint text COLLATE "C" PRIMARY KEY, state text COLLATE "C")
    """,
)
"""The steps from an empty schema to the current tables. A step that was released never changes."""
_FOUND = "SELECT to_regclass('flowrun.records') IS NOT NULL, to_regclass('flowrun.version') IS NOT NULL"
_VERSION = "SELECT schema, format FROM flowrun.version"
_MAKE = """
CREATE SCHEMA IF NOT EXISTS flowrun;
CREATE TABLE IF NOT EXISTS flowrun.version (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), schema integer NOT NULL, format integer NOT NULL
);
INSERT INTO flowrun.version (schema, format) VALUES (0, 0) ON CONFLICT DO NOTHING
"""


def check_tables(connection: psycopg.Connection[Any], address: JournalAddress) -> int:
    """Return the version of the tables of a journal, 0 if the database has none yet. Raises DiskError."""
    psycopg = driver()
    try:
        rows, version = connection.execute(_FOUND).fetchone() or (False, False)
        if not version:
            if rows:
                raise _foreign(address, "records")
            return 0
        schema, form = connection.execute(_VERSION).fetchone() or (0, 0)
    except psycopg.errors.InsufficientPrivilege as error:
        raise _forbidden(address, said_by(address, error), "read") from None
    except psycopg.ProgrammingError:
        raise _foreign(address, "version") from None
    except psycopg.Error as error:
        raise refused(address, error) from None
    if not isinstance(schema, int) or not isinstance(form, int):
        raise _foreign(address, "version")
    if schema > len(MIGRATIONS) or form > FORMAT:
        raise DiskError(
            f"the journal {shown(str(address))} was written by a newer version of flowrun: its tables are of version "
            f"{schema} with rows of format {form}, and this version knows {len(MIGRATIONS)} and {FORMAT}. No call was "
            "made. Update flowrun, or use another database"
        )
    return schema if rows else 0


def migrate(connection: psycopg.Connection[Any], address: JournalAddress) -> None:
    """Make the tables of a journal, or bring older ones up to date. Raises DiskError."""
    if check_tables(connection, address) == len(MIGRATIONS):
        return
    psycopg = driver()
    try:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE,))
            # Another process may have made them meanwhile.
            if check_tables(connection, address) == len(MIGRATIONS):
                return
            connection.execute(_MAKE)
            found = connection.execute(_VERSION).fetchone()
            for step in MIGRATIONS[found[0] if found else 0 :]:
                connection.execute(step)
            connection.execute("UPDATE flowrun.version SET schema = %s, format = %s", (len(MIGRATIONS), FORMAT))
    except psycopg.errors.InsufficientPrivilege as error:
        raise _forbidden(address, said_by(address, error), "make its tables in") from None
    except psycopg.errors.ReadOnlySqlTransaction:
        raise DiskError(
            f"the journal {shown(str(address))} cannot be written: its server, or this user there, may only read"
        ) from None
    except psycopg.Error as error:
        raise refused(address, error) from None


def _foreign(address: JournalAddress, table: str) -> DiskError:
    return DiskError(f"{shown(str(address))} has a table flowrun.{table} that is not of a journal of flowrun's")


def _forbidden(address: JournalAddress, said: str, what: str) -> DiskError:
    return DiskError(
        f"the journal {shown(str(address))} cannot be opened: this user may not {what} the database ({said}). Its "
        "owner can grant it: GRANT CREATE ON DATABASE, or rights on the schema flowrun"
    )
