"""The calls of a run as a table in CSV: a row for each call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowrun.dsl import plan as p

from ..outputs.cells import table
from ..plans.step_paths import PathNames
from ..vocabulary.call_record import CallRecord
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import json_line

COLUMNS = (
    "path place step model state vote began_ms ms attempts tokens_in tokens_cached tokens_out cost finish served id"
).split()
TEXTS = "labels reason prompt answer value error".split()
"""The columns that are left out of a table without texts."""


def calls_csv(plan: p.Plan, calls: Iterable[CallRecord], *, texts: bool = True) -> Iterator[str]:
    """Yield the calls of a run of this plan as lines of CSV (RFC 4180), the header first.

    Texts that a spreadsheet would take for formulas are made safe.
    """
    names, columns = PathNames(plan), [*COLUMNS, *(TEXTS if texts else ())]
    yield table([], columns)
    for call in calls:
        yield table([_row(call, names, texts=texts)], columns, header=False)


def _row(call: CallRecord, names: PathNames, *, texts: bool) -> dict[str, Json]:
    answer = call.answer
    begins = [one.began for one in call.attempts if one.began is not None]
    row: dict[str, Json] = {
        "path": names.of_call(call),
        "place": call.place,
        "step": names.of_step(call),
        "model": call.model,
        "state": call.state,
        "vote": names.of(call.vote),
        "began_ms": min(begins, default=None),
        "ms": call.milliseconds,
        "attempts": len(call.attempts),
        "tokens_in": _sum([one.tokens.read for one in call.answers]),
        "tokens_cached": _sum([one.tokens.cached for one in call.answers]),
        "tokens_out": _sum([one.tokens.written for one in call.answers]),
        "cost": call.cost if call.answers or call.state == "reused" else None,
        "finish": answer.finish if answer else None,
        "served": answer.served if answer else None,
        "id": answer.id if answer else None,
    }
    if texts:
        messages = call.request.messages if call.request is not None else ()
        value = answer.value if answer else None
        row |= {
            "labels": " / ".join(call.labels),
            "reason": call.reason,
            "prompt": "\n\n".join(f"{one.role}: {one.text}" for one in messages),
            "answer": answer.text if answer else None,
            "value": json_line(value) if isinstance(value, dict | list) else value,
            "error": answer.error if answer else None,
        }
    return row


def _sum(counts: list[int | None]) -> int | None:
    known = [one for one in counts if one is not None]
    return sum(known) if known else None
