"""The waiting of one request, by cause: in line for a place, and after a failure."""

from __future__ import annotations

import pytest

from flowrun.runtime.dispatch.request_waits import CAUSES, RequestWaits, WaitSums, gone_on, told, with_budget
from flowrun.runtime.vocabulary.waits import Cause

START = WaitSums((0.0,) * len(CAUSES), 10.0)
LATE = WaitSums((1.0, 2.0, 4.0, 64.0, 8.0, 16.0, 32.0), 110.0)
"""At the gate, each cause took another time since START."""


def test_a_request_in_line_is_kept_back_by_the_server_the_rate_other_runs_and_the_width() -> None:
    """The failures and the bills of other requests keep it back from nothing."""
    waits = gone_on(START, LATE)
    by_server = {Cause.RETRY_AFTER: 1000, Cause.OUTAGE: 2000, Cause.RATE: 4000}
    assert told(waits) == {**by_server, Cause.SHARE: 64_000, Cause.WIDTH: 8000}


def test_a_request_that_failed_is_kept_back_by_the_server_and_else_by_its_own_back_off() -> None:
    waits = RequestWaits(START, failed=True)
    waits.go_on(LATE)
    assert told(waits) == {Cause.RETRY_AFTER: 1000, Cause.OUTAGE: 2000, Cause.BACKOFF: 97_000}
    # Then it is in line again, and its times add up.
    waits.go_on(WaitSums((1.0, 2.0, 5.0, 64.0, 8.0, 99.0, 99.0), 111.0))
    assert told(waits) == {Cause.RETRY_AFTER: 1000, Cause.OUTAGE: 2000, Cause.RATE: 1000, Cause.BACKOFF: 97_000}


@pytest.mark.parametrize(
    ("withheld", "found"),
    [(0.0004, {}), (0.0005, {Cause.BUDGET: 1}), (0.0006, {Cause.BUDGET: 1}), (1.5, {Cause.BUDGET: 1500})],
)
def test_a_budget_adds_its_time(withheld: float, found: dict[Cause, int]) -> None:
    assert with_budget({}, withheld) == found


def test_time_without_waiting_is_not_told() -> None:
    assert told(gone_on(START, WaitSums(START.sums, 20.0))) == {}
    assert told(None) == {}


def test_half_a_millisecond_at_a_gate_is_told_as_one() -> None:
    sums = tuple(0.0005 if cause is Cause.RATE else 0.0 for cause in CAUSES)
    assert told(gone_on(START, WaitSums(sums, 10.5))) == {Cause.RATE: 1}
