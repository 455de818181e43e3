"""The advisory locks of a journal in PostgreSQL. They belong to one database, and end with their connection.

A lock has a number of 64 bits. Its upper half tells the kind of the lock, its lower half the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_MARK = 0x666C6F77
_HALF = 32
WRITE = _MARK << _HALF
"""The lock of a transaction that adds rows."""
OPEN = (_MARK + 1) << _HALF
"""The lock that every open journal shares. Who rewrites the journal has it alone."""
_RUNS = _MARK + 2
_LIVE = """SELECT objid::bigint, pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND classid::bigint = %s
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def of_run(run: int) -> int:
    """Return the lock of a run that goes on."""
    return (_RUNS << _HALF) + run


def live(connection: psycopg.Connection[Any]) -> dict[int, int]:
    """Return the runs that go on, each with the server's process for it."""
    return dict(connection.execute(_LIVE, (_RUNS,)).fetchall())


def holder_told(connection: psycopg.Connection[Any], run: int) -> str:
    """Return words for who runs a run: the user, the machine and the process. "" if nobody does."""
    process = live(connection).get(run)
    if process is None:
        return ""
    found = connection.execute("SELECT application_name FROM pg_stat_activity WHERE pid = %s", (process,)).fetchone()
    words = str(found[0]).split() if found and found[0] else []
    return f"{words[1]}, process {words[2]}" if len(words) == 3 and words[0] == "flowrun" else "another process"
