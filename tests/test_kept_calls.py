"""The calls that a live run remembers are those that the replay of its journal finds, in every field."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError
from flowrun.runtime import RunOptions, api, run_async
from flowrun.runtime.costs.prices import Prices
from flowrun.runtime.engine.decisions import Call, Failure
from flowrun.runtime.engine.frames import Frame
from flowrun.runtime.engine.scopes import CallWatcher, ReadAnswer
from flowrun.runtime.journal.reading import JournalReader
from flowrun.runtime.journal.records import NOT_SENT, Kind
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.live.state import LiveState
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.replay.stretches import OF_CALLS
from flowrun.runtime.session.call_keeper import CallKeeper
from flowrun.runtime.session.run import Parts, execute
from flowrun.runtime.vocabulary.call_record import CallRecord
from flowrun.runtime.vocabulary.errors import EndpointError
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.harness import planned
from support.journaled_runs import Listening, in_virtual_time, journaled, recorded, steady
from support.oracle import Oracle
from support.page_records import plan_from
from support.random_checks import Trial
from support.random_runs import Servers, shuffled
from support.soak import share

KINDS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "right": ({}, {}),
    "spoilt": ({"spoilt": 0.3}, {}),
    "refused": ({"refused": 0.2}, {}),
    "faults": ({}, {"faults": 0.3}),
}


class Keepers(CallWatcher):
    """The keeper of the calls of one run, and the state of its live page."""

    def __init__(self) -> None:
        self.keeper = CallKeeper()
        self.state = LiveState(plan_from(), "")
        self.both = (self.keeper, self.state)

    def asked(self, call: Call, frame: Frame, read: ReadAnswer) -> None:
        for one in self.both:
            one.asked(call, frame, read)

    def heard(self, call: Call, value: object) -> None:
        for one in self.both:
            one.heard(call, value)

    def failed(self, call: Call, failure: Failure) -> None:
        for one in self.both:
            one.failed(call, failure)

    def cancelled(self, call: Call) -> None:
        for one in self.both:
            one.cancelled(call)


@pytest.fixture
def keepers(monkeypatch: pytest.MonkeyPatch) -> list[Keepers]:
    """A keeper for each run with a journal, too. The last one is that of the last run."""
    kept: list[Keepers] = []

    async def keep(plan: Any, values: Any, settings: Any, parts: Parts, *rest: Any) -> Any:
        kept.append(Keepers())
        heard = replace(parts, on_event=(*parts.on_event, *kept[-1].both), watcher=kept[-1])
        return await execute(plan, values, settings, heard, *rest)

    monkeypatch.setattr(api, "execute", keep)
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    return kept


def comparable(calls: Iterable[CallRecord]) -> dict[str, CallRecord]:
    """The calls by place. Left out are the journal's own names: its keys, its rows, and those of its requests.

    The journal alone has intents that were withdrawn before they were sent. A call that was given up before anything
    was sent leaves no trace: a replay that hears of answers in another order may make it, or not.
    """
    found = {}
    for call in calls:
        attempts = [replace(one, row=0, request="") for one in call.attempts if one.end != "unsent"]
        if attempts or call.state != "cancelled":
            found[call.place] = replace(call, attempts=tuple(attempts), key=b"")
    return found


def together(calls: Iterable[CallRecord]) -> Counter[frozenset[tuple[str, int]]]:
    """The attempts that went out as one request, by the places of their calls and their numbers there."""
    carried: dict[tuple[str, int | None], set[tuple[str, int]]] = {}
    for call in calls:
        for number, one in enumerate(each for each in call.attempts if each.end != "unsent"):
            carried.setdefault((one.request, one.began), set()).add((call.place, number))
    return Counter(map(frozenset, carried.values()))


def agree(kept: CallKeeper | LiveState, record: RunRecord, votes: Any) -> None:
    remembered = kept.records(Prices({}), votes)
    ours, theirs = comparable(remembered), comparable(record.calls)
    assert ours.keys() == theirs.keys()
    for place, call in ours.items():
        assert call == theirs[place]
    assert together(remembered) == together(record.calls)


def in_order(path: Path) -> Counter[str]:
    """Hold the times of each attempt in the rows of a journal. Return the causes of waiting with their attempts.

    An intent is written, then the request is sent, then it ends. It waits after the ends of the attempts at its call
    that stand before it, or else since the run began.
    """
    seen: Counter[str] = Counter()
    intents: dict[tuple[bytes, str], list[int]] = {}
    over: dict[str, int] = {}
    with JournalReader(path) as reader:
        run = reader.index.named("last")[0]
        rows = [row for row in reader.rows(run.number, reader.last_row(run.number)) if row.kind in OF_CALLS]
    for row in rows:
        body = json.loads(row.body)
        if row.kind == Kind.INTENT:
            at, waited = body["at"], body.get("waited", {})
            intents.setdefault((row.key, row.place), []).append(at)
            assert all(milliseconds > 0 for milliseconds in waited.values())
            # Each cause is rounded by itself.
            assert sum(waited.values()) <= at - over.get(row.place, 0) + len(waited), (row.place, body)
            seen.update(waited.keys())
            continue
        opened = intents[row.key, row.place]
        if body.get("said") == NOT_SENT:
            opened.pop(0)
        else:
            before = [at for at in opened if at <= body["from"]]
            assert before and body["from"] <= body["to"], (row.place, opened, body)
            opened.remove(before[-1])
            over[row.place] = max(over.get(row.place, 0), body["to"])
    return seen


def hold(seeds: Iterable[int], kind: str, folder: Path, keepers: list[Keepers]) -> Counter[str]:
    seen: Counter[str] = Counter()
    oracle, faults = KINDS[kind]
    for seed in seeds:
        trial = Trial.drawn(seed)
        try:
            assert trial.plan
        except FlowError:
            continue
        servers = Servers(Oracle(seed, **oracle), trial.dice, shuffled, samples=seed % 3 * 3 + 1, **faults)  # type: ignore[arg-type]
        path = folder / f"{kind}{seed}.db"
        result = journaled(trial.plan, trial.inputs, Listening(servers), path, learn=False)
        record = recorded(path, trial.plan)
        try:
            both = keepers.pop()
            agree(both.keeper, record, result.tallies)
            agree(both.state, record, result.tallies)
            seen.update(in_order(path))
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n{trial.text}\n{dict(trial.inputs)}") from error
        seen.update(one.state for one in record.calls)
        seen["labels"] += sum(bool(one.labels) for one in record.calls)
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_random_runs_are_remembered_as_their_journal_tells(kind: str, tmp_path: Path, keepers: list[Keepers]) -> None:
    seen = hold(range(5, 14), kind, tmp_path, keepers)
    assert seen["answered"] > 10
    assert seen["labels"]
    if kind == "faults":
        assert seen["backoff"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_random_runs_are_remembered_as_their_journal_tells(
    kind: str, tmp_path: Path, keepers: list[Keepers]
) -> None:
    hold([*range(5), *range(14, 25 + share(1000))], kind, tmp_path, keepers)


def test_calls_that_were_not_sent_and_labels_are_remembered() -> None:
    flow = """flow f(rows: [{ id: text }]) {
      a = map row in rows { b = ask "{{ row.id }}" } reduce collect with errors: skip
      return a
    }"""

    def opener(model: str, around: Any) -> ScriptedProvider:
        refused = Scripted(EndpointError("no key", status=401), 1)
        return ScriptedProvider(lambda request, number: refused, model=model, concurrency=1)

    rows = [{"id": f"row {number}"} for number in range(80)]
    result = in_virtual_time(
        run_async(planned(flow), {"rows": rows}, options=RunOptions(model="m", opener=opener, learn=False))
    )
    calls = result.calls
    assert len(calls) == 80
    assert [one["labels"] for one in calls[:2]] == [["row 0"], ["row 1"]]
    assert {one["state"] for one in calls} == {"failed", "unsent"}
    assert all(one["reason"] for one in calls)
    assert next(one["attempts"] for one in calls if one["state"] == "unsent") == []
