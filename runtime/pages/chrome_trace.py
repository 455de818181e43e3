"""A run in the trace format of Chrome, which Perfetto and chrome://tracing show.

The format is "Trace Event Format" by Google. Each endpoint is a process. Its requests lie in lanes, which are threads,
because slices of one thread may not overlap. Arrows lead from each attempt of a call to the next, and from a call to
those that read its answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any

from ..account.spoilt_calls import paths_above
from ..plans.step_paths import PathNames
from ..vocabulary.call_record import AttemptRecord, CallRecord
from ..vocabulary.run_record import RunRecord
from .head import length_of
from .inputs import Inputs

_ARROWS = 20
"""The most calls before a call from which arrows lead. A reduction of thousands would hide everything else."""
Event = dict[str, Any]
Slice = tuple[CallRecord, AttemptRecord, int, int]


def chrome_trace(record: RunRecord, *, texts: bool = True) -> Iterator[str]:
    """Yield a run as a Chrome trace in JSON, each event on a line. Times are in microseconds since the run began."""
    slices = _slices(record)
    lanes = _lanes(record, slices)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in lanes), 1)}
    events: list[Event] = [
        {"ph": "M", "name": "process_name", "pid": number, "tid": 0, "args": {"name": name}}
        for name, number in numbers.items()
    ]
    for name, lane in sorted(set(lanes)):
        events.append(
            {"ph": "M", "name": "thread_name", "pid": numbers[name], "tid": lane, "args": {"name": f"lane {lane}"}}
        )
    drawn: list[Event] = []
    names = PathNames(record.plan)
    printed = {call.place: names.of_call(call) for call in record.calls}
    for one, (name, lane) in zip(slices, lanes, strict=True):
        drawn.append(_slice(one, printed[one[0].place], texts=texts) | {"pid": numbers[name], "tid": lane})
    facts = {"flow": record.plan.flow, "run": record.id, "status": record.status}
    yield f'{{"displayTimeUnit": "ms", "otherData": {json.dumps(facts)}, "traceEvents": ['
    mark = "\n"
    for event in chain(events, drawn, _arrows(record, slices, drawn)):
        yield mark + json.dumps(event)
        mark = ",\n"
    yield "\n]}\n"


def _slices(record: RunRecord) -> list[Slice]:
    """Return the attempts whose beginning is known, in its order. An open attempt lasts until the end of the run."""
    last = length_of(record)
    found = [
        (call, one, one.began, max(last if one.ended is None else one.ended, one.began))
        for call in record.calls
        for one in call.attempts
        if one.began is not None
    ]
    return sorted(found, key=lambda one: (one[2], one[3]))


def _lanes(record: RunRecord, slices: list[Slice]) -> list[tuple[str, int]]:
    """Return the endpoint of each slice, and the number of the first lane there that is free."""
    free: dict[str, list[int]] = {}
    found = []
    for call, _, began, ended in slices:
        place = record.endpoints.get(call.model)
        name = place.url or place.name if place is not None else call.model
        ends = free.setdefault(name, [])
        lane = next((number for number, end in enumerate(ends) if end <= began), len(ends))
        ends[lane : lane + 1] = [max(ended, began + 1)]
        found.append((name, lane + 1))
    return found


def _slice(one: Slice, path: str, *, texts: bool) -> Event:
    call, attempt, began, ended = one
    answer = call.answer if attempt.end in ("answered", "spoilt") else None
    facts: dict[str, Any] = {
        "place": call.place,
        "model": call.model,
        "state": call.state,
        "end": attempt.end,
        "request": attempt.request,
        "waited_ms": dict(attempt.waited),
    }
    if attempt.status is not None:
        facts["status"] = attempt.status
    if answer is not None:
        facts |= {"tokens_in": answer.tokens.read, "tokens_out": answer.tokens.written, "cost": answer.cost}
    if texts and attempt.reason:
        facts["reason"] = attempt.reason
    if texts and call.labels:
        facts["labels"] = list(call.labels)
    return {
        "ph": "X",
        "name": path,
        "cat": attempt.end,
        "ts": began * 1000,
        "dur": (ended - began) * 1000,
        "args": facts,
    }


def _arrows(record: RunRecord, slices: list[Slice], drawn: list[Event]) -> Iterator[Event]:
    """Yield the pairs of flow events between slices."""
    own: dict[str, list[Event]] = {}
    for (call, _, _, _), event in zip(slices, drawn, strict=True):
        own.setdefault(call.place, []).append(event)
    below: dict[str, list[str]] = {}
    for call in record.calls:
        if call.place in own:
            for path in paths_above(call.path):
                below.setdefault(path, []).append(call.place)
    inputs, number = Inputs(record.plan), 0
    for call in record.calls:
        mine = own.get(call.place)
        if not mine:
            continue
        pairs = list(pairwise(mine))
        for path in inputs.of(call.path):
            before = [place for place in below.get(path, ()) if place != call.place]
            pairs += [(own[place][-1], mine[0]) for place in before[:_ARROWS]]
        for start, end in pairs:
            number += 1
            facts = {"cat": "flow", "name": "answer", "id": number}
            at = start["ts"] + start["dur"]
            # A flow begins inside its slice, which ends before its last microsecond.
            yield {"ph": "s", "pid": start["pid"], "tid": start["tid"], "ts": max(at - 1, start["ts"]), **facts}
            yield {"ph": "f", "bp": "e", "pid": end["pid"], "tid": end["tid"], "ts": end["ts"], **facts}
