"""A PostgreSQL server for tests, from the packages of the system, with its data in a folder of its own."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from .patience import PATIENCE

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
_ROOT = 0
PASSWORD = "right-horse-7"
_EMPTY = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid();
DROP SCHEMA IF EXISTS flowrun CASCADE;
"""
_AS_NEW = """
SELECT datacl IS NULL
  AND NOT EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = oid)
  AND NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace)
  AND (SELECT count(*) FROM pg_namespace WHERE nspname !~ '^pg_') = 2
FROM pg_database WHERE datname = current_database()
"""


@cache
def programs() -> Path | None:
    """Return the folder of the newest server that is installed; None if there is none."""
    found = [one for place in _PLACES for one in Path("/").glob(place[1:]) if (one / "initdb").exists()]
    named = shutil.which("initdb")
    found += [Path(named).resolve().parent] if named else []
    return max(found, key=_version, default=None)


def _version(folder: Path) -> int:
    return max((int(one) for one in re.findall(r"\d+", str(folder))), default=0)


def lacking() -> str:
    """Tell what the tests of PostgreSQL lack here; "" if nothing."""
    if programs() is None:
        return "PostgreSQL is not installed (the package postgresql)"
    if find_spec("psycopg") is None:
        return "psycopg is not installed (the extra `postgres`)"
    if os.geteuid() == _ROOT and _user() is None:
        return "PostgreSQL refuses root, and there is no other user here"
    return ""


def _user() -> pwd.struct_passwd | None:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    return None


needs_postgres = pytest.mark.skipif(bool(lacking()), reason=lacking() or "-")


@dataclass
class PostgresServer:
    """A server on a free port of 127.0.0.1. ``user`` may do everything; no password is asked unless ``hba`` says so."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    user: str = "flowrun"
    within: tuple[str, ...] = ()
    """The words before each command, such as those that enter a network of its own."""
    spare: list[str] = field(default_factory=list)
    """The names of empty databases."""

    def url(self, database: str = "postgres", user: str = "", *, options: str = "") -> str:
        return f"postgresql://{user or self.user}@{self.host}:{self.port}/{database}{options and '?' + options}"

    def start(self) -> None:
        settings = [f"--{name}={value}" for name, value in self.settings.items()]
        command = [str(_bin("postgres")), "-D", str(self.folder / "data"), "-p", str(self.port), *settings]
        command += ["-h", self.host, "-k", str(self.folder)]
        log = open(self.folder / "log", "ab")  # noqa: SIM115 (the server keeps it)
        with log:
            words, who = (command, _as_other()) if not self.within else ([*self.within, *_become(), *command], {})
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log, cwd=self.folder, start_new_session=True, **who
            )
        self._await()

    def _await(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process is not None and self.process.poll() is None, (self.folder / "log").read_text()
            ready = [*self.within, str(_bin("pg_isready")), "-q", "-h", self.host, "-p", str(self.port)]
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop the server at once (SIGINT), or without a word (SIGKILL)."""
        if self.process is None:
            return
        if how == signal.SIGKILL:
            # Its children notice that it is gone; the next start waits until they are.
            self.process.kill()
            self.process.wait()
            self._wait_for_children()
        else:
            self.process.send_signal(how)
            self.process.wait(timeout=PATIENCE)
        self.process = None

    def _wait_for_children(self) -> None:
        assert self.process is not None
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                break
            # Backends of PostgreSQL call setsid for themselves; `postmaster.pid` and shared memory free themselves.
            time.sleep(0.05)
        with suppress(FileNotFoundError):
            (self.folder / "data" / "postmaster.pid").unlink()

    def restart(self, how: int = signal.SIGINT) -> None:
        self.stop(how)
        for _ in range(100):
            try:
                self.start()
                return
            except AssertionError:
                time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text())

    def sql(self, text: str, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the owner of the server, and return its rows."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(text, values or None)
            return found.fetchall() if found.description else []

    def make_database(self, name: str) -> str:
        """Make an empty database, and return its URL."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def borrow(self, name: str) -> str:
        """Return the URL of an empty database: one that was given back, or a new one of this name."""
        return self.url(self.spare.pop()) if self.spare else self.make_database(name)

    def give_back(self, name: str) -> None:
        """Empty a database for another test; this takes a third of the time of a new one. A changed one stays away."""
        import psycopg

        with suppress(psycopg.Error):
            self.sql(_EMPTY, database=name)
            if self.sql(_AS_NEW, database=name) == [(True,)]:
                self.spare.append(name)

    def hba(self, *lines: str) -> None:
        """Set who may connect, and how."""
        path = self.folder / "data" / "pg_hba.conf"
        path.write_text("\n".join(lines) + "\n")
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)


def _bin(name: str) -> Path:
    folder = programs()
    assert folder is not None
    return folder / name


def _become() -> list[str]:
    """Return the words that make root another user."""
    user = _user() if os.geteuid() == _ROOT else None
    return [] if user is None else ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _as_other() -> dict[str, Any]:
    """Return the arguments of a process that runs as another user, where this one is root."""
    user = _user() if os.geteuid() == _ROOT else None
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def server(
    *, durable: bool = False, host: str = "127.0.0.1", within: tuple[str, ...] = (), **settings: str
) -> Iterator[PostgresServer]:
    """Start a server with empty databases, and remove it at the end. ``durable``: each commit is on the disk."""
    folder = Path(tempfile.mkdtemp(prefix="flowrun-pg."))
    try:
        if (user := _user()) is not None and os.geteuid() == _ROOT:
            os.chown(folder, user.pw_uid, user.pw_gid)
        init = [str(_bin("initdb")), "-D", str(folder / "data"), "-U", "flowrun", "--auth=trust", "-E", "UTF8"]
        init += ["--locale=C", *([] if durable else ["--no-sync"])]
        subprocess.run(init, check=True, cwd=folder, stdout=subprocess.DEVNULL, **_as_other())
        fast = {} if durable else {"fsync": "off", "full_page_writes": "off"}
        small = {"shared_buffers": "64MB", "max_connections": "60", "autovacuum": "off", "timezone": "UTC"}
        started = PostgresServer(folder, _free_port(), settings={**small, **fast, **settings}, host=host, within=within)
        if within:
            (folder / "data" / "pg_hba.conf").write_text("host all all 0.0.0.0/0 trust\n")
        started.start()
        try:
            yield started
        finally:
            started.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
