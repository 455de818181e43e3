"""The failed attempts of a run in its journal, and the failures that a replay makes of them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.engine.decisions import Call, Known, Policy
from flowrun.runtime.journal.attempts import RunRow
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import SENT_AGAIN, Kind
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.replay import read_run
from flowrun.runtime.replay.journal_source import JournalSource
from flowrun.runtime.replay.source import Came, Doubted, Happening
from flowrun.runtime.vocabulary.call import Message, Request
from flowrun.runtime.vocabulary.errors import InDoubtError, PermanentError, RefusedError
from support.harness import planned, scripted
from support.journaled_runs import in_virtual_time, steady

Json = Any
FLOW = 'flow f() { a = ask "one" b = ask "two" return "{{ a }} {{ b }}" }'
KEY = b"k" * 16
CALL = Call(1, "a", "m", Request((Message("user", "one"),)), place="a", policy=Policy(5, None), known=Known(KEY))


def ends(path: Path) -> list[tuple[str, str, Json]]:
    """The kind, the place and the `final` of each failed attempt."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT kind, place, body FROM records WHERE kind IN ('refused', 'doubt')").fetchall()
    return [(kind, place, json.loads(body).get("final")) for kind, place, body in rows]


@pytest.mark.parametrize(
    ("error", "kind", "count"),
    [
        (PermanentError("no", status=400), "refused", 1),
        (RefusedError("busy", status=503), "refused", 3),
        (InDoubtError("lost", status=500), "doubt", 3),
    ],
)
def test_the_last_failed_attempt_of_a_call_is_final(
    error: Any, kind: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    path = tmp_path / "j.db"

    def script(request: Request, n: int) -> Scripted:
        return Scripted(error if request.messages[-1].text == "one" else "fine", 1)

    opener = scripted(script)
    flow = planned('model o = "openai:m" with retries: 2\n' + FLOW.replace("ask ", "ask o "))
    in_virtual_time(run_async(flow, {}, options=RunOptions(opener=opener, journal=path, learn=False)))
    assert ends(path) == [(kind, "a", None)] * (count - 1) + [(kind, "a", True)]
    with JournalReader(path) as reader:
        record = read_run(reader, reader.index.named("last")[0])
    [failed] = [one for one in record.calls if one.path == "a"]
    assert failed.state == "failed"


def row(kind: str, **body: Json) -> RunRow:
    return RunRow(1, kind, KEY, "a", json.dumps(body))


def heard(*rows: RunRow) -> list[Happening]:
    """What a replay hears of the rows of one call."""
    source = JournalSource(rows, lambda call: Known(KEY), lambda read: None, over=True, window=1 << 20)
    source.launched(CALL)
    found = []
    while (happening := source.next()) is not None:
        found.append(happening)
    return found


def test_a_final_failure_ends_its_call_at_once() -> None:
    """Without the flag the call might be tried again, so that its failure waits for what happens after it."""
    refused = row(Kind.REFUSED, said="busy", status=503, final=True)
    [came] = heard(row(Kind.INTENT), refused)
    assert isinstance(came, Came)
    assert "busy (gave up after 1 attempt)" in str(came.what)
    doubt = row(Kind.DOUBT, said="lost", status=500, final=True)
    [came] = heard(row(Kind.INTENT), doubt)
    assert isinstance(came, Came)
    assert isinstance(came.what, InDoubtError)


def test_a_final_failure_ends_its_call_although_a_second_request_is_under_way() -> None:
    rows = [row(Kind.INTENT), row(Kind.INTENT), row(Kind.REFUSED, said="busy", final=True), row(Kind.CANCELLED)]
    assert sum(isinstance(one, Came) for one in heard(*rows)) == 1
    unflagged = heard(*rows[:2], row(Kind.REFUSED, said="busy"), rows[3])
    assert not any(isinstance(one, Came) for one in unflagged)


def test_an_attempt_of_an_earlier_part_is_no_failure_of_this_part() -> None:
    """A resume writes that the open attempt is sent again. The new attempt is the first one of this part."""
    again = row(Kind.DOUBT, said=SENT_AGAIN)
    found = heard(again, row(Kind.INTENT), row(Kind.REFUSED, said="busy", status=503))
    assert not any(isinstance(one, Doubted) for one in found)
    [came] = [one for one in found if isinstance(one, Came)]
    assert "gave up after 1 attempt)" in str(came.what)
    assert isinstance(came.what, RefusedError)
