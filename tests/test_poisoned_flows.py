"""Independence by brute force: an element of an untrusted list changes, and no request outside its reach does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrun.dsl.labels import block_walk, blocks, values
from flowrun.runtime.engine.blocks.counted import CountedRun
from support.few_cases import few
from support.poisoned import Poisoned
from support.soak import share

CHUNK = 50
FEWEST = 3
MOST = share(6_000) // CHUNK
FURTHER = share(2_000) // CHUNK
Kind = Callable[[int], Poisoned | None]
KINDS: dict[str, tuple[Kind, float]] = {
    "drawn": (Poisoned.drawn, 0.25),
    "silent": (Poisoned.silent, 0.7),
    "failing": (Poisoned.failing, 0.4),
    "poor": (Poisoned.poor, 0.7),
}
"""The writers of flows, and the share of their flows that the checker may refuse."""
LEAKS = [
    Poisoned("\n".join(one["text"]) + "\n", one["inputs"], one["seed"])
    for one in json.loads((Path(__file__).parent / "support" / "leaks.json").read_text(encoding="utf-8"))
]
"""Flows whose fold or judge depended on the length of a list, though no mark said so."""


def hold(seeds: range, kind: str = "drawn") -> Counter[str]:
    """Hold the property against random flows, and count the relations of their asks."""
    draw, refused = KINDS[kind]
    seen: Counter[str] = Counter()
    for seed in seeds:
        trial = draw(seed)
        if trial is None:
            seen["refused"] += 1
            continue
        broken = [*trial.astray(), *trial.broken()]
        assert not broken, f"{kind} seed {seed}: {broken[0]}\n{trial.text}\n{trial.inputs}"
        for places in trial.places().values():
            for place in places:
                mark = place.request.get("items") if place is not None else None
                seen[mark.relation if mark is not None else "none"] += 1
    assert seen["refused"] <= len(seeds) * refused
    return seen


@pytest.mark.parametrize("chunk", few(range(FEWEST), 0))
def test_no_request_outside_the_reach_changes(chunk: int) -> None:
    seen = hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))
    # An analysis that marks every ask as joined would hold nothing.
    assert seen["none"] + seen["own"] > seen["joined"] / 2 // 2


@pytest.mark.parametrize("kind", few(["silent", "failing", "poor"], "failing"))
def test_no_request_changes_because_of_what_no_prompt_shows(kind: str) -> None:
    seen = hold(range(CHUNK), kind)
    assert seen["none"] and seen["own"]


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(FEWEST, FEWEST + MOST))
def test_no_request_of_many_flows_outside_the_reach_changes(chunk: int) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["silent", "failing", "poor"])
@pytest.mark.parametrize("chunk", range(1, 1 + FURTHER))
def test_no_request_of_many_further_flows_outside_the_reach_changes(chunk: int, kind: str) -> None:
    hold(range(chunk * CHUNK, (chunk + 1) * CHUNK), kind)


@pytest.mark.parametrize("trial", LEAKS, ids=lambda trial: str(trial.seed))
def test_flows_that_once_leaked_leak_no_more(trial: Poisoned) -> None:
    assert [*trial.astray(), *trial.broken()] == []


def test_marks_name_only_the_loops_around_their_place() -> None:
    for kind, (draw, _) in KINDS.items():
        for seed in range(1000, 1020):
            trial = draw(seed)
            assert trial is None or not trial.astray(), f"{kind} seed {seed}\n{trial.text}"


# The proof can fail


def nothing(*given: Any, **more: Any) -> dict[str, Any]:
    return {}


def no_sources(*given: Any) -> set[str]:
    return set()


def unchanged(reach: Any, axis: str) -> Any:
    return reach


FAULTS = {
    "a failed step ends no other": (block_walk.BlockWalk, "_ended", no_sources, ("silent", 211)),
    "no vote ends early": (block_walk.BlockWalk, "_late", nothing, ("failing", 22)),
    "no result decides about a judge": (block_walk.BlockWalk, "_decision", nothing, ("silent", 2)),
    "the number of results is fixed": (blocks.Results, "number", nothing, ("silent", 27)),
    "each map runs equally often": (block_walk, "turns_of", nothing, ("silent", 281)),
    "a list's length belongs to one element": (values, "_outside", unchanged, ("silent", 204)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_analysis_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong, (kind, seed) = FAULTS[fault]
    hold(range(seed, seed + 1), kind)
    monkeypatch.setattr(owner, name, wrong)
    trial = KINDS[kind][0](seed)
    assert trial is not None and trial.broken()


FAILING = """\
flow f(items: untrusted [text]) {
  x = map e in items at most 9 {
    ok = 1 / length(e)
    y = ask "y| {{ e }}" after ok
    z = ask "z| {{ y }}"
  } reduce collect with errors: skip
  return 1
}
"""


def test_a_runner_whose_failed_elements_end_others_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Poisoned(FAILING, {"items": ["alpha", "beta", "gamma", "delta"]}, 2)
    assert not found.broken()
    before = CountedRun.body_failed

    def ends_all(block: Any, frame: Any, failure: Any) -> None:
        before(block, frame, failure)
        for other in list(block.bodies.values()):
            before(block, other, failure)

    monkeypatch.setattr(CountedRun, "body_failed", ends_all)
    assert any("elements change the same request" in said for said in found.broken())
