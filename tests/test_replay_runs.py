"""Runs of random flows are read from their journals as they were: values, votes, losses, paths and prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl import FlowError
from flowrun.runtime.journal.store import Journal
from flowrun.runtime.session.result import Result
from flowrun.runtime.vocabulary.call_record import CallRecord
from flowrun.runtime.vocabulary.run_record import RunRecord
from support.journaled_runs import Listening, journaled, recorded, steady
from support.oracle import Oracle
from support.random_checks import Trial
from support.random_runs import Servers, shuffled
from support.soak import share

Json = Any
KINDS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "right": ({}, {}),
    "spoilt": ({"spoilt": 0.3}, {}),
    "refused": ({"refused": 0.2}, {}),
    "faults": ({}, {"faults": 0.3}),
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    yield


def hold(seeds: range, kind: str, folder: Path) -> Counter[str]:
    """Run each flow with a journal, read its record, and compare the two."""
    seen: Counter[str] = Counter()
    oracle, faults = KINDS[kind]
    for seed in seeds:
        trial = Trial.drawn(seed)
        try:
            assert trial.plan
        except FlowError:
            continue
        servers = Servers(Oracle(seed, **oracle), trial.dice, shuffled, samples=seed % 3 * 3 + 1, **faults)  # type: ignore[arg-type]
        listening = Listening(servers)
        path = folder / f"{kind}{seed}.db"
        result = journaled(trial.plan, trial.inputs, listening, path, learn=False)
        record = recorded(path, trial.plan)
        try:
            agree(result, record, listening)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n{trial.text}\n{dict(trial.inputs)}") from error
        seen.update(one.state for one in record.calls)
        seen["votes"] += len(result.tallies)
        seen["losses"] += len(record.end.losses)
    return seen


def agree(result: Result, record: RunRecord, listening: Listening) -> None:
    assert record.end.value == result.value
    assert record.end.complete
    assert record.end.votes == result.tallies
    losses = [(one.path, one.reason, False) for one in result.losses]
    losses += [(one.path, one.reason, True) for one in result.failures]
    assert Counter((one.path, one.reason, one.fatal) for one in record.end.losses) == Counter(losses)
    assert record.status == result.status
    sent = Counter[str]()
    for one in listening.sent:
        sent[prompt(one.request.messages)] += one.samples
    assert attempts(record.calls) == sent
    assert not [one for one in record.notes if "prices" not in one]


def attempts(calls: tuple[CallRecord, ...]) -> Counter[str]:
    """Count the attempts by the question of their call. A correction repeats the question."""
    found = Counter[str]()
    for call in calls:
        assert call.request is not None, f"{call.place} has no request"
        for attempt in call.attempts:
            found[prompt(call.request.messages)] += attempt.end != "unsent"
    return +found


def prompt(messages: Any) -> str:
    return repr([(one.role, one.text) for one in messages[:1]])


@pytest.mark.parametrize("kind", KINDS)
def test_random_runs_are_read_as_they_were(kind: str, tmp_path: Path) -> None:
    seen = hold(range(12), kind, tmp_path)
    assert seen["answered"] > 20
    if kind != "right":
        assert seen["losses"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_random_runs_are_read_as_they_were(kind: str, tmp_path: Path) -> None:
    hold(range(12, 25 + share(1000)), kind, tmp_path)
