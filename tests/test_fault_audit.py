"""The audit of a journal by a server's log can fail: it finds what is lost, paid in silence, and above a limit."""

from __future__ import annotations

import json
from typing import Any

from support.fault_audit import Row, announced, faults_in, most_above_rate, most_in_flight

KEY = b"1" * 16


def row(number: int, kind: str, place: str = "a[0]", **body: Any) -> Row:
    return number, 1, kind, KEY, place, json.dumps(body)


def line(at: str, key: str, time: float = 0.0) -> dict[str, Any]:
    return {"at": at, "key": key, "time": time, "answers": 1}


INTENT = row(1, "intent", key="k1")
ANSWER = row(2, "answer", text="x")
ONCE = [line("asked", "k1"), line("served", "k1")]
AGAIN = [row(3, "doubt"), row(4, "intent", key="k2"), row(5, "answer", text="x")]


def test_a_run_without_faults_passes() -> None:
    assert faults_in([INTENT, ANSWER], ONCE, 0) == []


def test_a_refused_attempt_is_not_paid() -> None:
    rows = [INTENT, row(2, "refused"), row(3, "intent", key="k2"), row(4, "answer", text="x")]
    log = [line("asked", "k1"), line("refused", "k1"), line("asked", "k2"), line("served", "k2")]
    assert faults_in(rows, log, 0) == []


def test_a_request_without_an_intent_is_found() -> None:
    [found] = faults_in([INTENT, ANSWER], [*ONCE, line("asked", "k9")], 0)
    assert "k9 was sent without an intent" in found


def test_a_lost_answer_is_found() -> None:
    assert "a[0] has 0 answers" in faults_in([INTENT], ONCE, 0)


def test_a_second_payment_passes_only_if_it_was_announced() -> None:
    log = [*ONCE, line("asked", "k2"), line("served", "k2")]
    assert faults_in([INTENT, *AGAIN], log, 1) == []
    [found] = faults_in([INTENT, *AGAIN], log, 0)
    assert found == "1 answers were paid again, and 0 calls were announced"


def test_a_second_payment_of_an_answer_in_the_journal_is_found() -> None:
    rows = [INTENT, ANSWER, row(3, "intent", key="k1"), row(4, "answer", text="x")]
    found = faults_in(rows, [*ONCE, *ONCE], 5)
    assert "a[0] has 2 answers" in found
    assert "a[0] was paid 2 times and has 2 answers of 2 attempts" not in found


def test_a_request_that_was_sent_twice_with_one_intent_is_found() -> None:
    found = faults_in([INTENT, ANSWER], [*ONCE, *ONCE], 5)
    assert "a[0] was sent 2 times with 1 intents" in found


def test_the_most_in_flight_are_counted_until_they_are_served() -> None:
    log = [line("asked", "a", 1), line("asked", "b", 2), line("served", "a", 3), line("asked", "c", 4)]
    assert most_in_flight(log) == 2


def test_a_window_above_its_rate_is_found() -> None:
    steady = [line("asked", str(n), n / 10) for n in range(100)]
    assert most_above_rate(steady, 600) == 0
    burst = [line("asked", f"b{n}", 5.0) for n in range(40)]
    assert most_above_rate([*steady, *burst], 600) > 5


def test_all_announcements_are_counted() -> None:
    err = (
        "12 calls were open when the run 2026-a1 ended, and may have been paid; each of them is asked again\n"
        "worker process 2 ended unexpectedly (SIGKILL); 1 call was open there and may have been paid, so it counts\n"
        "worker process 3 ended unexpectedly (SIGKILL); it had nothing to do\n"
    )
    assert announced(err) == 13
