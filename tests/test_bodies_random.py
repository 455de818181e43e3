"""Random flows whose bodies run in several places come to the same as without places."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from flowrun.dsl import FlowError
from support.placed_runs import PlacedTrial, compared
from support.played_bodies import Played
from support.random_cases import CASES
from support.random_checks import Trial
from support.soak import share

CHUNK = 40
PLACED = [case for case in CASES if " map " in case[1] or "repeat " in case[1]]


def drawn(seeds: range) -> list[Trial]:
    trials: list[Trial] = []
    for seed in seeds:
        trial = PlacedTrial.drawn(seed)
        try:
            assert trial.checked
        except FlowError:
            continue
        trials.append(trial)
    return trials


def test_flows_in_places_mean_what_they_say() -> None:
    for trial in drawn(range(CHUNK // 3)):
        try:
            trial.everything()
        except Exception as error:
            raise AssertionError(f"seed {trial.seed}: {error!r}\n{trial.text}\n{dict(trial.inputs)}") from error


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(1, 1 + share(8_000) // CHUNK))
def test_many_flows_in_places_mean_what_they_say(chunk: int) -> None:
    for trial in drawn(range(chunk * CHUNK, (chunk + 1) * CHUNK)):
        trial.everything()


def test_cases_in_places_mean_what_they_say() -> None:
    for name, text, inputs in PLACED:
        try:
            PlacedTrial(text, inputs, 1).everything()
        except Exception as error:
            raise AssertionError(f"{name}: {error!r}\n{text}") from error


def test_each_body_ends_once_whatever_happens() -> None:
    """Bodies get answers and failures in any order, and some are cancelled. Nothing of them is left."""
    cancelled, ended = 0, 0
    for trial in drawn(range(100, 150)):
        for seed in range(2):
            run = Played(trial, random.Random(seed))
            run.play()
            cancelled, ended = cancelled + len(run.cancelled), ended + len(run.ends)
    assert cancelled > 5
    assert ended > 15


@pytest.mark.parametrize(("lag", "flows"), [(0.0, 2 * CHUNK), (0.4, CHUNK)])
def test_runs_in_places_make_the_same_calls(lag: float, flows: int) -> None:
    """Values, failures, losses, tallies and all requests are the same, in whatever order messages arrive."""
    seen: Counter[str] = Counter()
    for trial in drawn(range(CHUNK, CHUNK + flows)):
        seen.update(compared(trial, lag=lag))
    assert seen["placed"] > flows // 6
    assert seen["calls"] > seen["flows"] * (0.3 if lag else 0.45)
