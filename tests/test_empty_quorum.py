"""A quorum over samples that are no ballots: it ends when no answer can reach it, and not before its first ballot."""

from __future__ import annotations

import pytest

from flowrun.runtime.providers.scripted import Scripted
from support.harness import stage


@pytest.mark.parametrize(("answers", "calls"), [("zzzzzzzzz", 9), ("azzzzzzzz", 4), ("zzazzzzzz", 4), ("zzzzazzzz", 5)])
@pytest.mark.parametrize("launch", ["cost", "latency"])
def test_a_quorum_that_is_out_of_reach_ends_with_the_first_ballot(answers: str, calls: int, launch: str) -> None:
    text = (
        'flow f() { v = repeat 9 { ask "q" -> a | b with seed: 1 } '
        f"reduce quorum(7) with launch: {launch}, concurrency: 1 return v }}"
    )
    ran = stage(text, lambda request, number: Scripted(answers[(request.seed or 1) - 1]))
    assert not ran.outcome.complete
    assert len(ran.provider.calls) == calls
