"""Judges that cannot be reached: a search waits for the verdicts before a missing one, and needs it only then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_search_journals import Shop

from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import PermanentError
from support.harness import stage

Json = Any
GONE = PermanentError("the judge is gone")


def flow(way: str, samples: str = "1..9") -> str:
    return (
        f'flow f() {{ v = repeat {samples} {{ ask "S" with seed: 1 }} reduce first(if: ask "Right? {{{{ result }}}}") '
        f"with launch: {way} return v }}"
    )


def script(silent: set[int], right: int, slow: dict[int, float] | None = None, unit: float = 1.0) -> Any:
    """Answer sample n with `c<n>`. The judges of ``silent`` places fail at once, and that of ``right`` says yes."""

    def answer(request: Request, number: int) -> Scripted | str:
        text = request.messages[-1].text
        if not text.startswith("Right"):
            return Scripted(f"c{(request.seed or 1) - 1}", unit)
        place = int(text.rpartition("c")[2])
        if place in silent:
            return Scripted(GONE, 0.1 * unit)
        return Scripted("yes" if place == right else "no", (slow or {}).get(place, unit))

    return answer


@pytest.mark.parametrize("way", ["cost", "latency", "together"])
@pytest.mark.parametrize("right", [0, 2, 3, 5])
def test_a_verdict_behind_the_one_that_passes_is_not_needed(way: str, right: int) -> None:
    # The judge of the result that passes takes longest, so the later ones have failed by then.
    ran = stage(flow(way), script(set(range(right + 1, 9)), right, {right: 60.0}))
    assert ran.outcome.complete, ran.outcome.failures
    assert ran.outcome.value == f"c{right}"


@pytest.mark.parametrize("way", ["cost", "latency", "together"])
def test_a_verdict_before_the_one_that_passes_fails_the_block_with_its_own_reason(way: str) -> None:
    ran = stage(flow(way), script({2, 3}, 5))
    (failure,) = ran.outcome.failures
    assert "the judge is gone" in failure.reason
    # Nothing asks for more samples than could be needed if the missing verdict came.
    samples = sum(call.messages[-1].text == "S" for call in ran.provider.calls)
    assert samples == {"cost": 3, "latency": 4, "together": 9}[way]


def test_the_block_waits_for_the_verdicts_before_the_missing_one() -> None:
    ran = stage(flow("together", "4"), script({3}, 9, {1: 30.0}))
    assert not ran.outcome.complete
    assert ran.seconds == 31.0
    assert sum(call.messages[-1].text.startswith("Right") for call in ran.provider.calls) == 4


@pytest.mark.parametrize("way", ["cost", "latency", "together"])
def test_a_resumed_run_buys_no_sample_and_no_verdict_twice(way: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path, script({1, 2}, 5, unit=0.01))
    first = shop.run(flow(way))
    assert first.status == "failed"
    good = [one for one in shop.paid if one[0] not in ("Right? c1", "Right? c2")]
    shop.provider = ScriptedProvider(script(set(), 5, unit=0.01), model="m")
    assert shop.resume().value == "c5"
    assert not set(good) & set(shop.paid)


def test_branches_and_elements_wait_alike() -> None:
    judged = 'reduce first(if: ask "Right? {{ result }}")'
    branches = f'flow f() {{ v = fanout {{ a = text "c0" b = text "c1" d = text "c2" }} {judged} return v }}'
    assert stage(branches, script({2}, 1, {1: 9.0})).outcome.value == "c1"
    (failure,) = stage(branches, script({0}, 1)).outcome.failures
    assert "the judge is gone" in failure.reason
    elements = f'flow f() {{ v = map x in ["c0", "c1", "c2"] {{ x }} {judged} return v }}'
    assert stage(elements, script({2}, 1, {1: 9.0})).outcome.value == "c1"
    assert not stage(elements, script({0}, 1)).outcome.complete
