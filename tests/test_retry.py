"""When a call is tried again, under a virtual clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.limits.retry import Retries, RetryPolicy
from flowrun.runtime.vocabulary.errors import AnswerError, CallError, InDoubtError, PermanentError, RefusedError


class Calls:
    """Fails with each error in turn, then answers; ``times`` are when it was called, ``waits`` what was announced."""

    def __init__(self, *errors: CallError, seconds: float = 0.0) -> None:
        self.errors = list(errors)
        self.seconds = seconds
        self.now = 0.0
        self.times: list[float] = []
        self.waits: list[float] = []

    def run(self, policy: RetryPolicy, chance: float = 1.0) -> str:
        retries = Retries(policy, self.now, chance=lambda: chance)
        while True:
            self.times.append(self.now)
            self.now += self.seconds
            if not self.errors:
                return "answer"
            self.waits.append(retries.after(self.errors.pop(0), self.now))
            self.now += self.waits[-1]


def test_an_answer_is_returned_at_once() -> None:
    calls = Calls()
    assert calls.run(RetryPolicy()) == "answer"
    assert calls.times == [0.0]


@pytest.mark.parametrize(("chance", "waits"), [(1.0, [1, 2, 4, 5, 5]), (0.0, [0.5, 1, 2, 2.5, 2.5])])
def test_waits_double_up_to_a_bound(chance: float, waits: list[float]) -> None:
    calls = Calls(*(RefusedError("busy") for _ in range(5)))
    policy = RetryPolicy(attempts=6, wait_initial=1.0, wait_max=5.0)
    assert calls.run(policy, chance) == "answer"
    assert calls.waits == pytest.approx(waits)
    gaps = [late - early for early, late in zip(calls.times, calls.times[1:], strict=False)]
    assert gaps == pytest.approx(waits, abs=1e-3)


def test_attempts_are_bounded() -> None:
    calls = Calls(*(RefusedError("busy", status=429) for _ in range(9)))
    with pytest.raises(RefusedError, match=r"busy \(gave up after 3 attempts\)") as caught:
        calls.run(RetryPolicy(attempts=3))
    assert caught.value.status == 429
    assert len(calls.times) == 3
    assert len(calls.waits) == 2


def test_the_total_time_is_bounded() -> None:
    calls = Calls(*(InDoubtError("gone") for _ in range(99)), seconds=10.0)
    with pytest.raises(InDoubtError, match="gave up after 35 s"):
        calls.run(RetryPolicy(attempts=99, wait_initial=1.0, total=35.0))
    assert len(calls.times) == 3
    assert calls.times[-1] <= 35.0


@pytest.mark.parametrize("kind", [PermanentError, AnswerError])
def test_what_is_never_retried(kind: type[CallError]) -> None:
    calls = Calls(kind("no"))
    with pytest.raises(kind, match=r"^no$"):
        calls.run(RetryPolicy())
    assert len(calls.times) == 1


def test_doubt_outlives_a_later_refusal() -> None:
    calls = Calls(InDoubtError("reset"), RefusedError("busy", status=503))
    with pytest.raises(InDoubtError, match="busy") as caught:
        calls.run(RetryPolicy(attempts=2))
    assert caught.value.status == 503


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_retry_after_is_never_undercut(chance: float) -> None:
    calls = Calls(RefusedError("busy", retry_after=50.0), RefusedError("busy", retry_after=0.0))
    calls.run(RetryPolicy(wait_initial=1.0, wait_max=2.0), chance)
    assert 50.0 <= calls.times[1] <= 55.001
    assert calls.times[2] - calls.times[1] >= 1.0


def test_a_wait_that_is_too_long_ends_at_once() -> None:
    calls = Calls(RefusedError("busy", retry_after=7200.0))
    with pytest.raises(RefusedError, match=r"7200 s: run the flow again at \d{4}-\d\d-\d\d \d\d:\d\d UTC") as caught:
        calls.run(RetryPolicy(total=600.0))
    assert calls.now == 0
    assert caught.value.retry_after == 7200.0
    assert calls.waits == []


def test_a_wait_that_just_fits_is_waited_for() -> None:
    calls = Calls(RefusedError("busy", retry_after=99.0))
    assert calls.run(RetryPolicy(total=100.0)) == "answer"
    assert calls.times[1] == pytest.approx(100.0, abs=0.01)


@given(
    errors=st.lists(
        st.builds(
            lambda kind, after: kind("x", retry_after=after),
            st.sampled_from([RefusedError, InDoubtError]),
            st.none() | st.floats(0, 1e4),
        ),
        max_size=12,
    ),
    chance=st.floats(0, 1),
    attempts=st.integers(1, 8),
    total=st.floats(0.1, 1e4),
)
def test_no_policy_is_ever_overstepped(errors: list[CallError], chance: float, attempts: int, total: float) -> None:
    calls = Calls(*errors)
    policy = RetryPolicy(attempts=attempts, total=total)
    try:
        calls.run(policy, chance)
    except CallError as error:
        assert isinstance(error, InDoubtError) == any(isinstance(e, InDoubtError) for e in errors[: len(calls.times)])
    assert 1 <= len(calls.times) <= attempts
    assert calls.times[-1] - calls.times[0] <= total + 0.01
    assert len(calls.waits) == len(calls.times) - 1
    for wait, refusal in zip(calls.waits, errors, strict=False):
        assert wait >= (refusal.retry_after or 0)
