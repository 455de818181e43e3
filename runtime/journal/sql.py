"""The connections that readers of a journal use: SQLite's, or that of a database server in its place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Protocol


class Cursor(Protocol):
    """The rows that a statement found."""

    def fetchone(self) -> Any: ...

    def fetchmany(self, size: int = ..., /) -> list[Any]: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection as readers use it. Statements are SQLite's, with `?` and `:name` for values."""

    text_factory: Any

    def execute(self, sql: str, parameters: Any = ..., /) -> Cursor: ...

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class ServerConnection(ABC):
    """A connection to a database server that holds a journal. It takes the place of SQLite's connection.

    Its errors are ``DiskError``. ``holds_rows`` is False while nobody has made the tables.
    """

    text_factory: Any = str
    holds_rows: bool = True

    @abstractmethod
    def execute(self, sql: str, parameters: Any = (), /) -> Cursor:
        """Run a statement of SQLite's that the readers of journals use."""

    @abstractmethod
    def executemany(self, sql: str, parameters: Iterable[Any], /) -> None: ...

    @abstractmethod
    def rollback(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def attempts(self, runs: Collection[int]) -> Iterator[tuple[Any, ...]]:
        """Read the rows about attempts at calls of these runs, as ``history.ROWS`` does."""

    @abstractmethod
    def attempts_at(self, numbers: list[int]) -> Iterator[tuple[Any, ...]]:
        """Read those of the rows with these numbers that ``attempts`` reads, in order."""

    @abstractmethod
    def size(self) -> int:
        """Return the bytes that the journal takes on the server's disk."""
