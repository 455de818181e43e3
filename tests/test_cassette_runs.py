"""Random flows: the cassette of a run gives a test that run's value, its losses and its tallies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrun.dsl import FlowError
from flowrun.dsl import plan as p
from flowrun.dsl import test_plan as tp
from flowrun.runtime.journal.store import Journal
from flowrun.testing.bench import Bench, Setting
from flowrun.testing.cassette_file import read_cassette
from flowrun.testing.player import Player
from flowrun.testing.recorded_calls import cassette_of
from flowrun.testing.runner import play
from support.journaled_runs import Listening, journaled, recorded, steady
from support.oracle import Oracle
from support.random_checks import Trial
from support.random_runs import Servers, shuffled
from support.soak import share

NOWHERE = tp.Place("flow", 1, 1, 1, 2, "")
KINDS = {"right": {}, "spoilt": {"spoilt": 0.3}, "refused": {"refused": 0.2}}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Journal, "append", steady(Journal.append))
    yield


def hold(seeds: range, kind: str, folder: Path) -> Counter[str]:
    """Run each flow, play its cassette in a test, and compare the two."""
    seen: Counter[str] = Counter()
    for seed in seeds:
        trial = Trial.drawn(seed)
        try:
            assert trial.plan
        except FlowError:
            continue
        servers = Servers(Oracle(seed, **KINDS[kind]), trial.dice, shuffled)
        path = folder / f"{kind}{seed}.db"
        result = journaled(trial.plan, trial.inputs, Listening(servers), path, learn=False)
        record = recorded(path, trial.plan)
        written = "".join(cassette_of(trial.plan, record.calls).text())
        cassette = read_cassette(written, "the cassette")
        assert "".join(cassette.text()) == written
        names = {param.name for param in trial.plan.params}
        inputs: dict[str, p.Expr] = {k: p.Constant(v) for k, v in trial.inputs.items() if k in names}
        player = Player(cassette, "the cassette")
        test = tp.Test("as the run", trial.plan.flow, NOWHERE, given=tp.Givens(inputs))
        played = play(test, Setting(Bench(trial.plan, "m"), Path(), other=player))
        told = played.outcome
        try:
            assert not player.lacking
            assert (told.value, told.complete) == (result.value, result.outcome.complete)
            assert losses(told) == losses(result.outcome)
            assert told.tallies == result.tallies
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}\n{trial.text}\n{dict(trial.inputs)}\n{written}") from error
        seen["calls"] += len(cassette.lines)
        seen["losses"] += len(told.losses)
        seen["votes"] += len(told.tallies)
    return seen


def losses(outcome: object) -> Counter[tuple[str, str, bool]]:
    found = (*outcome.losses, *outcome.failures)  # type: ignore[attr-defined]
    return Counter((one.path, one.reason, one.ballot) for one in found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_with_the_cassette_of_a_run_is_the_run(kind: str, tmp_path: Path) -> None:
    seen = hold(range(20), kind, tmp_path)
    assert seen["calls"] > 20 and seen["votes"]
    assert seen["losses"] or kind == "right"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_tests_with_the_cassette_of_a_run_are_the_run(kind: str, tmp_path: Path) -> None:
    hold(range(25, 25 + share(1000)), kind, tmp_path)
