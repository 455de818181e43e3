"""An answer and the intent of the request that takes its place reach the disk together."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowrun import RunOptions, run_async
from flowrun.runtime.journal import writer
from flowrun.runtime.journal.records import Columns, Kind, LogRecord, statements
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.journal.writer import LastCommit
from flowrun.runtime.providers.scripted import ScriptedProvider

MAP = """
model m = "openai:m" with concurrency: {wide}
flow f(rows: [text]) {{ out = map row in rows {{ ask m "{{{{ row }}}}" }} reduce collect return out }}
"""
RACE = """
model m = "openai:m" with concurrency: 1
flow f() { out = fanout { a = ask m "A?" b = ask m "B?" c = ask m "C?" } reduce first return out }
"""


class Counted(sqlite3.Connection):
    """Counts its commits."""

    commits = 0

    def commit(self) -> None:
        super().commit()
        type(self).commits += 1


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    Counted.commits = 0
    connect = partial(sqlite3.connect, factory=Counted)
    monkeypatch.setattr(Journal, "open", partial(Journal.open, connect=connect))
    return Counted


def written(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as reader:
        rows = reader.execute("SELECT kind, place FROM records ORDER BY number").fetchall()
    return [(kind, place) for kind, place in rows if place]


@pytest.mark.parametrize(("calls", "wide", "most"), [(40, 1, 48), (160, 16, 24)])
async def test_a_map_takes_one_commit_for_each_round_of_its_calls(
    flow: Any, tmp_path: Path, counted: type[Counted], calls: int, wide: int, most: int
) -> None:
    path = flow(MAP.format(wide=wide))
    rows = [f"row {n}" for n in range(calls)]
    provider = ScriptedProvider(lambda request, _: request.messages[0].text.upper(), model="openai:m")
    options = RunOptions(journal=tmp_path / "j.db", opener=lambda *_: provider)
    result = await run_async(path, rows=rows, options=options)
    assert result.value == [row.upper() for row in rows]
    assert provider.peak <= wide
    assert calls / wide <= counted.commits <= most
    found = written(tmp_path / "j.db")
    assert len(found) == len(set(found)) == 2 * calls


async def test_a_request_that_the_answer_makes_needless_is_not_sent(flow: Any, tmp_path: Path) -> None:
    """Its intent is on the disk together with the answer. A record behind it says that it was not sent."""
    provider = ScriptedProvider(lambda request, _: "yes", model="openai:m")
    options = RunOptions(journal=tmp_path / "j.db", opener=lambda *_: provider)
    result = await run_async(flow(RACE), options=options)
    assert (result.value, len(provider.calls)) == ("yes", 1)
    assert (result.summary.calls, result.summary.whole.sent) == (1, 1)
    kinds = [kind for kind, _ in written(tmp_path / "j.db")]
    assert kinds == ["intent", "answer", "intent", "refused"]


async def test_no_answer_is_used_and_no_request_sent_before_its_commit(flow: Any, tmp_path: Path) -> None:
    journal, seen = tmp_path / "j.db", list[tuple[int, int]]()

    def answer(request: Any, number: int) -> str:
        kinds = [kind for kind, _ in written(journal)]
        seen.append((kinds.count("intent"), kinds.count("answer")))
        return str(request.messages[0].text).upper()

    ends: list[int] = []

    def hear(value: object) -> None:
        ends.append([kind for kind, _ in written(journal)].count("answer"))

    provider = ScriptedProvider(answer, model="openai:m")
    options = RunOptions(journal=journal, opener=lambda *_: provider, on_result=hear)
    await run_async(flow(MAP.format(wide=2)), rows=[f"row {n}" for n in range(20)], options=options)
    assert all(intents > sent for sent, (intents, _) in enumerate(seen))
    assert all(answers > taken for taken, answers in enumerate(ends))
    assert (len(seen), len(ends)) == (20, 20)


def note(heard: list[Any], what: object, done: asyncio.Future[int]) -> None:
    heard.append(what)


async def test_a_request_goes_on_when_all_answers_of_its_commit_are_heard() -> None:
    """However the answers and the intents of one commit are mixed, and whatever the answers lead to."""
    loop, heard = asyncio.get_running_loop(), list[str]()
    futures = {name: loop.create_future() for name in ("answer 1", "answer 2", "intent 1", "intent 2")}
    for name, future in futures.items():
        future.add_done_callback(partial(note, heard, name))
    futures["answer 1"].add_done_callback(lambda _: loop.call_soon(heard.append, "the turn of the answers"))
    ends: dict[str, writer.Waiting] = {
        kind: [(future, 1) for name, future in futures.items() if name.startswith(kind)]
        for kind in ("answer", "intent")
    }
    writer._settle(ends["answer"], ends["intent"])
    await asyncio.wait(futures.values())
    assert heard == ["answer 1", "answer 2", "the turn of the answers", "intent 1", "intent 2"]


async def test_the_writer_tells_the_answers_of_a_commit_first(tmp_path: Path) -> None:
    journal, heard = Journal.open(tmp_path / "j.db"), list[int]()
    await journal.append([LogRecord(0, Kind.RUN, {"id": "r1", "flow": "f", "source": "f.flow", "began": 1.0})])
    kinds = [Kind.INTENT, Kind.ANSWER, Kind.INTENT, Kind.ANSWER]
    for number, kind in enumerate(kinds):
        done = journal.append([LogRecord(1, kind, {}, number.to_bytes(16, "big"), f"a[{number}]")])
        done.add_done_callback(partial(note, heard, number))
    await journal.append([LogRecord(1, Kind.END, {"status": "done"})])
    journal.close()
    assert heard == [1, 3, 0, 2]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 63, 64, 65, 149, 1000])
def test_the_statements_insert_all_rows_in_order(count: int) -> None:
    rows: list[Columns] = [(n, 1, "intent", b"k", f"p{n}", "{}", b"s") for n in range(count)]
    given = [(text, list(values)) for text, values in statements(rows)]
    assert sum(text.count("(") * len(values) for text, values in given) == count
    assert [value for _, values in given for one in values for value in one] == [value for row in rows for value in row]
    assert sum(len(values) for _, values in given) <= count // 64 + 9


@pytest.mark.parametrize(
    ("last", "waited"),
    [
        (LastCommit(), 0.0),
        (LastCommit(10.0, 10.004, 16), 0.002),
        (LastCommit(10.0, 10.004, 2), 0.0),
        (LastCommit(9.0, 9.004, 16), 0.0),
        (LastCommit(9.5, 10.004, 16), 0.005),
    ],
    ids=["the first", "many", "one request", "long ago", "a slow disk"],
)
def test_a_commit_waits_for_more_entries_only_under_load(
    monkeypatch: pytest.MonkeyPatch, last: LastCommit, waited: float
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: 10.005, sleep=slept.append))
    last.wait()
    assert sum(slept) == pytest.approx(waited)
