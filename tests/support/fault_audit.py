"""The server's log against the journal: what was lost, what was paid twice, and which limits were broken."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowrun.runtime.journal.address import JournalAddress
from flowrun.runtime.journal.reading import open_to_read

COLUMNS = "number, run, kind, key, place, body"
Row = tuple[int, int, str, bytes, str, str]
_TOLD = (
    re.compile(r"(\d+) calls? (?:was|were) open when the run \S+ ended, and may have been paid"),
    re.compile(r"ended unexpectedly \(.*\); (\d+) calls? (?:was|were) open there and may have been paid"),
)
_JITTER = 0.5
"""Seconds. On a busy machine the server hears of two requests closer together than they were sent."""


def announced(err: str) -> int:
    """Count the calls that a command has told to be in doubt."""
    return sum(int(number) for form in _TOLD for number in form.findall(err))


def rows_of(journal: Path) -> list[Row]:
    """Read all rows of a journal that nobody writes at the moment."""
    if isinstance(journal, JournalAddress):
        from flowrun.runtime.journal.postgres.connecting import connect

        with connect(journal) as server:
            return server.execute(f"SELECT {COLUMNS} FROM flowrun.records ORDER BY number").fetchall()
    with closing(open_to_read(journal)) as connection:
        return list(connection.execute(f"SELECT {COLUMNS} FROM records ORDER BY number"))


@dataclass
class Asked:
    """One call by its key and place, as the journal has it: its attempts by request, and the rows that end them."""

    attempts: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)

    @property
    def unclear(self) -> int:
        """The attempts that may be paid and have no answer."""
        return len(self.attempts) - self.ends["answer"] - self.ends["refused"]


def calls_of(rows: Iterable[Row]) -> dict[tuple[bytes, str], Asked]:
    calls: defaultdict[tuple[bytes, str], Asked] = defaultdict(Asked)
    for _, _, kind, key, place, body in rows:
        if kind == "intent":
            calls[key, place].attempts.append(json.loads(body)["key"])
        elif kind in ("answer", "refused", "doubt", "cancelled"):
            calls[key, place].ends[kind] += 1
    return dict(calls)


def faults_in(rows: Sequence[Row], log: Sequence[Mapping[str, Any]], told: int, *, whole: bool = True) -> list[str]:
    """Return all sentences on answers that were lost, and on those that were paid twice and not ``told`` of.

    ``whole`` is False for a run that ended early, so that some of its calls have no answers.
    """
    calls, found = calls_of(rows), list[str]()
    asked = Counter(line["key"] for line in log if line["at"] == "asked")
    served = Counter(line["key"] for line in log if line["at"] == "served")
    intended = Counter(key for one in calls.values() for key in set(one.attempts))
    found += [f"the request {key} was sent without an intent" for key in asked if not intended[key]]
    excess = 0
    for (_, place), one in calls.items():
        paid = sum(served[key] for key in set(one.attempts))
        sent = sum(asked[key] for key in set(one.attempts))
        if sent > len(one.attempts):
            found.append(f"{place} was sent {sent} times with {len(one.attempts)} intents")
        if paid > one.ends["answer"] + one.unclear:
            found.append(f"{place} was paid {paid} times: {one.ends} of {len(one.attempts)} attempts")
        if one.ends["answer"] > 1 or (whole and not one.ends["answer"]):
            found.append(f"{place} has {one.ends['answer']} answers")
        excess += max(0, paid - 1)
    if excess > told:
        found.append(f"{excess} answers were paid again, and {told} calls were announced")
    return found


def most_in_flight(log: Iterable[Mapping[str, Any]]) -> int:
    """Return the most requests that the server had at once."""
    now = most = 0
    for line in sorted(log, key=lambda one: float(one["time"])):
        now += 1 if line["at"] == "asked" else -1
        most = max(most, now)
    return most


def most_above_rate(log: Iterable[Mapping[str, Any]], rpm: float) -> float:
    """Return by how many requests the worst window of time was above a rate. A second's share may come at once."""
    times = sorted(float(line["time"]) for line in log if line["at"] == "asked")
    worst = 0.0
    for first, began in enumerate(times):
        for count, at in enumerate(times[first:], 1):
            if at - began > 60:
                break
            worst = max(worst, count - 1 - rpm / 60 * (at - began + 1 + _JITTER))
    return worst
