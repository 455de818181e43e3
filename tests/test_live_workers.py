"""The live page of a run with worker processes: it shows the calls that these make as it shows those of one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.runtime.live.page import LivePage
from flowrun.runtime.session import shown_live
from flowrun.runtime.vocabulary.call_record import CallRecord
from flowrun.runtime.workers import beginning
from support.model_server import Served, model_server
from support.worker_runs import MODEL, ran

FLOW = f"""
model m = "{MODEL}" with concurrency: 20
type Row = {{ id: text, note: text }}
flow many(rows: [Row]) {{
  drafts = map row in rows {{
    draft = ask m "Draft {{{{ row.note }}}}"
    mark = ask m "Rate {{{{ draft }}}}" -> 1..9 check mark > 6 else "Higher." with retries: 1
    good = repeat 3 {{ ask m "Is {{{{ draft }}}} good?" -> yes | no }} reduce majority
    {{ draft, mark, good }}
  }} reduce collect with errors: skip
  verdict = repeat 5 {{ ask m "Is all well?" -> yes | no }} reduce majority
  return {{ drafts, verdict }}
}}
"""
ROWS = [{"id": f"row {n}", "note": f"note {n}"} for n in range(12)]


@pytest.fixture(autouse=True)
def nothing_runs_in_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "MOST_HERE", 0)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[LivePage]:
    """The live pages of the runs of a test."""
    found: list[LivePage] = []

    class Page(LivePage):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            found.append(self)

    monkeypatch.setattr(shown_live, "LivePage", Page)
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with model_server(tmp_path / "log", seconds=0.005) as served:
        yield served


def facts(call: CallRecord) -> tuple[object, ...]:
    """What a page tells of a call, without times, numbers of requests and marks of providers' heads."""
    prompt = () if call.request is None else tuple((one.role, one.text) for one in call.request.messages)
    attempts = [(one.end, one.reason, one.status, one.answer, one.correction) for one in call.attempts]
    answers = [(one.text, one.error, repr(one.value), one.tokens) for one in call.answers]
    return (
        call.place,
        call.path,
        call.model,
        call.state,
        prompt,
        call.labels,
        call.vote,
        call.reason,
        answers,
        attempts,
    )


def shown(page: LivePage) -> list[tuple[object, ...]]:
    return sorted(map(facts, page.state.since(0).record.calls), key=str)


async def test_the_page_shows_the_calls_of_workers_as_those_of_one_process(
    server: Served, tmp_path: Path, pages: list[LivePage]
) -> None:
    results = [await ran(server, tmp_path, FLOW, {"rows": ROWS}, workers=workers, live=True) for workers in (0, 2)]
    one, two = pages
    assert results[1].value == results[0].value
    states = {fact[3] for fact in shown(one)}
    assert states == {"answered", "failed"}, "the flow has calls whose answers fail their check"
    assert shown(two) == shown(one)
    assert two.state.since(0).record.end.votes.keys() == one.state.since(0).record.end.votes.keys()
