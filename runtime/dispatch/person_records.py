"""The rows of an answer that a person gave. An attempt and its answer are written together, so none is in doubt."""

from __future__ import annotations

from collections.abc import Mapping

from ..engine.ceilings import size_of
from ..engine.decisions import Call
from ..journal.records import Kind, LogRecord
from ..vocabulary.json_value import Json

_NO_SPAN: Mapping[str, Json] = {}


def person_records(
    run: int, call: Call, text: str, attempt: str, span: Mapping[str, Json] = _NO_SPAN
) -> list[LogRecord]:
    """Make the rows. ``attempt`` is a key of its own. ``span`` has the times since the run began, if it goes on."""
    size = size_of(call.request)
    asked: dict[str, Json] = {"model": call.model, "bytes": size, "max": None, "key": attempt, "of": 1, "most": size}
    if "from" in span:
        asked["at"] = span["from"]
    said: dict[str, Json] = {"text": text, "finish": "stop", "in": 0, "out": 0, "cost": 0.0, **span}
    return [
        LogRecord(run, Kind.INTENT, asked, call.known.key, call.place),
        LogRecord(run, Kind.ANSWER, said, call.known.key, call.place),
    ]
