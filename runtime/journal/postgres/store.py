"""The journal in PostgreSQL as one run sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Self, cast

from ...vocabulary.errors import DiskError, UsageError
from ...vocabulary.quoting import shown
from ..address import JournalAddress
from ..index import Index
from ..records import Kind, LogRecord
from ..rows import read_through
from ..shared import View
from ..store import Journal
from .connecting import connect, login
from .locks import live
from .reading import PostgresConnection
from .schema import check_tables, migrate
from .statements import plain
from .writer import PostgresWriter

if TYPE_CHECKING:
    from ..shared import Shared


class PostgresJournal(Journal):
    """A journal that many processes and machines write at the same time. Each run has a connection of its own."""

    path: JournalAddress

    def __init__(self, link: _Link, view: View) -> None:
        super().__init__(link.writer.path, cast("Shared", link), view)
        self._link = link
        self._rows: PostgresConnection | None = None
        link.journal = self

    @classmethod
    def at(cls, address: JournalAddress, *, past: bool = False) -> Self:
        """Connect, make the tables if they are missing, and read all rows. ``past``: the past of a run is wanted.

        Raises: UsageError, if somebody rewrites the journal; DiskError, if the database cannot be used.
        """
        with closing(connect(address)) as connection:
            migrate(connection, address)
            notes = _remarks(dict(connection.execute(_SETTINGS).fetchall()), address)
        index = Index.empty(past=past)
        with closing(PostgresConnection(address, snapshot=True)) as reader:
            last = read_through(reader, address, index)
        link = _Link()
        link.writer = PostgresWriter(address, index.contents, last, link.trouble)
        try:
            journal = cls(link, View(index, dict.fromkeys(link.writer.live(), 0), notes, last.rows))
            link.writer.start()
        except BaseException:
            link.writer.close()
            raise
        return journal

    def append(self, records: Iterable[LogRecord]) -> asyncio.Future[int]:
        return super().append([_signed(one) for one in records])

    def begin(self, run: int) -> None:
        try:
            self._link.writer.take(run)
        except UsageError as error:
            known = self.index.runs.get(run)
            raise UsageError(str(error).replace("the run", f"the run {known.id if known else run}", 1)) from None
        self._run = run

    def _reading(self) -> PostgresConnection:  # type: ignore[override]
        if self._rows is None:
            self._rows = PostgresConnection(self.path, snapshot=False)
        return self._rows

    def close(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None
        super().close()

    def _leave(self) -> None:
        self._link.writer.close()


class _Link:
    """The part of a journal that knows its writer."""

    writer: PostgresWriter
    journal: PostgresJournal | None = None
    in_place = True  # each transaction of a database finds its table, or fails

    def trouble(self, trouble: DiskError) -> None:
        journal = self.journal
        if journal is not None and journal.loop is not None:
            # If the event loop is closed, nobody waits for the news.
            with suppress(RuntimeError):
                journal.loop.call_soon_threadsafe(journal.on_trouble, trouble)


_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes')"


def live_runs(address: JournalAddress) -> frozenset[int]:
    """Return the numbers of the runs that go on at the moment, on every machine. Raises UsageError, DiskError."""
    with closing(connect(address)) as connection:
        return frozenset(live(connection)) if check_tables(connection, address) else frozenset()


def _remarks(settings: dict[str, str], address: JournalAddress) -> list[str]:
    off = [f"`{name}`" for name, value in settings.items() if value == "off"]
    if not off:
        return []
    return [
        f"the server of the journal {shown(str(address))} has {' and '.join(off)} off: a power loss there may lose "
        "paid answers, and more"
    ]


def _signed(record: LogRecord) -> LogRecord:
    """Return a record with the user in the row of a run, and a place that the database can hold."""
    if record.kind is Kind.RUN and isinstance(record.body, dict) and "user" not in record.body:
        record = record._replace(body={**record.body, "user": login()})
    return record if record.place.isascii() and "\0" not in record.place else record._replace(place=plain(record.place))
