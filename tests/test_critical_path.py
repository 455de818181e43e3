"""The critical path of a run: the calls that determined its end, and the causes that fill its time."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.dsl import FlowError
from flowrun.runtime.pages.call_order import CallOrder
from flowrun.runtime.pages.critical_path import Piece, call_time, critical_path, stretches_of
from flowrun.runtime.vocabulary.call_record import AttemptRecord, CallRecord, State
from flowrun.runtime.vocabulary.run_record import RunRecord, StretchRecord
from support.harness import planned
from support.random_flows import Writer
from support.timeline_records import resumed, waited
from support.triggered_calls import triggered

INPUTS = {"items": ["a", "b", "c", "d"], "p0": True, "p1": False}
STEPS = """\
flow f(items: [text]) {
  first = ask "1"
  aside = ask "2"
  short = text "{{ first }}!"
  then = ask "3 {{ short }}"
  notes = map item in items { draft = ask "4 {{ item }} {{ then }}" better = ask "5 {{ draft }}" } reduce collect
  more = map note in notes { ask "6 {{ note }}" } reduce ask "7 {{ results }}"
  return { more, aside }
}
"""


def call(path: str, *attempts: AttemptRecord, state: State = "answered") -> CallRecord:
    return CallRecord(path, path, path, "m:m", state, attempts=attempts)


def sent(began: int, ended: int, **waits: int) -> AttemptRecord:
    return AttemptRecord(f"{began}", "answered", began, ended, waited=waits)


def run(*calls: CallRecord, ended: int, stretches: tuple[StretchRecord, ...] = ()) -> RunRecord:
    return RunRecord("r", planned(STEPS), 0.0, ended / 1000, "done", calls, stretches=stretches)


def chain(record: RunRecord) -> list[str]:
    return [record.calls[one.index].place for one in CallOrder(record.plan, record.calls).chain()]


def path(record: RunRecord) -> list[Piece]:
    return critical_path(CallOrder(record.plan, record.calls), stretches_of(record))


def check_trigger(seed: int, size: int, *, wide: bool) -> int:
    rng = random.Random(seed)
    text = Writer(rng, size, True, wide=wide).flow()
    try:
        plan = planned(text)
    except FlowError:
        return 0
    made = triggered(plan, INPUTS, rng)
    if made.chain:
        assert chain(made.record) == [made.calls[one].place for one in made.chain], text
        pieces = path(made.record)
        # Without limits, each moment until the end of the last call is a call's own.
        assert sum(piece.ended - piece.began for piece in pieces) == stretches_of(made.record)[0][1]
    return len(made.chain)


@settings(max_examples=40)
@given(st.integers(0, 10**9), st.integers(1, 8))
def test_the_path_is_the_one_that_the_engine_took(seed: int, size: int) -> None:
    check_trigger(seed, size, wide=False)


def test_it_is_found_in_flows_of_the_whole_language() -> None:
    assert max(check_trigger(seed, 1 + seed % 3, wide=True) for seed in range(80)) >= 5


def test_a_step_without_calls_passes_the_time_on() -> None:
    record = run(
        call("first", sent(0, 100)),
        call("aside", sent(0, 160)),
        call("then", sent(170, 300)),
        ended=300,
    )
    # `then` began after `aside`, but it does not need it.
    assert chain(record) == ["first", "then"]
    assert path(record) == [Piece(0, 100, "server", 0), Piece(100, 170, "own", -1), Piece(170, 300, "server", 2)]


def test_an_element_waits_for_its_own_element() -> None:
    record = run(
        call("then", sent(0, 100)),
        call("notes[0].draft", sent(100, 200)),
        call("notes[1].draft", sent(100, 400)),
        call("notes[0].better", sent(200, 300)),
        call("notes[1].better", sent(400, 500)),
        call("more[0].line 7", sent(310, 900)),
        call("more[1].line 7", sent(500, 700)),
        call("more.reduce", sent(900, 950)),
        ended=950,
    )
    assert chain(record) == ["then", "notes[0].draft", "notes[0].better", "more[0].line 7", "more.reduce"]


def test_a_neighbour_that_ends_in_between_is_no_cause() -> None:
    record = run(
        call("then", sent(0, 100)),
        call("notes[0].draft", sent(100, 400)),
        call("notes[1].draft", sent(100, 440)),
        call("aside", sent(0, 445)),
        # flowrun was busy for 50 ms.
        call("notes[0].better", sent(450, 900)),
        ended=900,
    )
    assert chain(record) == ["then", "notes[0].draft", "notes[0].better"]


def test_the_end_of_a_neighbour_opens_the_next_body() -> None:
    record = run(
        call("then", sent(0, 100)),
        call("notes[0].draft", sent(100, 200)),
        call("notes[0].better", sent(200, 300)),
        # The block's `concurrency` kept the second body closed.
        call("notes[1].draft", sent(301, 500)),
        ended=500,
    )
    assert chain(record) == ["then", "notes[0].draft", "notes[0].better", "notes[1].draft"]


def test_merges_of_a_tree_and_a_fold_follow_each_other() -> None:
    text = """\
flow f(items: [text]) {
  story = map item in items { ask "1 {{ item }}" } reduce fold ask "2 {{ so_far }} {{ next }}"
  return story
}
"""
    record = replace(
        run(
            call("story[0].line 2", sent(0, 100)),
            call("story[1].line 2", sent(0, 150)),
            call("story[2].line 2", sent(0, 120)),
            call("story.reduce", sent(152, 300)),
            call("story.reduce", sent(310, 500)),
            ended=500,
        ),
        plan=planned(text),
    )
    assert [one.index for one in CallOrder(record.plan, record.calls).chain()] == [1, 3, 4]


def test_unnamed_steps_are_found_by_their_word() -> None:
    record = run(call("notes.1.better", sent(0, 500)), call("more.1.ask", sent(500, 700)), ended=700)
    assert chain(record) == ["notes.1.better", "more.1.ask"]


def test_waits_keep_their_causes_and_a_neighbour_that_held_the_place_is_no_cause() -> None:
    record = run(
        call("then", sent(0, 100)),
        call("notes[0].draft", sent(100, 600)),
        call("notes[1].draft", sent(600, 900, width=300, rate=200)),
        ended=900,
    )
    assert path(record) == [
        Piece(0, 100, "server", 0),
        Piece(100, 400, "width", 2),
        Piece(400, 600, "rate", 2),
        Piece(600, 900, "server", 2),
    ]


def test_failed_attempts_are_time_of_retries() -> None:
    busy = AttemptRecord("a", "refused", 0, 50, "busy", 429)
    late = AttemptRecord("b", "answered", 2060, 2500, waited={"retry_after": 2000})
    assert path(run(call("first", busy, late), ended=2500)) == [
        Piece(0, 60, "retries", 0),
        Piece(60, 2060, "retry_after", 0),
        Piece(2060, 2500, "server", 0),
    ]
    assert call_time(CallOrder(planned(STEPS), [call("first", busy, late)]).calls) == {
        "retry_after": 2000,
        "server": 440,
        "retries": 50,
    }


def test_the_second_request_of_a_hedged_call_does_not_count_when_it_lost() -> None:
    lost = AttemptRecord("b", "cancelled", 300, 705)
    record = run(call("first", sent(0, 700), lost), call("then", sent(700, 800)), ended=800)
    assert chain(record) == ["first", "then"]
    assert path(record) == [Piece(0, 700, "server", 0), Piece(700, 800, "server", 1)]


def test_cancelled_calls_determine_nothing() -> None:
    cut = call("aside", AttemptRecord("x", "cancelled", 0, 900), state="cancelled")
    assert chain(run(call("first", sent(0, 200)), cut, ended=900)) == ["first"]


def test_a_pause_between_two_parts_is_cut_out() -> None:
    record = run(
        call("first", sent(0, 100)),
        call("then", sent(5_020, 5_100)),
        ended=5_100,
        stretches=(StretchRecord(0, None), StretchRecord(5_000, 5_100)),
    )
    assert stretches_of(record) == [(0, 100), (5_000, 5_100)]
    assert path(record) == [
        Piece(0, 100, "server", 0),
        Piece(5_000, 5_020, "own", -1),
        Piece(5_020, 5_100, "server", 1),
    ]


def test_calls_without_times_are_passed_over() -> None:
    old = call("then", AttemptRecord("x", "answered"), state="reused")
    record = run(call("first", sent(0, 100)), old, call("notes[0].draft", sent(100, 200)), ended=200)
    assert chain(record) == ["first", "notes[0].draft"]
    assert path(replace(record, calls=(old,))) == [Piece(0, 200, "own", -1)]


def test_many_calls_at_one_time_have_an_end() -> None:
    text = 'flow f(items: [text]) {\n  s = map i in items { ask "{{ i }}" } reduce collect\n  return s\n}\n'
    calls = [call(f"s[{n}].line 2", sent(7, 7)) for n in range(20_000)]
    record = replace(run(*calls, ended=7), plan=planned(text))
    assert len(chain(record)) == 1


@given(st.integers(1, 25), st.integers(1, 6), st.integers(0, 99), st.booleans())
def test_the_pieces_fill_the_run_without_overlap(elements: int, width: int, seed: int, again: bool) -> None:
    record = resumed() if again else waited(elements, width, seed)
    parts, pieces = stretches_of(record), path(record)
    assert sum(one.ended - one.began for one in pieces) == sum(ended - began for began, ended in parts)
    assert all(one.ended <= then.began for one, then in pairwise(pieces))
    assert all(any(began <= one.began < one.ended <= ended for began, ended in parts) for one in pieces)


def test_a_sample_waits_for_the_judge_that_compares_the_answers_before_it() -> None:
    text = (
        'flow f() { v = repeat 2..5 { ask "?" } reduce ahead(2, same: ask "Same? {{ a }} {{ b }}" -> yes | no) '
        "return v }"
    )
    calls = (
        call("v[0].line 1", sent(0, 100)),
        call("v[1].line 1", sent(0, 110)),
        call("v.reduce[1.0]", sent(110, 200)),
        call("v[2].line 1", sent(200, 300)),
        call("v.reduce[2.0]", sent(300, 400)),
    )
    record = RunRecord("r", planned(text), 0.0, 0.4, "done", calls)
    assert chain(record) == ["v[1].line 1", "v.reduce[1.0]", "v[2].line 1", "v.reduce[2.0]"]
