"""A connection to a journal in PostgreSQL, for the readers of a journal's file."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ...vocabulary.errors import DiskError
from ...vocabulary.quoting import shown
from ..address import JournalAddress
from ..records import Kind, encode
from ..row_usage import FIELDS, SPECIAL
from ..rows import PART, ROW, SUM
from ..sql import Cursor, ServerConnection
from .connecting import connect, driver, said_by
from .schema import check_tables
from .statements import translated

if TYPE_CHECKING:
    import psycopg

_T = TypeVar("_T")
_AT_ONCE = 5_000
_BLOCK = 256
"""The rows that are read together, because a run takes its answers mostly in their order."""
_BLOCKS = 16
_SHORT = 16_384
"""The most letters of a body that is read with others."""
_ROWS = f"""SELECT number, run, kind, key, place, CASE WHEN octet_length(body) <= {_SHORT} THEN body END, sum
FROM records WHERE number BETWEEN %s AND %s"""
_ONE = "SELECT number, run, kind, key, place, body, sum FROM records WHERE number = %s"
_ATTEMPTS = """SELECT run, kind, key, place, body FROM records
WHERE kind IN ('intent', 'answer', 'refused', 'cancelled') AND run = ANY(%s) ORDER BY number"""
_ATTEMPTS_AT = _ATTEMPTS.replace("run = ANY(%s)", "number = ANY(%s)")
_SIZE = "SELECT pg_total_relation_size('flowrun.records')"
_PATIENCE = 60.0
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ"


class PostgresConnection(ServerConnection):
    """A connection that changes nothing. Its errors are ``DiskError``.

    With ``snapshot`` all statements see the rows of one moment, until ``rollback``. Without it each statement sees the
    latest rows, and a broken connection is opened again.
    """

    def __init__(self, address: JournalAddress, *, snapshot: bool) -> None:
        """Raises: UsageError, DiskError."""
        self._address = address
        self._snapshot = snapshot
        self._driver = driver()
        self._connection = connect(address)
        self._blocks: OrderedDict[int, dict[int, tuple[Any, ...]]] = OrderedDict()
        self._cursors = 0
        self._own: dict[str, Callable[[Any], list[Any]]] = {
            "BEGIN": lambda given: [],
            SUM: lambda given: [(row[-1],) for row in self._row(given[0])],
            ROW: lambda given: self._row(given[0], whole=True),
            PART: self._part,
        }
        try:
            self.holds_rows = check_tables(self._connection, address) > 0
        except BaseException:
            self.close()
            raise

    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        own = self._own.get(sql)
        if own is not None:
            return _Rows(iter(own(parameters)))
        statement = translated(sql)
        values = statement.values(parameters)
        if statement.many:
            return _Rows(self._stream(statement.text, values))
        return _Rows(iter(self._fetched(statement.text, values)))

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> None:
        text = translated(sql).text
        self._tried(lambda: self._cursor().executemany(text, list(parameters)))

    def rollback(self) -> None:
        self._blocks.clear()
        with suppress(self._driver.Error):
            self._connection.rollback()

    def close(self) -> None:
        with suppress(self._driver.Error):
            self._connection.close()

    def attempts(self, runs: Collection[int]) -> Iterator[tuple[Any, ...]]:
        yield from self._read(_ATTEMPTS, list(runs))

    def attempts_at(self, numbers: list[int]) -> Iterator[tuple[Any, ...]]:
        yield from self._read(_ATTEMPTS_AT, numbers)

    def _read(self, statement: str, numbers: list[int]) -> Iterator[tuple[Any, ...]]:
        text = self.text_factory
        for run, kind, key, place, body in self._stream(statement, [numbers]):
            yield (run, kind, key, place, *_fields(kind if text is str else kind.decode(), json.loads(body)))

    def size(self) -> int:
        [(found,)] = self._fetched(_SIZE, [])
        return int(found)

    def _row(self, number: int, *, whole: bool = False) -> list[tuple[Any, ...]]:
        """Read the row of a number, with its body if ``whole`` says so."""
        block = self._blocks.get(number // _BLOCK)
        if block is None:
            first = number // _BLOCK * _BLOCK
            block = {row[0]: row for row in self._fetched(_ROWS, [first, first + _BLOCK - 1])}
            self._blocks[number // _BLOCK] = block
            if len(self._blocks) > _BLOCKS:
                self._blocks.popitem(last=False)
        found = block.get(number)
        if found is None or (whole and found[5] is None):
            return self._fetched(_ONE, [number])
        return [found]

    def _part(self, given: Any) -> list[tuple[str]]:
        """Return a part of a body as JSON text; a text is returned as it is."""
        name, number = given
        [row] = self._row(number, whole=True)
        found = json.loads(row[5]).get(name.removeprefix("$."))
        return [(found if isinstance(found, str) else encode(found),)]

    # The driver

    def _cursor(self, *, name: str = "") -> Any:
        """Return a cursor. With a name, its rows come from the server in parts."""
        made: Any = self._connection.cursor(name, binary=True) if name else self._connection.cursor(binary=True)
        if self.text_factory is bytes:
            from psycopg.types.string import ByteaBinaryLoader

            made.adapters.register_loader("text", ByteaBinaryLoader)
        return made

    def _fetched(self, text: str, values: list[Any]) -> list[Any]:
        def run() -> list[Any]:
            cursor = self._cursor()
            cursor.execute(text, values)
            return cursor.fetchall() if cursor.description else []

        return self._tried(run)

    def _stream(self, text: str, values: list[Any]) -> Iterator[Any]:
        def run() -> psycopg.ServerCursor[Any]:
            self._begin()
            self._cursors += 1
            found: psycopg.ServerCursor[Any] = self._cursor(name=f"rows{self._cursors}")
            found.execute(text, values)
            return found

        begun = self._is_idle()
        cursor = self._tried(run)
        try:
            while rows := cursor.fetchmany(_AT_ONCE):
                yield from rows
        except self._driver.Error as error:
            raise self._trouble(error) from None
        finally:
            with suppress(self._driver.Error):
                cursor.close()
            if begun and not self._snapshot:
                self.rollback()

    def _tried(self, work: Callable[[], _T]) -> _T:
        """Run statements. A connection without a snapshot is opened again if it broke. Raises DiskError."""
        end, pause = time.monotonic() + _PATIENCE, 0.05
        while True:
            try:
                if self._snapshot:
                    self._begin()
                return work()
            except self._driver.Error as error:
                if self._snapshot or not self._connection.closed or time.monotonic() > end:
                    raise self._trouble(error) from None
            time.sleep(pause)
            pause = min(2 * pause, 1.0)
            with suppress(DiskError):
                self._connection = connect(self._address)

    def _begin(self) -> None:
        if self._is_idle():
            self._connection.execute(_SNAPSHOT)

    def _is_idle(self) -> bool:
        idle: bool = self._connection.info.transaction_status == self._driver.pq.TransactionStatus.IDLE
        return idle

    def _trouble(self, error: BaseException) -> DiskError:
        said = said_by(self._address, error)
        return DiskError(f"the journal {shown(str(self._address))} cannot be read: {said}")


class _Rows:
    """The rows that a statement found."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchmany(self, size: int = 1, /) -> list[Any]:
        return [row for _, row in zip(range(size), self._rows, strict=False)]

    def fetchall(self) -> list[Any]:
        return list(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows


_NOT_SPECIAL: tuple[None, ...] = (None,) * len(SPECIAL)


@cache
def _terms(tier: str, stores: str) -> str:
    return encode([tier, stores])


def _fields(kind: str, body: dict[str, Any]) -> tuple[Any, ...]:
    """Return the fields of a row as ``history.ROWS`` does."""
    get = body.get
    if kind == Kind.INTENT:
        most = get("most")
        most = get("bytes", 0) + 4096 if most is None else most
        return get("model"), most, get("max"), get("of"), _terms(str(get("tier") or ""), str(get("stores") or ""))
    if kind == Kind.ANSWER:
        if SPECIAL.isdisjoint(body):
            return None, None, "error" in body, None, [get("in"), get("out"), *_NOT_SPECIAL]
        return None, None, "error" in body, None, [get(name) for name in FIELDS]
    if kind == Kind.REFUSED:
        return get("said"), get("of"), None, None, None
    return (None,) * 5
