"""When a call is tried again, under a virtual clock."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrun.runtime.errors import AnswerError, CallError, InDoubtError, PermanentError, RefusedError
from flowrun.runtime.retry import RetryPolicy, with_retries

pytestmark = pytest.mark.looptime


class Calls:
    """Fails with each error in turn, then answers; ``times`` are when it was called, ``waits`` what was announced."""

    def __init__(self, *errors: CallError, seconds: float = 0.0) -> None:
        self.errors = list(errors)
        self.seconds = seconds
        self.times: list[float] = []
        self.waits: list[float] = []

    async def __call__(self) -> str:
        loop = asyncio.get_running_loop()
        self.times.append(loop.time())
        await asyncio.sleep(self.seconds)
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    def on_retry(self, error: CallError, seconds: float) -> None:
        self.waits.append(seconds)

    async def run(self, policy: RetryPolicy, chance: float = 1.0) -> str:
        return await with_retries(self, policy, self.on_retry, chance=lambda: chance)


async def test_an_answer_is_returned_at_once() -> None:
    calls = Calls()
    assert await calls.run(RetryPolicy()) == "answer"
    assert calls.times == [0.0]


@pytest.mark.parametrize(("chance", "waits"), [(1.0, [1, 2, 4, 5, 5]), (0.0, [0.5, 1, 2, 2.5, 2.5])])
async def test_waits_double_up_to_a_bound(chance: float, waits: list[float]) -> None:
    calls = Calls(*(RefusedError("busy") for _ in range(5)))
    policy = RetryPolicy(attempts=6, wait_initial=1.0, wait_max=5.0)
    assert await calls.run(policy, chance) == "answer"
    assert calls.waits == pytest.approx(waits)
    gaps = [late - early for early, late in zip(calls.times, calls.times[1:], strict=False)]
    assert gaps == pytest.approx(waits, abs=1e-3)


async def test_attempts_are_bounded() -> None:
    calls = Calls(*(RefusedError("busy", status=429) for _ in range(9)))
    with pytest.raises(RefusedError, match=r"busy \(gave up after 3 attempts\)") as caught:
        await calls.run(RetryPolicy(attempts=3))
    assert caught.value.status == 429
    assert len(calls.times) == 3
    assert len(calls.waits) == 2


async def test_the_total_time_is_bounded() -> None:
    calls = Calls(*(InDoubtError("gone") for _ in range(99)), seconds=10.0)
    with pytest.raises(InDoubtError, match="gave up after 35 s"):
        await calls.run(RetryPolicy(attempts=99, wait_initial=1.0, total=35.0))
    assert len(calls.times) == 3
    assert calls.times[-1] <= 35.0


@pytest.mark.parametrize("kind", [PermanentError, AnswerError])
async def test_what_is_never_retried(kind: type[CallError]) -> None:
    calls = Calls(kind("no"))
    with pytest.raises(kind, match=r"^no$"):
        await calls.run(RetryPolicy())
    assert len(calls.times) == 1


async def test_doubt_outlives_a_later_refusal() -> None:
    calls = Calls(InDoubtError("reset"), RefusedError("busy", status=503))
    with pytest.raises(InDoubtError, match="busy") as caught:
        await calls.run(RetryPolicy(attempts=2))
    assert caught.value.status == 503


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
async def test_retry_after_is_never_undercut(chance: float) -> None:
    calls = Calls(RefusedError("busy", retry_after=50.0), RefusedError("busy", retry_after=0.0))
    await calls.run(RetryPolicy(wait_initial=1.0, wait_max=2.0), chance)
    assert 50.0 <= calls.times[1] <= 55.001
    assert calls.times[2] - calls.times[1] >= 1.0


async def test_a_wait_that_is_too_long_ends_at_once() -> None:
    calls = Calls(RefusedError("busy", retry_after=7200.0))
    with pytest.raises(RefusedError, match=r"7200 s: come back at \d{4}-\d\d-\d\d \d\d:\d\d UTC") as caught:
        await calls.run(RetryPolicy(total=600.0))
    assert asyncio.get_running_loop().time() < 0.1
    assert caught.value.retry_after == 7200.0
    assert calls.waits == []


async def test_a_wait_that_just_fits_is_waited_for() -> None:
    calls = Calls(RefusedError("busy", retry_after=99.0))
    assert await calls.run(RetryPolicy(total=100.0)) == "answer"
    assert calls.times[1] == pytest.approx(100.0, abs=0.01)


async def test_a_cancel_passes_through_attempt_and_wait() -> None:
    for calls in (Calls(seconds=100.0), Calls(RefusedError("busy", retry_after=100.0))):
        task = asyncio.create_task(calls.run(RetryPolicy()))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(calls.times) == 1


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
    import looptime

    async def run() -> None:
        calls = Calls(*errors)
        policy = RetryPolicy(attempts=attempts, total=total)
        try:
            await calls.run(policy, chance)
        except CallError as error:
            assert isinstance(error, InDoubtError) == any(
                isinstance(e, InDoubtError) for e in errors[: len(calls.times)]
            )
        assert 1 <= len(calls.times) <= attempts
        assert calls.times[-1] - calls.times[0] <= total + 0.01
        assert len(calls.waits) == len(calls.times) - 1
        for wait, error in zip(calls.waits, errors, strict=False):
            assert wait >= (error.retry_after or 0)

    loop = looptime.new_event_loop(start=0)
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
