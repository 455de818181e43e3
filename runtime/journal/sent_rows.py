"""The checks of records that another process sends, so that a fault of that process leaves the journal whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from .index import Index
from .reading import open_to_read
from .records import JUST_BEGUN, Kind, LogRecord
from .rows import WITH_BODIES
from .wire import WireError

_LONGEST = 64
_BEGUN = "SELECT 1 FROM records WHERE number = ? AND kind = 'run'"


class SentRows:
    """The checks of one thread. It keeps a connection to the journal, to look for the runs that records name."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._known: set[int] = set()
        self._reader: sqlite3.Connection | None = None

    def check(self, entries: Iterable[Sequence[LogRecord]]) -> None:
        """Check that the rows of these entries could be read again. Raises WireError."""
        for entry in entries:
            begun = False
            for one in entry:
                if one.kind is Kind.RUN:
                    begun = True
                if not self._belongs(one, begun=begun):
                    raise WireError(f"a row of the kind {one.kind} belongs to no run")
                if type(one.body) is str or len(one.key) > _LONGEST:
                    raise WireError(f"a row of the kind {one.kind} has an unexpected form")
                try:
                    body = json.loads(str(one.body))
                    if one.kind in WITH_BODIES:
                        index = Index()
                        index.take(1, 1, Kind.RUN, b"", "", body if one.kind is Kind.RUN else _ANY)
                        index.take(2, 1, one.kind, b"", "", body)
                except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
                    raise WireError(f"the body of a row of the kind {one.kind} cannot be read") from None

    def _belongs(self, record: LogRecord, *, begun: bool) -> bool:
        if record.kind is Kind.RUN:
            return record.run == 0
        if record.run == JUST_BEGUN:
            return begun
        if record.run in self._known:
            return True
        if self._reader is None:
            # The service closes it from the thread of its user.
            self._reader = open_to_read(self._journal, check_same_thread=False)
        try:
            found = record.run > 0 and self._reader.execute(_BEGUN, (record.run,)).fetchone() is not None
        except (sqlite3.Error, OverflowError):
            found = False
        if not found:
            return False
        self._known.add(record.run)
        return True

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


_ANY = {"id": "", "flow": "", "source": "", "began": 0.0}
