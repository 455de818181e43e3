"""Cascades that are under way when a run ends: they are counted, as broken off, with the calls that they made."""

from __future__ import annotations

import asyncio

import pytest

from flowrun.runtime.account.cascades import cascade_counts, cascade_lines
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.providers.scripted import Scripted
from flowrun.runtime.vocabulary.call import Request
from support.harness import Run

CASCADE = 'cascade { q = ask "quick {{ x }}" -> yes | no else s = ask "slow {{ x }}" -> yes | no when last == no }'
SIDE = 'y = ask "side {{ x }}" -> yes | no with retries: 0'
MAP = f'r = map x in ["a", "b", "c"] {{ k = {CASCADE} %s [k] }} reduce collect'
FLOW = f"flow f() {{ {MAP % ''} return r }}"
FAILING = f"flow f() {{ {MAP % SIDE} return r }}"


def answered(request: Request, number: int) -> Scripted:
    """Answer `quick` after a second and `slow` after ten; the side of ``b`` is never valid, and takes five."""
    word, _, x = request.messages[-1].text.partition(" ")
    if word == "side":
        return Scripted("yes" if x[:1] != "b" else "?", 5)
    return Scripted("yes" if x[:1] == "a" or word == "slow" else "no", 1 if word == "quick" else 10)


def told(outcome: Outcome) -> tuple[int, int, list[int], str]:
    (count,) = cascade_counts(outcome.cascades, lambda model, usage: 1.0)
    assert (count.calls_saved, count.saved) == (None, None)
    (line,) = cascade_lines([count])
    return count.runs, count.broken_off, [stage.calls for stage in count.stages], line


def stopped(at: float) -> Outcome:
    run = Run(FLOW, answered)
    with pytest.raises(asyncio.CancelledError):
        run.go(cancel_at=at)
    return run.state.abandoned()


def test_a_stopped_run_counts_the_cascades_that_are_under_way() -> None:
    assert told(stopped(3)) == (3, 2, [3, 0], "r.k: 3 cascades, 2 went up to s, 2 broken off")


def test_a_run_that_is_stopped_before_an_answer_says_that_nothing_ended() -> None:
    assert told(stopped(0.5)) == (3, 3, [0, 0], "r.k: 3 cascades, 3 broken off")


def test_a_failed_element_breaks_off_the_cascades_of_the_others() -> None:
    outcome = Run(FAILING, answered).go()
    assert [one.path for one in outcome.failures] == ["r[1].y"]
    assert told(outcome)[:3] == (3, 2, [3, 0])


def test_a_cascade_that_a_race_no_longer_needs_is_not_broken_off() -> None:
    fanout = f'fanout {{ p = ask "quick a" -> yes | no k = {CASCADE} }} reduce first'
    race = f'flow f(x: text = "b") {{ r = {fanout} return r }}'
    outcome = Run(race, answered).go()
    assert outcome.complete
    assert not any(one.broken_off for one in cascade_counts(outcome.cascades, lambda model, usage: 1.0))
