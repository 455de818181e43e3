"""The account of a run over its beginning and every resume, counted from the rows of its journal."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from ..vocabulary.account import SHORT, Account, Ceiling, PriceOf, Use
from ..vocabulary.json_value import Json
from ..vocabulary.question import PERSON
from ..vocabulary.tariff import stores_of
from ..vocabulary.usage import TokenDetail, Usage
from .records import NOT_ANSWERED, NOT_SENT, TAKEN_UP, Kind
from .row_usage import FIELDS, usage_told
from .sql import Connection, ServerConnection

Row = tuple[Any, ...]
"""The run, kind, key and place of one row of a journal, and up to five fields of its body.

The fields of an intent are the model, the most tokens in, the limit of tokens out, the calls of its request, and the
terms of its price as JSON. Those of an answer are 1 in the third place where it is spoilt, and all fields of its usage
as JSON, or as a list, in the fifth. Those of a refusal are its words, and the calls of its
request.
"""
# SQLite reads the bodies, because Python would parse every answer to its end. An intent without the most tokens in
# has the bytes of the prompt instead; a provider adds fewer than 4096.
ROWS = f"""
SELECT run, kind, key, place,
  CASE kind
    WHEN 'intent' THEN json_extract(body, '$.model')
    WHEN 'refused' THEN json_extract(body, '$.said') END,
  CASE kind
    WHEN 'intent' THEN ifnull(json_extract(body, '$.most'), json_extract(body, '$.bytes') + 4096)
    WHEN 'refused' THEN json_extract(body, '$.of') END,
  CASE kind
    WHEN 'intent' THEN json_extract(body, '$.max')
    WHEN 'answer' THEN json_type(body, '$.error') IS NOT NULL END,
  CASE kind WHEN 'intent' THEN json_extract(body, '$.of') END,
  CASE kind
    WHEN 'intent' THEN json_extract(body, '$.tier', '$.stores')
    WHEN 'answer' THEN json_extract(body, {", ".join(f"'$.{name}'" for name in FIELDS)}) END
FROM records WHERE kind IN ('intent', 'answer', 'refused', 'cancelled')
"""


class _Asked(NamedTuple):
    """Calls with the same price: the use of their model, and the most tokens and dollars that each can take."""

    model: str
    use: Use
    each: Ceiling
    worst: float


def read_attempts(connection: Connection, runs: Collection[int]) -> Iterator[Row]:
    """Read the rows about attempts at calls of these runs, in order. Raises sqlite3.Error."""
    if isinstance(connection, ServerConnection):
        return connection.attempts(runs)
    if len(runs) == 1:
        return iter(connection.execute(f"{ROWS} AND run = ? ORDER BY number", tuple(runs)))
    return (row for row in connection.execute(f"{ROWS} ORDER BY number") if row[0] in runs)


class History:
    """The past of one run, counted from its rows about attempts.

    ``price`` is needed if the run has a budget in money, ``by_place`` if called flows have budgets of their own.
    """

    def __init__(self, price: PriceOf | None = None, *, by_place: bool = False) -> None:
        self._price = price
        self._account = Account(price=price)
        # The key of a call determines the most that an attempt at it can take. A key is forgotten when the attempt is
        # over, because a run may have millions of calls; those of calls with several attempts are kept.
        self._asked: dict[bytes, _Asked] = {}
        self._again: set[bytes] = set()
        self._alike: dict[tuple[Json, ...], _Asked] = {}
        # The number of calls for each size of request, because each row is about one call.
        self._sent_by: dict[int, int] = {}
        self._places: dict[str, list[float]] | None = {} if by_place else None
        self._within: dict[str, tuple[int, float]] = {}

    @property
    def account(self) -> Account:
        self._account.requests = sum(calls // of for of, calls in self._sent_by.items())
        return self._account

    def take(self, row: Row) -> None:
        """Count one row."""
        _, kind, key, place, first, second, third, fourth, fifth = row
        if kind == Kind.INTENT:
            kind_of = self._alike.get((first, second, third, fifth))
            if kind_of is None:
                kind_of = self._kind_of(str(first), second, third, fifth)
                self._alike[first, second, third, fifth] = kind_of
            if key in self._asked:
                self._again.add(key)
            self._asked[key] = kind_of
            self._launch(place, kind_of, _count(fourth) or 1)
            return
        asked = self._asked.get(key) if key in self._again else self._asked.pop(key, None)
        if asked is None:
            return
        if kind == Kind.ANSWER:
            self._pay(
                place, asked, usage_told(json.loads(fifth) if isinstance(fifth, str) else fifth), spoilt=bool(third)
            )
        elif kind == Kind.REFUSED:
            self._refuse(place, asked, first, _count(second) or 1)
        elif kind == Kind.CANCELLED:
            asked.use.cancelled += 1

    def add_sent(self, model: str, of: int, calls: int) -> None:
        """Count calls that were sent in requests of ``of`` calls each, and whose bills are known."""
        self._account.use(model).sent += calls
        if model == PERSON:
            return
        self._sent_by[of] = self._sent_by.get(of, 0) + calls

    def add_paid(self, model: str, answers: int, spoilt: int, tokens_in: int, tokens_out: int, *special: int) -> None:
        """Count answers with known bills and short prompts. ``spoilt`` of them could not be used."""
        use = self._account.use(model)
        use.answered += answers - spoilt
        use.spoilt += spoilt
        use.input_tokens += tokens_in
        use.output_tokens += tokens_out
        use.take(SHORT, Usage(tokens_in, tokens_out, TokenDetail(*special)).amounts)

    def _kind_of(self, model: str, most: Json, longest: Json, terms: Json) -> _Asked:
        tier, stores = json.loads(str(terms))
        each = Ceiling(_count(most) or 0, _count(longest), stores_of(stores), str(tier or ""))
        worst = None if self._price is None else each.cost(self._price(model))
        return _Asked(model, self._account.use(model), each, worst or 0.0)

    def _launch(self, place: str, asked: _Asked, of: int) -> None:
        asked.use.launch(1, asked.each)
        if asked.model == PERSON:
            return
        self._sent_by[of] = self._sent_by.get(of, 0) + 1
        if self._places is not None:
            self._spend(place, 1, asked.worst)

    def _pay(self, place: str, asked: _Asked, usage: Usage, *, spoilt: bool) -> None:
        use = asked.use
        if spoilt:
            use.spoilt += 1
        else:
            use.answered += 1
        before = use.charged
        use.pay(usage, asked.each, None if self._price is None else self._price(asked.model))
        if self._places is not None and usage.known and asked.model != PERSON:
            self._spend(place, 0, use.charged - before - asked.worst)

    def _refuse(self, place: str, asked: _Asked, said: Json, of: int) -> None:
        if said in (NOT_SENT, TAKEN_UP):
            self._sent_by[of] = self._sent_by.get(of, 0) - 1
        if said in (NOT_SENT, NOT_ANSWERED, TAKEN_UP):
            asked.use.retract(1, asked.each)
        else:
            asked.use.refuse(1, asked.each)
        if self._places is not None:
            self._spend(place, -1, -asked.worst)

    def take_back(self, place: str, body: Json) -> None:
        """Take back an attempt without an end, by its row: a line of a batch API that is not in doubt."""
        if isinstance(body, dict):
            terms = json.dumps([body.get("tier", ""), body.get("stores", "")])
            asked = self._kind_of(str(body.get("model")), body.get("most"), body.get("max"), terms)
            self._refuse(place, asked, TAKEN_UP, _count(body.get("of")) or 1)

    def _spend(self, place: str, calls: int, dollars: float) -> None:
        assert self._places is not None
        spent = self._places.setdefault(place, [0, 0.0])
        spent[0] += calls
        spent[1] += dollars

    def within(self, path: str) -> tuple[int, float]:
        """Return the calls and dollars that were spent within the called flow at this path; "" is the whole run."""
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
        """The name of a model without a price, although its calls count in a budget in money. "" if there is none."""
        if self._price is None:
            return ""
        for model, use in self._account.models.items():
            price = self._price(model)
            if use.sent > use.refused and (price is None or use.unbilled.cost(price) is None):
                return model
        return ""


def _flows_of(place: str) -> Iterator[str]:
    """Yield the paths of all called flows around a call. Each is a beginning of the call's path, up to a dot."""
    at = place.find(".")
    while at >= 0:
        yield place[:at]
        at = place.find(".", at + 1)


def _count(found: Json) -> int | None:
    """Return a number from a row; None if the row has no number there."""
    return found if isinstance(found, int) else None
