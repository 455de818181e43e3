"""Runs that were killed, resumed or answered from the journal: their records lose no answer and count none twice."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_replay_runs import KINDS

from flowrun.dsl import FlowError
from flowrun.runtime import RunOptions, run_async
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.journaled_runs import Listening, gone_on_with, in_virtual_time, journaled, recorded, steady
from support.oracle import Oracle
from support.random_checks import Trial
from support.random_runs import Servers, shuffled
from support.soak import share

Json = Any


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    yield


def count(journal: Path, kind: str) -> int:
    with closing(sqlite3.connect(journal)) as connection:
        found: int = connection.execute("SELECT count(*) FROM records WHERE kind = ?", (kind,)).fetchone()[0]
        return found


async def copied(work: Coroutine[Any, Any, Result], seconds: float, journal: Path, copy: Path) -> Result:
    """Run, and copy the journal after so many seconds: the copy is that of a run which was killed then."""

    def make() -> None:
        with closing(sqlite3.connect(journal)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)

    asyncio.get_running_loop().call_later(seconds, make)
    return await work


def has_all(record: RunRecord, journal: Path) -> None:
    """Each answer and each attempt of the journal is in the record once, and each call has its prompt."""
    assert sum(len(one.answers) for one in record.calls) == count(journal, "answer")
    assert sum(len(one.attempts) for one in record.calls) == count(journal, "intent")
    ends = sum(count(journal, kind) for kind in ("answer", "refused", "doubt", "cancelled"))
    still = sum(attempt.end == "open" for one in record.calls for attempt in one.attempts)
    assert still == count(journal, "intent") - ends
    assert all(one.request is not None for one in record.calls)
    assert not [note for note in record.notes if "prices" not in note]


def same_end(record: RunRecord, result: Result) -> None:
    assert record.end.value == result.value
    assert record.end.votes == result.tallies
    ends = [(one.path, one.reason) for one in (*result.losses, *result.failures)]
    assert Counter((one.path, one.reason) for one in record.end.losses) == Counter(ends)


def trial_of(seed: int, kind: str, folder: Path) -> Counter[str]:
    trial = Trial.drawn(seed)
    try:
        assert trial.plan
    except FlowError:
        return Counter()
    oracle, faults = KINDS[kind]
    seen: Counter[str] = Counter()

    def models(again: int) -> Listening:
        dice = random.Random(seed + again)
        samples = seed % 3 * 3 + 1
        return Listening(Servers(Oracle(seed, **oracle), dice, shuffled, samples=samples, **faults))  # type: ignore[arg-type]

    whole, killed = folder / f"{seed}.db", folder / f"{seed}-killed.db"
    options = RunOptions(model="m", opener=models(0).opener, journal=whole, learn=False)
    work = run_async(trial.plan, trial.inputs, options=options)
    in_virtual_time(copied(work, random.Random(seed).random() * 1.5, whole, killed))
    if killed.exists() and count(killed, "given"):
        record = recorded(killed, trial.plan)
        has_all(record, killed)
        if record.status == "killed":
            seen["killed"] += 1
            seen.update(one.state for one in record.calls)
            result = gone_on_with("last", models(1), killed, learn=False)
            record = recorded(killed, trial.plan)
            has_all(record, killed)
            same_end(record, result)
            assert len(record.stretches) == 2
    result = journaled(trial.plan, trial.inputs, models(2), whole, learn=False)
    record = recorded(whole, trial.plan)
    same_end(record, result)
    seen["reused"] += sum(one.state == "reused" for one in record.calls)
    paid = sum(len(one.answers) for one in record.calls if one.state != "reused")
    assert all(one.cost == 0 for one in record.calls if one.state == "reused")
    assert paid >= result.summary.account.answered
    return seen


def hold(seeds: range, kind: str, folder: Path) -> Counter[str]:
    seen: Counter[str] = Counter()
    for seed in seeds:
        try:
            seen += trial_of(seed, kind, folder)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n{Trial.drawn(seed).text}") from error
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_resumed_runs_are_read_whole(kind: str, tmp_path: Path) -> None:
    seen = hold(range(8, 14), kind, tmp_path)
    assert seen["killed"] > 2
    assert seen["open"]
    assert seen["reused"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_killed_and_resumed_runs_are_read_whole(kind: str, tmp_path: Path) -> None:
    hold(range(100, 100 + share(500)), kind, tmp_path)
