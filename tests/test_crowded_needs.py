"""More votes than may wait for a turn, on a short budget: the run goes on, side by side, and asks all questions."""

from __future__ import annotations

import random

import pytest
import test_short_needs as short
from test_needs import by_seed, flow, names

from support.few_cases import some
from support.harness import Run


def crowded(size: int, calls: int, limit: int, options: str = "") -> Run:
    rng = random.Random(3)
    ballots = ["".join(rng.choice("aab") for _ in range(9)) for _ in range(size)]
    ran = Run(flow(f"{calls} calls", options=options), by_seed(ballots), inputs=names(size), limit=limit)
    ran.go()
    return ran


@pytest.mark.parametrize("concurrency", [1, 3, 20])
@pytest.mark.parametrize("limit", [1, 5, 50])
def test_votes_that_wait_with_their_place_keep_no_other_from_its_turn(
    monkeypatch: pytest.MonkeyPatch, concurrency: int, limit: int
) -> None:
    monkeypatch.setattr("flowrun.runtime.engine.needs.MOST_WAITING", 10)
    ran = crowded(200, 300, limit, f" with concurrency: {concurrency}")
    assert len(ran.provider.calls) == 300
    assert len(set(ran.prompts)) == 200


@pytest.mark.parametrize(
    ("waiting", "size", "calls", "options", "most"),
    some(
        [
            (10, 200, 300, " with concurrency: 20", 30),
            (400, 1000, 1800, "", 48),
            (400, 1000, 2000, " with concurrency: 20", 120),
        ],
        2,
    ),
)
def test_the_last_first_samples_go_side_by_side(
    monkeypatch: pytest.MonkeyPatch, waiting: int, size: int, calls: int, options: str, most: int
) -> None:
    """Each call takes a second. One after another, the first samples of the last elements would take hundreds."""
    monkeypatch.setattr("flowrun.runtime.engine.needs.MOST_WAITING", waiting)
    ran = crowded(size, calls, 50, options)
    assert len(ran.provider.calls) == calls
    assert len(set(ran.prompts)) == size
    assert max(ran.at) <= most


@pytest.mark.parametrize("body", short.BODIES)
@pytest.mark.parametrize("waiting", some([1, 2], 2))
def test_each_kind_of_body_ends_if_hardly_any_vote_may_wait(
    monkeypatch: pytest.MonkeyPatch, body: str, waiting: int
) -> None:
    monkeypatch.setattr("flowrun.runtime.engine.needs.MOST_WAITING", waiting)
    rng = random.Random(f"{body} {waiting}")
    for seed in range(6):
        size, calls, width = rng.randint(3, 9), rng.randint(1, 60), rng.randint(1, 3)
        text = short.flow(body, f" with concurrency: {width}").replace(
            "(qs: [text])", f"(qs: [text]) budget {calls} calls"
        )
        ran = Run(text, short.answers(seed), inputs=names(size), limit=rng.choice([1, 2, 64]))
        ran.go()
        assert len(ran.provider.calls) <= calls
