"""Random flows and their ejected programs: the same calls, and the same value or a failure."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from flowrun.dsl import FlowError
from support.ejected import Ejected, ejected_text
from support.oracle import Oracle
from support.random_checks import Trial
from support.random_runs import Servers
from support.soak import share

CHUNK = 15
FEWEST = 1
MOST = share(4_000) // CHUNK


OTHER_CALLS: list[str] = []
"""The flows of a chunk whose programs sent other calls, with the same value."""


def same(trial: Trial, oracle: Oracle) -> bool:
    """Run a flow and its program. Return False if the flow cannot be ejected."""
    try:
        text = ejected_text(trial.checked, trial.plan, Path())
    except FlowError as error:
        assert {one.code for one in error.diagnostics} == {"F0778"}
        return False
    servers = Servers(oracle, trial.dice)
    ran = trial.run(servers)
    mine = Ejected(text, oracle)
    given = {param.name: trial.inputs[param.name] for param in trial.plan.params if param.name in trial.inputs}
    value = mine.run(given, trial.plan.flow)
    if not ran.outcome.complete or ran.outcome.failures:
        assert isinstance(value, Exception), value
        assert type(value).__module__ == "ejected", f"a fault of the program: {value!r}"
        return True
    assert value == ran.outcome.value
    # Which samples of a race are sent depends on time. So does what else is sent when a vote ends, or a loss ends a
    # block.
    if set(mine.asked) != {span.key for span in servers.spans}:
        assert any(word in trial.text for word in ("race|", "repeat ")) or ran.outcome.losses
        OTHER_CALLS.append(trial.text)
    return True


def hold(seeds: range) -> None:
    kept: Counter[bool] = Counter()
    OTHER_CALLS.clear()
    for seed in seeds:
        drawn = Trial.drawn(seed)
        trial = Trial(drawn.text.replace("gemini:", "openai:"), drawn.inputs, seed)
        try:
            assert trial.checked
        except FlowError:
            continue
        if "same: ask" in trial.text:
            # Refused, as another test shows.
            continue
        for oracle in (Oracle(seed), Oracle(seed, spoilt=0.2), Oracle(seed, spoilt=0.1, refused=0.1)):
            try:
                kept[same(trial, oracle)] += 1
            except Exception as error:
                raise AssertionError(f"seed {seed}: {error!r}\n{trial.text}\n{dict(trial.inputs)}\n{oracle}") from error
    assert kept[True] > kept[False], kept
    assert len(OTHER_CALLS) < kept[True] / 3, "most programs ask what their flows ask"


@pytest.mark.parametrize("chunk", range(FEWEST))
def test_random_flows(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(FEWEST, FEWEST + MOST))
def test_many_random_flows(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))
