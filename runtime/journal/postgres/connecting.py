"""The connection to the database of a journal, and the sentences for a database that cannot be used.

The settings of a connection are those of https://www.postgresql.org/docs/current/libpq-connect.html.
"""

from __future__ import annotations

import getpass
import os
import socket
from typing import TYPE_CHECKING, Any

from flowrun.dsl import pattern

from ...vocabulary.errors import DiskError, UsageError
from ...vocabulary.quoting import shown
from ..address import JournalAddress

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10
# A machine that loses its network must not hold the journal for others, nor wait for ever itself.
_ALIVE = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 20_000}
_SESSION = (
    "SET statement_timeout TO 0",
    "SET search_path TO flowrun",
    "SET client_min_messages TO warning",
    "SET idle_in_transaction_session_timeout TO {idle}",
    "SET tcp_keepalives_idle TO 10",
    "SET tcp_keepalives_interval TO 5",
    "SET tcp_keepalives_count TO 3",
    # A database or a role may have other values, which are meant for other programs.
    "SET default_transaction_isolation TO 'read committed'",
    "SET datestyle TO 'ISO'",
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('lock_timeout', 'transaction_timeout', "
    "'idle_session_timeout')",
)
_IDLE = 30_000
"""The most milliseconds that a writer may do nothing within a transaction."""
_CAUSES = (
    (pattern(r"password authentication failed"), "it refuses the password of {user}: check the password"),
    (pattern(r"no password supplied"), "it wants a password: set PGPASSWORD, or write it into ~/.pgpass"),
    (pattern(r"database \".*\" does not exist"), "it has no such database: make it with `createdb`"),
    (pattern(r"role \".*\" does not exist"), "it knows no user {user}"),
    (pattern(r"no pg_hba\.conf entry .*no encryption"), "it takes {user} only with TLS: add ?sslmode=require"),
    (pattern(r"no pg_hba\.conf entry"), "it does not let {user} in from here: its pg_hba.conf says who may connect"),
    (pattern(r"does not support SSL"), "it has no TLS, and sslmode demands TLS"),
    (pattern(r"certificate"), "its certificate is refused ({said})"),
    (pattern(r"too many (clients|connections)|remaining connection slots"), "it has too many connections already"),
    (pattern(r"permission denied for database"), "{user} may not connect to this database"),
    (pattern(r"starting up|shutting down|in recovery"), "it is starting or stopping at the moment: try again"),
    (pattern(r"failed to resolve host|could not translate host"), "there is no such host"),
    (pattern(r"Connection refused|No such file or directory"), "no server listens at this address"),
    (pattern(r"statement timeout"), "it gives up statements at once: the setting statement_timeout is too small"),
    (pattern(r"timeout|timed out"), f"no server answers at this address within {CONNECT_SECONDS} seconds"),
    (pattern(r"invalid URI query parameter|invalid .* value"), "an option of the URL is wrong ({said})"),
)


def driver() -> Any:
    """Return the module of the driver. Raises UsageError, if it is not installed."""
    try:
        import psycopg
    except ImportError as error:
        # Without libpq the driver cannot be loaded either.
        why = "" if isinstance(error, ModuleNotFoundError) else f" ({str(error).splitlines()[0]})"
        raise UsageError(
            f"a journal in PostgreSQL needs the package psycopg{why}: pip install 'flowrun-dsl[postgres]'"
        ) from None
    import logging  # which the driver has loaded anyway

    logger = logging.getLogger(psycopg.__name__)
    if not logger.handlers:
        # Without a handler its warnings would stand in the output of a run, which tells of a lost connection itself.
        logger.addHandler(logging.NullHandler())
    return psycopg


def connect(address: JournalAddress, *, patient: bool = True) -> psycopg.Connection[Any]:
    """Open a connection in which each statement is a transaction of its own. Raises UsageError, DiskError.

    ``patient`` connections may wait within a transaction, as readers of many rows do.
    """
    module = driver()
    try:
        found: psycopg.Connection[Any] = module.connect(address.url, autocommit=True, **_settings(address))
    except module.Error as error:
        raise refused(address, error) from None
    try:
        for statement in _SESSION:
            found.execute(statement.format(idle=0 if patient else _IDLE))
        encoding = found.execute("SHOW server_encoding").fetchone()
        if encoding != ("UTF8",):
            raise UsageError(
                f"the database {shown(str(address))} holds its texts in {encoding and encoding[0]}, and a journal "
                "needs UTF8: make a database with `createdb -E UTF8`"
            )
    except module.Error as error:
        found.close()
        raise refused(address, error) from None
    except BaseException:
        found.close()
        raise
    return found


def refused(address: JournalAddress, error: BaseException) -> DiskError:
    """Return the error for a database that cannot be connected to."""
    said = said_by(address, error)
    user = "this user"
    if "@" in str(address):
        user = shown(str(address).removeprefix("postgresql://").partition("@")[0])
    why = next((sentence for cause, sentence in _CAUSES if cause.search(said)), "{said}")
    return DiskError(f"the journal {shown(str(address))} cannot be opened: {why.format(user=user, said=said)}")


def said_by(address: JournalAddress, error: BaseException) -> str:
    """Return the first line of an error of the driver, without passwords."""
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return address.without_secrets(line.removeprefix("connection failed: ").removeprefix("connection is bad: ").strip())


def login() -> str:
    """Return the name of this process's user on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _settings(address: JournalAddress) -> dict[str, Any]:
    """Return the settings of a connection that the URL does not name."""
    who = f"flowrun {login()}@{socket.gethostname()} {os.getpid()}"
    ours = {"connect_timeout": CONNECT_SECONDS, "application_name": who[:63], "client_encoding": "UTF8", **_ALIVE}
    query = address.url.partition("?")[2]
    named = {one.partition("=")[0] for one in query.split("&")}
    return {name: value for name, value in ours.items() if name not in named or name == "client_encoding"}
