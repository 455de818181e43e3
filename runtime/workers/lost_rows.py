"""The rows that workers have written about bodies that still run, in case that a worker dies.

The index of a journal is that of the moment when the run opened it. So the answers that a dead worker has bought are
found here when another worker runs its bodies again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from ..dispatch.cache import Recall
from ..engine.decisions import Call, Known
from ..journal.index import Index, OpenAttempt, Run
from ..journal.records import Encoded, Kind, LogRecord
from ..vocabulary.json_value import Json

_OF_CALLS = frozenset({Kind.INTENT, Kind.ANSWER, Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED})


def body_of(place: str) -> str:
    """Return the path of the body that a call is in, from the call's place: that up to the first bracket."""
    return place[: place.find("]") + 1]


def _seconds(body: Json) -> float:
    """Return the seconds that an attempt took, by the row that ends it."""
    found = json.loads(body) if isinstance(body, Encoded) else body
    if not isinstance(found, dict) or "from" not in found:
        return 0.0
    return float(found["to"] - found["from"]) / 1000


class LostRows:
    """The rows of the bodies that run, by the path of the body, and the index of those that were lost with a worker."""

    def __init__(self, run: int, body: Callable[[int], Json]) -> None:
        self.run = run
        self.body = body
        self.index = Index({run: Run(run, "", "", "", 0.0)})
        self.recall: Recall | None = None
        self.slowest = 0.0
        self._rows: dict[str, list[tuple[int, LogRecord]]] = {}

    def begin(self, path: str) -> None:
        """Keep the rows of a body from here on."""
        self._rows[path] = []

    def wrote(self, first: int, records: Iterable[LogRecord]) -> None:
        """Take records that are on the disk, and the number of the first one."""
        for number, record in enumerate(records, first):
            # The last rows of a body may come when it is over, and nobody will need them.
            rows = self._rows.get(body_of(record.place))
            if rows is not None and record.kind in _OF_CALLS:
                rows.append((number, record))

    def over(self, path: str) -> None:
        """Forget the rows of a body that has ended."""
        self._rows.pop(path, None)

    def lose(self, paths: Iterable[str], recall: Recall) -> tuple[set[bytes], list[OpenAttempt]]:
        """Keep the rows of bodies whose worker has died. Return the keys of their calls, and the attempts in doubt."""
        keys: set[bytes] = set()
        for path in paths:
            rows = self._rows.get(path, ())
            self.begin(path)
            for number, one in rows:
                keys.add(one.key)
                if one.kind is Kind.ANSWER:
                    self.slowest = max(self.slowest, _seconds(one.body))
                self.index.take(number, self.run, str(one.kind), one.key, one.place, None)
        if keys:
            self.recall = Recall(self, self.run, recall.endpoints, models=recall.models)
        doubts = [one for key in keys for one in self.index.open.get(key, ())]
        return keys, doubts

    def find(self, key: bytes, call: Call) -> Known | None:
        """Find what a dead worker has left of a call. None if there is nothing."""
        if self.recall is None:
            return None
        found = self.recall.known(key, call)
        return found if found.answer is not None or found.open else None
