"""Runs in which everything fails, or nothing has to be waited for: the stack stays shallow, however many wait."""

from __future__ import annotations

import gc
import time
import tracemalloc
from itertools import product

import pytest

from flowrun.runtime.engine.decisions import NOTHING, Call, Known
from flowrun.runtime.vocabulary.call import Answer, Request
from flowrun.runtime.vocabulary.errors import CallError, EndpointError, InDoubtError, PermanentError, RefusedError
from support.failing_runs import Staged, in_a_map
from support.few_cases import some

MANY = 400
CLOSED = EndpointError("no credit", status=402)

SHAPES = {
    "a map": in_a_map('ask m "{{ x }}"'),
    "null for each": in_a_map('ask m "{{ x }}"', "with errors: none"),
    "a chain": in_a_map('a = ask m "{{ x }}"\n b = ask m "{{ a }}"\n b'),
    "a vote": in_a_map('v = repeat 3 { ask m "{{ x }}" -> yes | no } reduce majority\n v'),
    "a race": in_a_map('v = fanout { a = ask m "{{ x }}"\n b = ask m "or {{ x }}" } reduce first\n v'),
    "a fan-out": in_a_map('v = fanout { a = ask m "{{ x }}"\n b = ask m "or {{ x }}" } reduce collect\n v'),
    "a map in a map": in_a_map('v = map y in [1, 2] { ask m "{{ x }} {{ y }}" } reduce collect with errors: skip\n v'),
    "a tree": in_a_map('v = map y in [x, 2] { text "{{ y }}" } reduce by 2 ask m "{{ results }}"\n v'),
    "a fold": in_a_map('v = map y in [x, 2] { text "{{ y }}" } reduce fold ask m "{{ so_far }} {{ next }}"\n v'),
    "a reducer's own ask": in_a_map('v = map y in [x] { text "{{ y }}" } reduce ask m "{{ results }}"\n v'),
    "a called flow": in_a_map("v = inner(x)\n v") + '\nflow inner(x: int) { v = ask m "{{ x }}"\n return v }',
    "an extern": in_a_map("raises(x: x)", head='extern raises(x: int) -> text from "g_none:raises"'),
    "no call at all": in_a_map('text "{{ x }}"'),
    "a fallback": in_a_map('ask m "{{ x }}"').replace('"openai:m"', '"openai:m" else "openai:spare"'),
}


@pytest.mark.parametrize(
    ("shape", "error"),
    some(product(SHAPES, [CLOSED, PermanentError("no", status=400), RefusedError("gone"), InDoubtError("reset")]), 3),
)
def test_many_in_line_fail_one_after_another_and_not_within_each_other(shape: str, error: CallError) -> None:
    run = Staged(SHAPES[shape], lambda request, now: error, xs=list(range(MANY)))
    assert run.outcome.complete, run.outcome.failures
    lost = len([loss for loss in run.outcome.losses if not loss.ballot])
    if shape == "no call at all":
        assert run.outcome.value == MANY
    else:
        assert lost >= MANY
        assert run.outcome.status == "partial"
    if error is CLOSED:
        assert run.calls <= 40


def failing(request: Request, now: float) -> CallError:
    return CLOSED


def test_what_the_journal_has_is_worked_off_in_line() -> None:
    """Answers that are there at once, good ones and such as cannot be used."""
    answers = {0: Answer("7"), 1: Answer("nonsense"), 2: Answer("cut", "length")}
    given: list[Call] = []

    def known(call: Call) -> Known:
        given.append(call)
        return Known(answer=answers[len(given) % 3])

    text = in_a_map('v = ask m "{{ x }}" -> int\n w = ask m "{{ v }}" -> int\n w')
    run = Staged(text, failing, known=known, xs=list(range(MANY)))
    assert run.outcome.complete
    assert run.calls == 0
    assert len(given) > MANY


def test_flows_that_call_flows_fail_from_the_deepest_outwards() -> None:
    depth = 150
    flows = [f"flow f{n}(x: int) {{ v = f{n + 1}(x)\n return v }}" for n in range(depth)]
    flows.append(f'flow f{depth}(x: int) {{ v = ask m "{{{{ x }}}}"\n return v }}')
    run = Staged(in_a_map("v = f0(x)\n v") + "\n".join(flows), failing, xs=[1, 2, 3])
    assert run.outcome.status == "partial"
    assert len(run.outcome.losses) == 3


def test_steps_that_need_each_other_fail_one_after_another() -> None:
    steps = ['s0 = ask m "begin"', *(f's{n} = ask m "{{{{ s{n - 1} }}}}"' for n in range(1, 600))]
    text = 'model m = "openai:m"\nflow main() {\n' + "\n".join(steps) + "\nreturn s599 }"
    run = Staged(text, failing)
    assert run.outcome.status == "failed"
    assert run.calls == 1


def test_losers_of_races_are_taken_back_in_line() -> None:
    """One branch has its answer from the journal, and so the other is never sent."""
    text = in_a_map('v = fanout { one = ask m "a {{ x }}"\n two = ask m "b {{ x }}" } reduce first\n v')

    def known(call: Call) -> Known:
        return Known(answer=Answer("quick")) if call.request.messages[-1].text.startswith("b") else NOTHING

    run = Staged(text, failing, known=known, xs=list(range(MANY)))
    assert run.outcome.status == "done"
    assert run.calls == 0


@pytest.mark.slow
def test_25_000_failures_take_seconds_and_little_memory() -> None:
    def took(elements: int) -> tuple[float, float]:
        xs = list(range(elements))
        gc.collect()
        tracemalloc.start()
        began = time.process_time()
        run = Staged(in_a_map('ask m "{{ x }}"'), failing, xs=xs)
        seconds = time.process_time() - began
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(run.outcome.losses) == elements
        assert run.calls == 20
        return seconds, peak

    few, many = took(2_500), took(25_000)
    assert many[0] < 25 * few[0]
    assert many[0] < 15
    # A loss is kept: its path and why. Nothing else grows.
    assert many[1] < 25e6
