"""A server that serves nobody for a while: no call is lost, few are sent, and it is used in full when it is back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import CallError, InDoubtError, PermanentError, RefusedError
from support.failing_runs import Staged, in_a_map
from support.few_cases import few

MAP = in_a_map('ask m "{{ x }}"')
DOWN: dict[str, Callable[[], CallError]] = {
    "503": lambda: RefusedError("busy", status=503),
    "529": lambda: RefusedError("overloaded", status=529),
    "429": lambda: RefusedError("slower", status=429),
    "500": lambda: InDoubtError("oops", status=500),
    "reset": lambda: InDoubtError("broke the connection off"),
    "nobody there": lambda: RefusedError("does not accept connections"),
}

_EACH_DOWN = [(down, 20) for down in DOWN]
_EACH_LIMIT = [("503", 1), ("nobody there", 200)]


def during(begin: float, end: float, error: Callable[[], CallError]) -> Callable[[Request, float], CallError | str]:
    return lambda request, now: error() if begin <= now < end else "fine"


@pytest.mark.parametrize(
    ("down", "limit"), few([(down, limit) for limit in (1, 20, 200) for down in DOWN], *_EACH_DOWN, *_EACH_LIMIT)
)
def test_an_outage_loses_nothing_and_is_probed_every_five_seconds(down: str, limit: int) -> None:
    # Enough to be under way when the outage begins.
    count = {1: 60, 20: 800, 200: 3000}[limit]
    run = Staged(MAP, during(3, 63, DOWN[down]), limit=limit, seconds=0.2, xs=list(range(count)))
    assert run.outcome.status == "done", run.outcome.losses[:3]
    asked = [time for time in run.times if 3 <= time < 63]
    # What was in flight or had just failed, and then one at a time.
    probes = [time for time in asked if time > 8]
    assert all(late - early >= 5 for early, late in pairwise(probes))
    assert len(asked) <= limit + 40
    # The whole run takes what it would take anyway, and the outage, and little more.
    assert run.seconds < 63 + count * 0.2 / limit + (80 if down == "429" else 15)


@pytest.mark.parametrize("down", few([*DOWN], "429", "500", "nobody there"))
def test_a_narrow_map_comes_through_an_outage(down: str) -> None:
    for width, end in ((4, 63), (6, 403)):
        text = in_a_map('ask m "{{ x }}"', f"with errors: skip, concurrency: {width}")
        run = Staged(text, during(3, end, DOWN[down]), seconds=0.2, xs=list(range(200)))
        assert run.outcome.status == "done", run.outcome.losses[:3]


@pytest.mark.parametrize("down", ["500", "503", "reset"])
def test_probes_are_different_calls(down: str) -> None:
    run = Staged(MAP, during(3, 63, DOWN[down]), limit=20, seconds=0.2, xs=list(range(800)))
    probes = [text for time, (_, text) in zip(run.times, run.asked, strict=True) if 6 < time < 63]
    assert len(probes) >= 10
    assert max(Counter(probes).values()) == 1


def test_a_prompt_that_no_server_takes_does_not_keep_the_others_waiting() -> None:
    """It stands first in line when the server is back, and fails as if that were not so."""

    def says(request: Request, now: float) -> CallError | str:
        if request.messages[-1].text == "40" or 3 <= now < 20:
            return InDoubtError("oops", status=500)
        return "fine"

    run = Staged(MAP, says, limit=20, seconds=0.2, xs=list(range(1000)))
    assert [loss.path for loss in run.outcome.losses] == ["all[40].line 4"]
    assert run.seconds < 60


@pytest.mark.parametrize("poison", [1, 3])
def test_a_few_prompts_that_fail_at_the_end_are_no_outage(poison: int) -> None:
    bad = {str(99 - one) for one in range(poison)}

    def says(request: Request, now: float) -> CallError | str:
        return InDoubtError("oops", status=500) if request.messages[-1].text in bad else "fine"

    run = Staged(MAP, says, limit=20, seconds=0.2, xs=list(range(100)))
    assert len(run.outcome.losses) == poison
    assert all("gave up after 6 attempts" in loss.reason for loss in run.outcome.losses)
    assert run.seconds < 100


@pytest.mark.parametrize("down", few([*DOWN], "429", "reset"))
def test_an_outage_that_does_not_end_is_waited_for_as_long_as_the_policy_says(down: str) -> None:
    run = Staged(MAP, during(3, 1e9, DOWN[down]), limit=20, seconds=0.2, xs=list(range(800)))
    assert run.outcome.status == "partial"
    assert 900 <= run.seconds - 3 < 980
    assert len([time for time in run.times if time > 10]) <= 180
    short = RetryPolicy(total=120.0)
    run = Staged(MAP, during(3, 1e9, DOWN[down]), limit=20, seconds=0.2, policy=short, xs=list(range(800)))
    assert 120 <= run.seconds - 3 < 200
    assert any("this server has not answered for 1" in loss.reason for loss in run.outcome.losses)


@pytest.mark.parametrize("down", ["reset", "nobody there"])
def test_a_server_that_was_never_there_is_given_half_a_minute(down: str) -> None:
    run = Staged(MAP, during(0, 1e9, DOWN[down]), limit=20, xs=list(range(800)))
    assert len(run.outcome.losses) == 800
    assert 30 <= run.seconds < 45
    assert run.calls < 40


@pytest.mark.parametrize("down", ["503", "429", "500"])
def test_a_server_that_begins_with_an_outage_loses_nothing_either(down: str) -> None:
    run = Staged(MAP, during(0, 60, DOWN[down]), limit=20, seconds=0.2, xs=list(range(1000)))
    assert run.outcome.status == "done", run.outcome.losses[:3]


def test_one_call_after_another_waits_for_a_server_that_was_there() -> None:
    text = 'model m = "openai:m"\nflow main() { a = ask m "one"\n b = ask m "two {{ a }}"\n return b }'
    for down in ("503", "529", "429", "nobody there"):
        run = Staged(text, during(0.005, 60, DOWN[down]), seconds=0.01)
        assert run.outcome.status == "done", down
        assert run.calls < 25


def test_a_flow_that_names_its_retries_is_taken_at_its_word() -> None:
    text = 'model m = "openai:m" with retries: 2\nflow main() { a = ask m "one"\n b = ask m "two {{ a }}"\n return b }'
    run = Staged(text, during(0.005, 60, DOWN["503"]), seconds=0.01)
    assert run.outcome.status == "failed"
    assert run.calls == 1 + 3


# Back


@pytest.mark.parametrize("down", ["503", "529", "500", "nobody there"])
def test_it_comes_back_by_doubling_to_what_was_taken(down: str) -> None:
    run = Staged(MAP, during(5, 15, DOWN[down]), limit=64, seconds=1.0, window=128, xs=list(range(800)))
    assert run.outcome.status == "done"
    back = min(time for time in run.times if time >= 15)
    assert back < 21
    # Rounds of 1, 2, 4 … and within seven rounds all 64 at once.
    for rounds in range(7):
        begun = sum(back + rounds - 0.01 <= time < back + rounds + 0.99 for time in run.times)
        assert begun == pytest.approx(2**rounds, abs=1)
    left = 800 - 5 * 64
    assert run.seconds < back + left / 64 + 9


def test_a_short_burst_of_refusals_costs_seconds() -> None:
    run = Staged(MAP, during(2, 2.5, DOWN["503"]), limit=20, seconds=0.2, xs=list(range(1000)))
    assert run.outcome.status == "done"
    assert run.seconds < 1000 * 0.2 / 20 + 5


def minute(limit: int) -> Callable[[Request, float], CallError | str]:
    """So many in each minute of the clock; what is beyond is refused without a word of when to come back."""
    served: Counter[int] = Counter()

    def says(request: Request, now: float) -> CallError | str:
        if served[int(now // 60)] >= limit:
            return RefusedError("rate limit reached", status=429)
        served[int(now // 60)] += 1
        return "fine"

    return says


@pytest.mark.parametrize("limit", [1, 20])
def test_a_limit_by_the_minute_is_waited_out(limit: int) -> None:
    run = Staged(MAP, minute(3), limit=limit, seconds=0.2, xs=list(range(60)))
    assert run.outcome.status == "done", run.outcome.losses[:3]
    # Twenty minutes are the least.
    assert run.seconds < 30 * 60
    assert run.calls < 60 + 20 * 20


def test_a_chain_waits_out_the_minute() -> None:
    steps = "\n".join(f's{n} = ask m "{{{{ s{n - 1} }}}}"' for n in range(1, 6))
    text = f'model m = "openai:m"\nflow main() {{ s0 = ask m "go"\n{steps}\nreturn s5 }}'
    run = Staged(text, minute(3))
    assert run.outcome.status == "done"
    assert run.seconds < 100


def test_what_is_too_large_for_its_minute_fails_while_others_are_served() -> None:
    def says(request: Request, now: float) -> CallError | str:
        return RefusedError("too large for the minute", status=429) if request.messages[-1].text == "7" else "fine"

    run = Staged(MAP, says, limit=5, seconds=0.2, xs=list(range(2000)))
    assert [loss.path for loss in run.outcome.losses] == ["all[7].line 4"]
    assert run.seconds < 100


# Retry-After


@pytest.mark.parametrize("limit", [1, 20])
def test_a_wait_beyond_the_time_there_is_ends_the_run_with_the_time(limit: int) -> None:
    run = Staged(
        MAP,
        during(1, 1e9, lambda: RefusedError("tomorrow", status=429, retry_after=86400.0)),
        limit=limit,
        seconds=0.2,
        xs=list(range(3000)),
    )
    assert run.seconds < 3
    assert run.calls <= 6 * limit
    assert all("run the flow again at 2" in loss.reason for loss in run.outcome.losses)
    assert len(run.outcome.losses) == 3000 - 5 * limit


def test_calls_in_line_share_the_time_that_there_is() -> None:
    error = lambda: RefusedError("later", status=429, retry_after=600.0)  # noqa: E731
    run = Staged(MAP, during(1, 1e9, error), limit=20, seconds=0.2, xs=list(range(3000)))
    assert 600 <= run.seconds < 700
    assert run.calls <= 100 + 2 * 20 + 1


def test_a_wait_that_fits_is_waited_for() -> None:
    error = lambda: RefusedError("later", status=429, retry_after=600.0)  # noqa: E731
    run = Staged(MAP, during(1, 500, error), limit=20, seconds=0.2, xs=list(range(3000)))
    assert run.outcome.status == "done"


def test_a_model_that_is_to_be_left_alone_leaves_another_one_to_stand_in() -> None:
    def says(request: Request, now: float) -> CallError | str:
        return RefusedError("tomorrow", status=429, retry_after=86400.0)

    run = Staged(MAP.replace('"openai:m"', '"openai:m" else "openai:spare"'), says, xs=list(range(100)))
    assert len(run.outcome.losses) == 100
    assert run.seconds < 1
    assert {model for model, _ in run.asked} == {"openai:m", "openai:spare"}


def test_what_is_wrong_in_itself_is_no_outage() -> None:
    run = Staged(MAP, lambda request, now: PermanentError("no", status=400), limit=5, xs=list(range(500)))
    assert run.calls == 500
    assert run.seconds < 2


@pytest.mark.parametrize("status", [408, 409, 425])
def test_a_refusal_that_tells_nothing_about_the_server_uses_up_the_attempts_of_its_call(status: int) -> None:
    def says(request: Request, now: float) -> CallError | str:
        return RefusedError("no", status=status) if request.messages[-1].text == "1" else "fine"

    run = Staged(MAP, says, limit=5, xs=list(range(3)))
    assert [loss.path for loss in run.outcome.losses] == ["all[1].line 4"]
    assert run.calls < 10
    assert run.seconds < 60


@pytest.mark.slow
@pytest.mark.parametrize("down", [503, 529, 500, "reset"])
async def test_an_outage_of_a_real_server(faults: Any, tmp_path: Path, down: int | str) -> None:
    """Two seconds, which are twenty of the waits between probes, in the middle of 1,000 elements."""
    choice = {"index": 0, "message": {"content": "fine"}, "finish_reason": "stop"}
    good = {"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    began = time.monotonic()
    failed: list[float] = []

    async def reply(request: web.Request) -> web.StreamResponse:
        now = time.monotonic() - began
        if not 1.0 <= now < 3.0:
            await asyncio.sleep(0.02)
            return web.json_response(good)
        failed.append(now)
        if isinstance(down, int):
            return web.json_response({"error": {"message": "no"}}, status=down)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    faults.replies.append(reply)
    path = tmp_path / "a.flow"
    path.write_text(
        'model m = "openai:x" with concurrency: 20, temperature: 0.5\n'
        'flow f(xs: [int]) { a = map x in xs { ask m "{{ x }}" } reduce collect with errors: skip return length(a) }\n'
    )
    policy = RetryPolicy(wait_initial=0.02, wait_max=0.1, total=30.0)
    xs = list(range(3000))
    result = await run_async(
        path, {"xs": xs}, options=RunOptions(environ={"OPENAI_BASE_URL": faults.url}, policy=policy)
    )
    assert result.status == "done", result.outcome.losses[:3]
    assert result.value == 3000
    assert len(failed) <= 20 + 20 + 5


def test_a_run_that_lost_elements_to_its_server_may_be_gone_on_with() -> None:
    lost = Staged(MAP, during(0.05, 1e9, DOWN["503"]), policy=RetryPolicy(total=60.0), xs=list(range(200))).outcome
    assert (lost.status, lost.resumable) == ("partial", True)
    wrong = Staged(MAP, lambda request, now: PermanentError("no", status=400), xs=[1]).outcome
    assert (wrong.status, wrong.resumable) == ("partial", False)
    assert not Staged(MAP, lambda request, now: "fine", xs=[1]).outcome.resumable
