"""Random flows whose bodies run in several places come to the same as without places."""

from __future__ import annotations

import pytest

from flowrun.dsl import FlowError
from support.placed_runs import PlacedTrial

CHUNK = 50


@pytest.mark.parametrize("chunk", range(4))
@pytest.mark.parametrize("check", ["right", "slowly", "refused", "spoilt", "faults"])
def test_flows_in_places_mean_the_same(chunk: int, check: str) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        trial = PlacedTrial.drawn(seed)
        try:
            assert trial.checked
        except FlowError:
            continue
        try:
            getattr(trial, check)()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}\n{trial.text}\n{dict(trial.inputs)}") from error
