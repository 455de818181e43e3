"""The reading of single rows of a journal, for runs that write it and for commands that only read it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from pathlib import Path

from ..vocabulary.json_value import Json
from .history import History, Row
from .index import Index
from .records import Kind
from .rows import NoteRow, attempts_of, keys_of, notes_of, read_body, read_part
from .sql import Connection
from .totals import pasts_of


class RowAccess(ABC):
    """The rows of an open journal. All methods raise DiskError if the rows are damaged."""

    path: Path
    index: Index

    @abstractmethod
    def _reading(self) -> Connection:
        """Return a connection that changes nothing."""

    def body(self, number: int) -> Json:
        """Read the body of a row that the index names."""
        return read_body(self._reading(), self.path, number)

    def part(self, number: int, name: str) -> str:
        """Read a record in the body of a row, as JSON text. Its other fields may be large."""
        return read_part(self._reading(), self.path, number, name)

    def attempts(self, run: int) -> Iterator[Row]:
        """Read the rows about attempts at calls of a run, in order."""
        return attempts_of(self._reading(), self.path, (run,))

    def notes_of(self, run: int, kind: Kind) -> Iterator[NoteRow]:
        """Read the place and body of a run's notes of one kind, in order."""
        return notes_of(self._reading(), self.path, run, kind)

    def keys(self, run: int, kind: Kind) -> set[bytes]:
        """Read the keys of a run's rows of one kind."""
        return keys_of(self._reading(), self.path, run, kind)

    def past(self, run: int) -> History:
        """Count the past of a run, without its dollars and its called flows."""
        bought = self.index.bought
        if bought is not None:
            from .bought_past import bought_past  # few commands go on with a run

            if (past := bought_past(self._reading(), self.path, bought, run)) is not None:
                return past
        return self.pasts((run,))[run]

    def pasts(self, runs: Collection[int]) -> dict[int, History]:
        """Count the past of these runs, as ``past`` does."""
        return pasts_of(self._reading(), self.path, runs) if runs else {}
