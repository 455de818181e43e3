"""The timeline of a run: its lanes, the idle time with its cause, and the sentences about both."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.pages.lanes import Gap, Lane, lanes_of
from flowrun.runtime.pages.timeline import as_data, in_words, timeline_of
from flowrun.runtime.pages.waiting import waits_before
from flowrun.runtime.vocabulary.call_record import AttemptRecord
from flowrun.runtime.vocabulary.run_record import EndpointRecord, RunRecord, StretchRecord
from flowrun.runtime.vocabulary.waits import Cause
from support.page_records import call_of, large, run_of
from support.timeline_records import MAIN, SIDE, called, resumed, running, untimed, waited


def told(record: RunRecord) -> list[str]:
    return list(in_words(timeline_of(record)))


def test_models_of_one_address_share_a_lane() -> None:
    calls = [call_of("board", model=model) for model in ("a:x", "b:y", "a:z", "weights:small", "b:q")]
    endpoints = {
        "a:x": EndpointRecord("a:x", "https://api.one.test/v1"),
        "a:z": EndpointRecord("a:z", "https://api.one.test/v1"),
        "b:y": EndpointRecord("b:y", "https://two.test:8443/left"),
        "b:q": EndpointRecord("b:q", "https://two.test:8443/right"),
    }
    assert lanes_of(run_of(calls, endpoints=endpoints)) == [
        Lane("api.one.test", ("a:x", "a:z")),
        Lane("https://two.test:8443/left", ("b:y",)),
        Lane("weights", ("weights:small",)),
        Lane("https://two.test:8443/right", ("b:q",)),
    ]


def test_an_endpoint_that_got_no_request_has_no_lane() -> None:
    unsent = call_of("notes[0].draft", answer=None, state="unsent", attempts=(), model="")
    assert lanes_of(run_of([unsent])) == []
    assert [lane.models for lane in lanes_of(run_of([unsent, call_of("board")]))] == [(MAIN,)]


def test_idle_time_has_the_cause_that_held_longest() -> None:
    waits = {"rate": 200, "retry_after": 1700}
    record = run_of(
        [
            call_of("notes[0].draft", at=0, ms=100),
            call_of("notes[1].draft", attempts=(AttemptRecord("b", "answered", 2000, 2500, waited=waits),)),
            call_of("board", at=2800, ms=200, model=SIDE),
        ]
    )
    found = timeline_of(record)
    assert found.gaps == (Gap(100, 2000, "retry_after", 0), Gap(2500, 2800, "own", -1))
    assert told(record)[-2:] == [
        "Idle from 100 ms for 1.90 s: Retry-After at api.example.net.",
        "Idle from 2.50 s for 300 ms: between calls: files, values, externs.",
    ]


def test_a_pause_of_the_run_is_not_idle_time() -> None:
    record = replace(
        run_of([call_of("notes[0].draft", at=0, ms=100), call_of("board", at=9_000, ms=100)]),
        stretches=(StretchRecord(0, 100), StretchRecord(9_000, 9_100)),
    )
    assert timeline_of(record).gaps == ()
    assert told(record)[0] == "The run took 200 ms in 2 parts; 8.90 s of pause between them is cut out."


def test_an_endpoint_that_others_wait_for_is_not_idle_itself() -> None:
    calls = [call_of("notes[0].draft", at=0, ms=500), call_of("board", at=500, ms=500, model=SIDE)]
    record = run_of(calls)
    assert timeline_of(record).gaps == ()


def test_a_journal_without_times_says_so() -> None:
    assert told(untimed()) == ["The journal of this run has no times, because an older version wrote it."]
    found = timeline_of(untimed())
    assert (found.path, found.gaps, found.timed) == ((), (), 0)


def test_a_run_without_requests_has_no_time() -> None:
    assert told(run_of()) == ["The run sent no request, so there is no time to show."]


def test_calls_of_an_older_part_are_counted() -> None:
    old = call_of("notes[0].draft", attempts=(AttemptRecord("a", "answered"),))
    record = run_of([old, call_of("board", at=0, ms=1000)])
    assert told(record) == [
        "The run took 1.00 s.",
        "Its critical path has 1 call: 1.00 s the server works.",
        "All calls together, side by side: 1.00 s the server works.",
        "The journal has no times for 1 further call.",
    ]


def test_a_run_under_way_ends_at_its_last_time() -> None:
    found = timeline_of(running())
    last = max(one.ended or one.began or 0 for call in running().calls for one in call.attempts)
    assert found.stretches == ((0, last),)
    assert found.path


def test_the_data_are_plain_and_complete() -> None:
    for record in (waited(), resumed(), untimed(), running(), called(), run_of()):
        data = as_data(timeline_of(record))
        assert json.loads(json.dumps(data)) == data
        causes = {piece[2] for name in ("path", "gaps") for piece in data[name]}
        assert causes <= set(data["words"])
        # Nothing that a person or a model wrote is in it: it also goes with `--without-texts`.
        assert "Say something" not in json.dumps(data)


def test_a_large_run_has_few_gaps() -> None:
    record = large(calls=4000)
    data = as_data(timeline_of(record))
    assert len(json.dumps(data)) < 100_000


def test_gaps_follow_the_lanes_of_their_models() -> None:
    record = waited(20)
    found = timeline_of(record)
    assert [lane.models for lane in found.lanes] == [(MAIN,), (SIDE,)]
    assert found.gaps
    for gap in found.gaps:
        inside = [
            one
            for call in record.calls
            for one in call.attempts
            if gap.lane < 0 or call.model in found.lanes[gap.lane].models
            if (one.began or 0) < gap.ended and gap.began < (one.ended or 0)
        ]
        assert inside == []


def test_a_pause_begins_after_the_failure_that_brought_it() -> None:
    refused = AttemptRecord("a1", "refused", 0, 400, status=429)
    again = AttemptRecord("a2", "answered", 900, 1000, waited={"retry_after": 500})
    held = AttemptRecord("b", "answered", 900, 1000, waited={"retry_after": 500, "width": 400})
    calls = [call_of("notes[0].draft", attempts=(refused, again)), call_of("notes[1].draft", attempts=(held,))]
    found = timeline_of(run_of(calls))
    [gap] = [one for one in found.gaps if one.cause == "retry_after"]
    assert (gap.began, gap.ended) == (400, 900)


@pytest.mark.parametrize(
    ("failures", "waits"),
    [
        ((), [("width", 100, 400), ("retry_after", 400, 900)]),
        ((300,), [("width", 100, 300), ("retry_after", 300, 800), ("width", 800, 900)]),
        ((50,), [("retry_after", 100, 600), ("width", 600, 900)]),
        ((50, 250, 600), [("width", 100, 250), ("retry_after", 250, 750), ("width", 750, 900)]),
    ],
)
def test_waits_stand_in_an_order_that_can_have_been(
    failures: tuple[int, ...], waits: list[tuple[str, int, int]]
) -> None:
    told = {"retry_after": 500, "width": 300}
    assert list(waits_before(900, told, failures)) == waits


@given(st.dictionaries(st.sampled_from(list(Cause)), st.integers(0, 500)), st.lists(st.integers(0, 3000), max_size=5))
def test_waits_fill_the_time_before_the_request(waited: dict[str, int], failures: list[int]) -> None:
    found = waits_before(3000, waited, sorted(failures))
    at = 3000 - sum(waited.values())
    lengths: dict[str, int] = {}
    for cause, began, ended in found:
        assert began == at < ended
        at = ended
        lengths[cause] = lengths.get(cause, 0) + ended - began
    assert at == 3000
    assert lengths == {cause: length for cause, length in waited.items() if length}
