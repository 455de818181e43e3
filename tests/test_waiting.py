"""The waiting of a run, in virtual time: the seconds of each cause are worked out by hand."""

from __future__ import annotations

import heapq
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrun.runtime import Stop
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.vocabulary.errors import CallError, InDoubtError, RefusedError
from flowrun.runtime.vocabulary.waits import BlockWaits, Cause
from support.waiting_runs import Waited


def one_map(model: str, block: str = "") -> str:
    return f"""model m = "openai:m" with {model}
flow f(xs: [int]) {{
  all = map x in xs {{ ask m "number {{{{ x }}}}" }} reduce collect{block}
  return all
}}
"""


def numbers(count: int) -> dict[str, Any]:
    return {"xs": list(range(count))}


def second(prompt: str, now: float) -> float:
    return 1.0


def test_calls_wait_for_places_until_the_last_is_sent() -> None:
    ran = Waited(second).run(one_map("concurrency: 2"), numbers(6))
    # Two calls go at 0, at 1 and at 2 seconds.
    assert ran.seconds == pytest.approx(3.0)
    assert ran.causes() == {"width": 2.0}
    told = ran.endpoints[0]
    assert (told.narrowest, told.widest, told.ceiling, told.paced) == (2, 2, 2, False)
    assert told.models == ("openai:m",)
    assert ran.blocks == []


def test_nothing_waits_if_there_are_places_for_all() -> None:
    ran = Waited(second).run(one_map("concurrency: 6"), numbers(6))
    assert ran.seconds == pytest.approx(1.0)
    assert ran.causes() == {}


def test_the_rate_of_the_flow_spreads_the_calls() -> None:
    ran = Waited(lambda prompt, now: 0.1).run(one_map("rpm: 60, concurrency: 9"), numbers(4))
    # The calls go at 0, 1, 2 and 3 seconds.
    assert ran.seconds == pytest.approx(3.1)
    assert ran.causes() == {"rate": 3.0}
    assert ran.endpoints[0].paced


def test_a_full_endpoint_with_a_rate_waits_for_the_rate_first_and_then_for_places() -> None:
    ran = Waited(lambda prompt, now: 3.0).run(one_map("rpm: 60, concurrency: 1"), numbers(2))
    # The second call may go at 1 second by the rate, and at 3 seconds by the place.
    assert ran.seconds == pytest.approx(6.0)
    assert ran.causes() == {"rate": 1.0, "width": 2.0}


def test_a_single_call_waits_as_long_as_the_server_asked_for() -> None:
    def answer(prompt: str, now: float) -> CallError | float:
        return 1.0 if now else RefusedError("slower", status=429, retry_after=5.0)

    ran = Waited(answer).run(one_map("concurrency: 4"), numbers(1))
    again = ran.sent[1][0]
    assert 6.0 <= again <= 6.5
    assert ran.of(Cause.RETRY_AFTER) == pytest.approx(5.0)
    # The part by which attempts are spread is a wait between attempts.
    assert ran.of(Cause.BACKOFF) == pytest.approx(again - 6.0, abs=1e-6)
    assert ran.total() == pytest.approx(ran.seconds - 2.0)


def test_a_pause_counts_before_the_places() -> None:
    def answer(prompt: str, now: float) -> CallError | float:
        return RefusedError("slower", status=429, retry_after=5.0) if prompt == "number 0" and not now else 1.0

    ran = Waited(answer).run(one_map("concurrency: 2"), numbers(6))
    # Four calls wait for places until 1, and the endpoint is paused until 6 seconds.
    assert ran.of(Cause.RETRY_AFTER) == pytest.approx(5.0)
    assert not [at for at, _ in ran.sent if 1.0 <= at < 6.0]
    # Calls wait until the last is sent.
    last = max(at for at, _ in ran.sent)
    assert ran.of(Cause.WIDTH) == pytest.approx(last - 5.0, abs=1e-5)
    assert ran.total() == pytest.approx(last, abs=1e-5)


def test_an_outage_lasts_from_the_fifth_failure_to_the_first_answer() -> None:
    def answer(prompt: str, now: float) -> CallError | float:
        return InDoubtError("broken", status=500) if now < 8.0 else 1.0

    ran = Waited(answer).run(one_map("concurrency: 4"), numbers(20))
    # Four failures at 1 second, the fifth at 2. Probes go at 3 and at 9, and the second is answered at 10 seconds.
    assert [at for at, _ in ran.sent if 2.0 <= at < 10.0] == pytest.approx([3.0, 9.0])
    assert ran.of(Cause.OUTAGE) == pytest.approx(8.0)
    assert ran.of(Cause.RETRY_AFTER) == 0
    assert ran.endpoints[0].narrowest < 4 == ran.endpoints[0].widest


def test_a_pause_in_an_outage_counts_as_a_pause() -> None:
    def answer(prompt: str, now: float) -> CallError | float:
        if now < 3.0:
            return InDoubtError("broken", status=500)
        return 1.0 if now > 20.0 else RefusedError("slower", status=429, retry_after=20.0)

    ran = Waited(answer).run(one_map("concurrency: 4"), numbers(20))
    # The outage begins at 2 seconds. The probe of 3 seconds is told at 4 to wait for 20, the next is answered at 25.
    assert [at for at, _ in ran.sent if 2.0 <= at < 25.0] == pytest.approx([3.0, 24.0])
    assert (ran.of(Cause.OUTAGE), ran.of(Cause.RETRY_AFTER)) == pytest.approx((3.0, 20.0))


def test_a_failed_call_alone_waits_between_its_attempts() -> None:
    def answer(prompt: str, now: float) -> CallError | float:
        return InDoubtError("broken", status=500) if not now else 1.0

    ran = Waited(answer).run(one_map("concurrency: 4"), numbers(1))
    assert ran.causes() == {"backoff": round(ran.seconds - 2.0, 4)}


def test_a_call_between_its_attempts_does_not_count_while_others_are_served() -> None:
    def answer(prompt: str, now: float) -> CallError | float:
        if prompt == "number 0":
            return 1.0 if now else InDoubtError("broken", status=500)
        return 9.0

    ran = Waited(answer).run(one_map("concurrency: 4"), numbers(2))
    assert ran.seconds == pytest.approx(9.0)
    assert ran.causes() == {}


PRICED = "max_tokens: 10, input_price: 0, output_price: 100000, concurrency: 9"


def test_calls_wait_for_money_until_others_have_their_bills() -> None:
    # A call costs at most a dollar and in fact ten cents; the budget has room for one at a time.
    ran = Waited(second).run(one_map(PRICED), numbers(4), budget="$1.35")
    assert [at for at, _ in ran.sent] == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert ran.result is not None
    assert ran.result.ok
    assert ran.causes() == {"budget": 3.0}


def test_calls_in_line_for_money_that_are_given_up_wait_no_longer() -> None:
    text = f"""model m = "openai:m" with {PRICED}
model n = "anthropic:n" with max_tokens: 1, input_price: 0, output_price: 1
flow f(xs: [int]) {{
  first = fanout {{
    many = map x in xs {{ ask m "number {{{{ x }}}}" }} reduce collect
    quick = ask n "quick"
  }} reduce first
  last = ask n "last" after first
  return last
}}
"""
    times = {"quick": 2.0, "last": 10.0}
    ran = Waited(lambda prompt, now: times.get(prompt, 5.0)).run(text, numbers(3), budget="$1.5")
    assert ran.seconds == pytest.approx(12.0)
    assert ran.causes() == {"budget": 2.0}


def test_a_map_with_a_concurrency_of_its_own_is_named() -> None:
    ran = Waited(second).run(one_map("concurrency: 9", " with concurrency: 2"), numbers(6))
    # Elements are left until the last two begin at 2 seconds.
    assert ran.blocks == [BlockWaits("all", 2, 2.0)]
    assert ran.causes() == {}


def test_a_repeat_with_a_concurrency_of_its_own_is_named() -> None:
    text = """flow f() {
  v = repeat 5 { ask "say" } reduce collect with concurrency: 1
  return v
}
"""
    ran = Waited(second).run(text)
    assert ran.blocks == [BlockWaits("v", 1, 4.0)]


def test_the_endpoint_counts_before_the_concurrency_of_a_map() -> None:
    ran = Waited(second).run(one_map("concurrency: 2", " with concurrency: 4"), numbers(8))
    assert ran.causes() == {"width": 3.0}
    assert ran.blocks == [BlockWaits("all", 4, 0.0)]


def test_maps_inside_a_map_count_once() -> None:
    text = """flow f(xs: [int]) {
  all = map x in xs {
    inner = map y in xs { ask "{{ x }} {{ y }}" } reduce collect with concurrency: 1
  } reduce collect
  return all
}
"""
    ran = Waited(second).run(text, numbers(3))
    assert ran.seconds == pytest.approx(3.0)
    assert ran.blocks == [BlockWaits("all.inner", 1, 2.0)]


def test_models_of_one_endpoint_wait_together() -> None:
    text = """model a = "openai:a" with concurrency: 2
model b = "openai:b" with concurrency: 2
flow f(xs: [int]) {
  one = map x in xs { ask a "{{ x }}" } reduce collect
  two = map x in xs { ask b "{{ x }}" } reduce collect
  return { one, two }
}
"""
    ran = Waited(second).run(text, numbers(3))
    assert len(ran.endpoints) == 1
    assert ran.endpoints[0].models == ("openai:a", "openai:b")
    assert ran.causes() == {"width": 2.0}


def test_each_endpoint_has_its_own_figures() -> None:
    text = """model a = "openai:a" with concurrency: 1
model b = "anthropic:b" with rpm: 60, concurrency: 9
flow f(xs: [int]) {
  one = map x in xs { ask a "{{ x }}" } reduce collect
  two = map x in xs { ask b "{{ x }}" } reduce collect
  return { one, two }
}
"""
    ran = Waited(second).run(text, numbers(4))
    assert [one.endpoint for one in ran.endpoints] == ["openai", "anthropic"]
    assert (ran.causes(0), ran.causes(1)) == ({"width": 3.0}, {"rate": 3.0})


def test_calls_that_are_given_up_in_the_queue_wait_no_longer() -> None:
    text = """model a = "openai:a" with concurrency: 1
model b = "anthropic:b"
flow f() {
  slow = ask a "slow"
  first = fanout {
    queued = ask a "queued"
    quick = ask b "quick"
  } reduce first
  last = ask b "last" after first
  return { slow, last }
}
"""
    times = {"slow": 8.0, "quick": 2.0, "last": 9.0}
    ran = Waited(lambda prompt, now: times[prompt]).run(text)
    assert ran.seconds == pytest.approx(11.0)
    assert ran.causes(0) == {"width": 2.0}


def test_a_call_that_is_given_up_between_its_attempts_waits_no_longer() -> None:
    text = """model a = "openai:a"
model b = "anthropic:b"
flow f() {
  first = fanout {
    refused = ask a "refused"
    quick = ask b "quick"
  } reduce first
  last = ask b "last" after first
  return last
}
"""

    def answer(prompt: str, now: float) -> CallError | float:
        if prompt == "refused":
            return RefusedError("slower", status=429, retry_after=60.0)
        return {"quick": 4.0, "last": 100.0}[prompt]

    ran = Waited(answer).run(text)
    assert ran.causes(0) == {"retry_after": 3.0}


def test_nothing_waits_after_a_stop() -> None:
    stop = Stop()

    def answer(prompt: str, now: float) -> float:
        if now:
            stop()
        return 5.0 if now else 1.0

    ran = Waited(answer).run(one_map("concurrency: 2"), numbers(9), stop=stop)
    assert ran.seconds == pytest.approx(6.0)
    assert ran.causes() == {"width": 1.0}


def test_an_endpoint_is_named_by_its_host_alone() -> None:
    made = Waited(second, base="https://user:pass@Api.Example.test:8443/v1?key=secret#part")
    ran = made.run(one_map("concurrency: 1"), numbers(2))
    assert [one.endpoint for one in ran.endpoints] == ["api.example.test:8443"]


def test_two_endpoints_of_one_host_have_two_names() -> None:
    text = """model a = "openai:a" with concurrency: 1
model b = "anthropic:b" with concurrency: 1
flow f(xs: [int]) {
  one = map x in xs { ask a "{{ x }}" } reduce collect
  two = ask b "two"
  return { one, two }
}
"""
    ran = Waited(second, base="https://example.test/{}").run(text, numbers(2))
    assert [one.endpoint for one in ran.endpoints] == ["example.test", "example.test (2)"]
    assert (ran.causes(0), ran.causes(1)) == ({"width": 1.0}, {})


def test_endpoints_that_no_call_reached_are_not_listed() -> None:
    text = """model a = "openai:a"
model b = "anthropic:b"
flow f(which: YES | NO) {
  one = ask a "one" when which == YES
  two = ask b "two" when which == NO
  return { one, two }
}
"""
    ran = Waited(second).run(text, {"which": "YES"})
    assert [one.endpoint for one in ran.endpoints] == ["openai"]


@settings(max_examples=60, database=None)
@given(seed=st.integers(0, 2**32 - 1), places=st.integers(1, 5), count=st.integers(0, 24))
def test_the_wait_for_places_ends_when_the_last_call_is_sent(seed: int, places: int, count: int) -> None:
    rng = random.Random(seed)
    times = [rng.randrange(1, 64) / 8 for _ in range(count)]
    ran = Waited(lambda prompt, now: times[int(prompt.split()[1])]).run(
        one_map(f"concurrency: {places}"), numbers(count)
    )
    ends: list[float] = []
    last = 0.0
    for one in times:
        last = heapq.heappop(ends) if len(ends) == places else 0.0
        heapq.heappush(ends, last + one)
    assert sum(ran.total(place) for place in range(len(ran.endpoints))) == pytest.approx(last, abs=1e-5)


@settings(max_examples=60, database=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_figure_exceeds_the_run_and_no_second_counts_twice(seed: int) -> None:
    rng = random.Random(seed)
    model = f"concurrency: {rng.randrange(1, 6)}" + rng.choice(["", ", rpm: 60", ", rpm: 600"])
    block = rng.choice(["", f" with concurrency: {rng.randrange(1, 9)}", " with errors: skip"])

    def answer(prompt: str, now: float) -> CallError | float:
        kind = rng.random()
        if kind < 0.15:
            return RefusedError("slower", status=429, retry_after=rng.choice([None, 0.5, 4.0]))
        if kind < 0.3:
            return InDoubtError("broken", status=500)
        return rng.random() * 3

    ran = Waited(answer).run(one_map(model, block), numbers(rng.randrange(20)), policy=RetryPolicy(wait_max=2.0))
    most = max((ran.total(place) for place in range(len(ran.endpoints))), default=0.0)
    assert most + sum(one.seconds for one in ran.blocks) <= ran.seconds + 1e-5
    assert all(one >= 0 for told in ran.endpoints for one in told.seconds.values())
