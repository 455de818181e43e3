"""The lines of a run's copy, read into the rows that they stand for. Nothing in them is trusted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from flowrun.dsl import plan as p

from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .records import SENT_AGAIN, Kind, LogRecord, content
from .row_fields import check_fields

VERSION = 1
MOST_BYTES = 256 * 1024 * 1024
"""The most bytes of one line."""
_NO_LINE = "it is not a line of `flowrun journal export`"
_BARE = frozenset({Kind.GIVEN, Kind.RESUMED, Kind.END, Kind.EXTERN, Kind.READ, Kind.SUBMISSION})
"""The kinds of rows that need no key."""
_EMPTY = frozenset({Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED, Kind.FORGOTTEN})
"""The kinds of rows that may have no body."""
_ENDS = frozenset({Kind.ANSWER, Kind.REFUSED, Kind.DOUBT, Kind.CANCELLED})


def read_copy(lines: Iterable[bytes], name: str) -> list[LogRecord]:
    """Read the lines of the file called ``name``. The first record begins the run.

    Raises InputError, which names the line, if a line is wrong, missing, repeated or in another place.
    """
    copy, number = _Copy(), 0
    for number, line in enumerate(lines, 1):
        try:
            copy.take(json.loads(line))
        except _Wrong as wrong:
            raise InputError(f"line {number} of {shown(name)} cannot be imported: {wrong}") from None
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            raise InputError(f"line {number} of {shown(name)} cannot be imported: {_NO_LINE}") from None
    if not number:
        raise InputError(f"{shown(name)} is empty: a copy of a run comes from `flowrun journal export`")
    if copy.rows is not None and copy.last < copy.rows:
        raise InputError(
            f"{shown(name)} cannot be imported: it ends after {copy.last:,} of the {copy.rows:,} rows of its run. "
            "Export the run again"
        )
    copy.check_plan(name)
    return copy.records


class _Wrong(ValueError):
    """A line that cannot be imported. Its words tell why."""


class _Copy:
    """The rows of a copy as far as it is read.

    ``rows`` is the number of rows that the first line tells, None in copies of older versions. ``last`` is the number
    of the last row. ``begun`` counts the attempts at each call that have no end.
    """

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.rows: int | None = None
        self.last = 0
        self._begun: Counter[tuple[bytes, str]] = Counter()

    def take(self, found: Any) -> None:
        """Add a line. Raises ValueError, KeyError, TypeError, AttributeError."""
        if not self.records:
            self.records.append(self._first(found))
        elif found["kind"] != "call":
            self._number(found)
            record = _record(found)
            self._follow(record)
            self.records.append(record)

    def check_plan(self, name: str) -> None:
        """Check that the copy has the plan of a run, if it has any call of it. Raises InputError."""
        given = next((one.body for one in self.records if one.kind is Kind.GIVEN), None)
        if not isinstance(given, dict):
            return
        plan, inputs = (self._content(given[part]) for part in ("plan", "inputs"))
        try:
            if plan is not None:
                p.from_json(json.dumps(plan))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InputError(f"{shown(name)} cannot be imported: it has no valid plan ({error})") from None
        if inputs is not None and not isinstance(inputs, dict):
            raise InputError(f"{shown(name)} cannot be imported: the inputs of its run are no record")

    def _content(self, part: Json) -> Json:
        """Return the data that a row has or names; None if the copy has no content of this key."""
        if not isinstance(part, str):
            return part
        found = next((one for one in self.records if one.kind is Kind.CONTENT and one.key.hex() == part), None)
        body = None if found is None else json.loads(str(found.body))
        return body.get("json", "") if isinstance(body, dict) else None

    def _first(self, found: Any) -> LogRecord:
        if found["kind"] != Kind.RUN:
            raise ValueError
        if found["version"] != VERSION:
            raise _Wrong(f"it is of version {found['version']}, and this flowrun reads version {VERSION}")
        rows = found.get("rows")
        if rows is not None and (type(rows) is not int or rows < 0):
            raise _Wrong("its `rows` has a wrong form")
        self.rows = rows
        body = _checked(Kind.RUN, found["body"])
        return LogRecord(0, Kind.RUN, {**body, "began": float(str(body["began"]))})

    def _number(self, found: Any) -> None:
        """Check that a row follows the row before it. Copies of older versions do not number their rows."""
        if self.rows is None and "row" not in found:
            self.last += 1
            return
        number = found.get("row")
        if type(number) is not int or number != self.last + 1:
            raise _Wrong(f"row {self.last + 1} of the run belongs here. The file was changed: export the run again")
        if self.rows is not None and number > self.rows:
            raise _Wrong(f"the run has {self.rows:,} rows. The file was changed: export the run again")
        self.last = number

    def _follow(self, record: LogRecord) -> None:
        """Check that the rows of the run are in their order, as far as they tell it."""
        kind, call = record.kind, (record.key, record.place)
        if kind is Kind.GIVEN and any(one.kind is Kind.GIVEN for one in self.records):
            raise _Wrong("it gives the run a plan for the second time")
        if kind is Kind.INTENT:
            self._begun[call] += 1
        again = isinstance(record.body, dict) and record.body.get("said") == SENT_AGAIN
        if kind in _ENDS and not again:
            if not self._begun[call]:
                raise _Wrong("it ends an attempt that did not begin before it")
            self._begun[call] -= 1


def _record(found: Any) -> LogRecord:
    kind, body = Kind(found["kind"]), found["body"]
    if kind is Kind.CONTENT:
        # The key is worked out again, so that no copy can give a content another name.
        return content(1, dict(_checked(kind, body)))
    key, place = bytes.fromhex(found["key"]), found["place"]
    if kind is Kind.RUN or not isinstance(place, str) or len(key) > 64 or (kind not in _BARE and not key):
        raise ValueError
    if body is not None or kind not in _EMPTY:
        body = _checked(kind, body)
    return LogRecord(1, kind, body, key, place)


def _checked(kind: Kind, body: Any) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise TypeError
    try:
        check_fields(kind, body)
    except ValueError as wrong:
        raise _Wrong(f"{_NO_LINE}, because {wrong}") from None
    return body
