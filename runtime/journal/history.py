"""What a run has sent and paid so far, in all its stretches, folded from the rows of its journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ..account import Account, Ceiling, PriceOf
from ..metering import Usage
from .records import NOT_ANSWERED, NOT_SENT, Kind

Json = Any
Row = tuple[Any, ...]
"""The number of a run, the kind, key and place of one of its rows, and the fields of its body, of which most are None:
``model bytes most max of in out error said``."""
_AROUND = 4096
"""More tokens than a provider puts around a prompt, for rows that do not tell of the most."""
# SQLite reads the fields: Python would read every answer to its end.
_ROWS = """
SELECT run, kind, key, place,
  json_extract(body, '$.model'), json_extract(body, '$.bytes'), json_extract(body, '$.most'),
  json_extract(body, '$.max'), json_extract(body, '$.of'), json_extract(body, '$.in'), json_extract(body, '$.out'),
  json_extract(body, '$.error'), json_extract(body, '$.said')
FROM records WHERE kind IN ('intent', 'answer', 'refused', 'doubt', 'cancelled')
"""


class _Out(NamedTuple):
    """A call that is out: its model, the most that it can take and cost, and how many calls its request has."""

    model: str
    each: Ceiling
    worst: float
    of: int


def read_attempts(connection: sqlite3.Connection, runs: Collection[int]) -> Iterator[Row]:
    """The rows about attempts at calls of these runs, in their order. Raises sqlite3.Error."""
    if len(runs) == 1:
        return connection.execute(f"{_ROWS} AND run = ? ORDER BY number", tuple(runs))
    return (row for row in connection.execute(f"{_ROWS} ORDER BY number") if row[0] in runs)


class History:
    """The past of one run, folded from its rows about attempts.

    ``price`` is given where a budget in money holds the run; ``by_place`` where called flows have budgets of their own.
    """

    def __init__(self, price: PriceOf | None = None, *, by_place: bool = False) -> None:
        self._price = price
        self._account = Account(price=price)
        self._out: dict[tuple[bytes, str], list[_Out]] = {}
        # Calls by how many their request has: each row is of one call.
        self._sent_by: dict[int, int] = {}
        self._places: dict[str, list[float]] | None = {} if by_place else None
        self._within: dict[str, tuple[int, float]] = {}

    @property
    def account(self) -> Account:
        self._account.requests = sum(calls // of for of, calls in self._sent_by.items())
        return self._account

    def take(self, row: Row) -> None:
        """Fold one row."""
        _, kind, key, place, model, size, most, longest, of, read, written, error, said = row
        if kind == Kind.INTENT:
            each = Ceiling(_number(size) + _AROUND if most is None else _number(most), _count(longest))
            self._launch(key, place, str(model), each, _number(of) or 1)
            return
        outs = self._out.get((key, place))
        if outs is None:
            return
        # All attempts at one call are alike: it makes no difference which of them has its end.
        out = outs.pop()
        if not outs:
            del self._out[key, place]
        if kind == Kind.ANSWER:
            self._pay(place, out, Usage(_count(read), _count(written)), spoilt=error is not None)
        elif kind == Kind.REFUSED:
            self._refuse(place, out, said)

    def _launch(self, key: bytes, place: str, model: str, each: Ceiling, of: int) -> None:
        worst = 0.0
        if self._places is not None:
            if self._price is not None:
                worst = each.cost(self._price(model)) or 0.0
            self._spend(place, 1, worst)
        self._account.use(model).launch(1, each)
        self._sent_by[of] = self._sent_by.get(of, 0) + 1
        self._out.setdefault((key, place), []).append(_Out(model, each, worst, of))

    def _pay(self, place: str, out: _Out, usage: Usage, *, spoilt: bool) -> None:
        use = self._account.use(out.model)
        if spoilt:
            use.spoilt += 1
        else:
            use.answered += 1
        before = use.charged
        self._account.pay(out.model, (usage,), out.each)
        if self._places is not None and usage.known:
            self._spend(place, 0, use.charged - before - out.worst)

    def _refuse(self, place: str, out: _Out, said: Json) -> None:
        use = self._account.use(out.model)
        if said == NOT_SENT:
            self._sent_by[out.of] -= 1
        if said in (NOT_SENT, NOT_ANSWERED):
            use.retract(1, out.each)
        else:
            use.refuse(1, out.each)
        if self._places is not None:
            self._spend(place, -1, -out.worst)

    def _spend(self, place: str, calls: int, dollars: float) -> None:
        assert self._places is not None
        spent = self._places.setdefault(place, [0, 0.0])
        spent[0] += calls
        spent[1] += dollars

    def within(self, path: str) -> tuple[int, float]:
        """The calls and dollars that were spent in the called flow of this path, "" for the whole run."""
        if not path:
            dollars = 0.0 if self._price is None else self._account.charged(self._price)
            return self._account.calls, dollars or 0.0
        if self._places:
            for place, (calls, dollars) in self._places.items():
                for inside in _flows_of(place):
                    before = self._within.get(inside, (0, 0.0))
                    self._within[inside] = before[0] + int(calls), before[1] + dollars
            self._places.clear()
        return self._within.get(path, (0, 0.0))

    @property
    def unpriced(self) -> str:
        """A model whose calls cannot be priced, though a budget in money holds them; "" for none."""
        if self._price is None:
            return ""
        for model, use in self._account.models.items():
            price = self._price(model)
            if use.sent > use.refused and (price is None or use.unbilled.cost(price) is None):
                return model
        return ""


def _flows_of(place: str) -> Iterator[str]:
    """All paths that a call may be within: those before a dot."""
    at = place.find(".")
    while at >= 0:
        yield place[:at]
        at = place.find(".", at + 1)


def _count(found: Json) -> int | None:
    """A number of tokens as a row has it; None where it has none, or something else."""
    return found if isinstance(found, int) else None


def _number(found: Json) -> int:
    return found if isinstance(found, int) else 0
