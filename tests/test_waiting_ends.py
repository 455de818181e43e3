"""Waiting that begins late or ends early, in virtual time: the seconds are worked out by hand."""

from __future__ import annotations

import pytest

from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.vocabulary.errors import CallError, InDoubtError, ModelError
from flowrun.runtime.vocabulary.waits import BlockWaits, Cause
from support.waiting_runs import Waited


def test_a_call_that_comes_while_all_places_are_taken_waits() -> None:
    text = """model a = "openai:a" with concurrency: 1
model b = "anthropic:b"
flow f() {
  slow = ask a "slow"
  quick = ask b "quick"
  late = ask a "late" after quick
  return { slow, late }
}
"""
    times = {"slow": 8.0, "quick": 2.0, "late": 1.0}
    ran = Waited(lambda prompt, now: times[prompt]).run(text)
    assert ran.seconds == pytest.approx(9.0)
    assert ran.causes(0) == {"width": 6.0}


def test_a_rate_does_not_count_while_a_call_is_not_to_be_sent_yet() -> None:
    text = """model m = "openai:m" with rpm: 6
flow f() {
  one = ask m "one"
  return one
}
"""

    def answer(prompt: str, now: float) -> CallError | float:
        return 1.0 if now else InDoubtError("broken", status=500)

    ran = Waited(answer).run(text)
    # The call fails at 1 second, is to be sent again after half a second at most, and may be sent at 10 seconds.
    assert [at for at, _ in ran.sent] == pytest.approx([0.0, 10.0])
    assert 0.2 < ran.of(Cause.BACKOFF) <= 0.5
    assert ran.of(Cause.RATE) == pytest.approx(9.0 - ran.of(Cause.BACKOFF), abs=1e-5)


def test_the_calls_of_a_model_that_is_closed_wait_no_longer() -> None:
    text = """model a = "openai:a" with concurrency: 2
model b = "openai:b" with concurrency: 2
flow f(xs: [int]) {
  long = ask b "long"
  lost = map x in xs { ask a "{{ x }}" } reduce collect with errors: skip
  last = ask b "last" after lost
  return { long, lost, last }
}
"""
    times = {"long": 20.0, "last": 9.0}

    def answer(prompt: str, now: float) -> CallError | float:
        return times.get(prompt) or ModelError("the model is gone", status=404)

    ran = Waited(answer).run(text, {"xs": [1, 2, 3]})
    # Two calls wait until the model is closed at 1 second. Both places are taken from 1 to 10, and nothing waits.
    assert [at for at, prompt in ran.sent if prompt == "last"] == pytest.approx([1.0])
    assert ran.causes() == {"width": 1.0}


def test_calls_that_an_outage_ends_wait_no_longer() -> None:
    text = """model a = "openai:a" with concurrency: 2
model b = "anthropic:b"
flow f(xs: [int]) {
  lost = map x in xs { ask a "{{ x }}" } reduce collect with errors: skip
  last = ask b "last" after lost
  return { lost, last }
}
"""

    def answer(prompt: str, now: float) -> CallError | float:
        return 100.0 if prompt == "last" else InDoubtError("broken", status=500)

    ran = Waited(answer).run(text, {"xs": list(range(9))}, policy=RetryPolicy(total=20.0))
    given_up = ran.sent[-1][0]
    assert ran.sent[-1][1] == "last"
    assert 5.0 < ran.of(Cause.OUTAGE) < given_up
    assert ran.seconds == pytest.approx(given_up + 100.0)
    assert ran.total() <= given_up + 1e-5


def test_a_call_that_is_given_up_behind_another_in_line_for_money_waits_no_longer() -> None:
    priced = "max_tokens: 10, input_price: 0, output_price: 100000, concurrency: 9"
    text = f"""model m = "openai:m" with {priced}
model n = "anthropic:n" with {priced}
model q = "gemini:q" with max_tokens: 1, input_price: 0, output_price: 1
flow f(xs: [int]) {{
  race = fanout {{
    quick = ask q "quick"
    late = chain {{
      before = ask q "before"
      rest = ask n "late {{{{ before }}}}"
    }}
  }} reduce first
  all = map x in xs {{ ask m "number {{{{ x }}}}" }} reduce collect
  return {{ race, all }}
}}
"""
    times = {"quick": 2.0, "before": 1.0}
    ran = Waited(lambda prompt, now: times.get(prompt, 5.0)).run(text, {"xs": [1, 2]}, budget="$1.5")
    assert ran.seconds == pytest.approx(10.0)
    waited = {told.models[0]: ran.causes(place) for place, told in enumerate(ran.endpoints)}
    assert waited["openai:m"] == {"budget": 5.0}
    assert waited["anthropic:n"] == {"budget": 1.0}


def test_a_map_that_is_given_up_keeps_no_element_back() -> None:
    text = """flow f(xs: [int]) {
  some = map x in xs { ask "number {{ x }}" } reduce collect with concurrency: 1, timeout: 2s
  other = ask "other"
  return { some, other }
}
"""
    ran = Waited(lambda prompt, now: 50.0 if prompt == "other" else 1.5).run(text, {"xs": [1, 2, 3, 4]})
    assert ran.seconds == pytest.approx(50.0)
    assert ran.blocks == [BlockWaits("some", 1, 2.0)]
