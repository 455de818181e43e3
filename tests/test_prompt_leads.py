"""The request that goes ahead of all others with the same head: who waits for it, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun.runtime.dispatch import prompt_cache
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary import events as e
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import RefusedError
from support.harness import Run, stage

BOOK = "rule " * 2000
MAP = """flow f(book: text, xs: [text]) {
  all = map x in xs { ask "{{ book }} {{ x }}" } reduce collect
  return all
}"""


def ran(seconds: Any, *, keeps: bool = False, flow: str = MAP, limit: int = 1000, number: int = 6) -> Run:
    """Run a flow whose calls take these seconds, by their order. With ``keeps`` the server keeps marked heads only."""

    def script(request: Request, at: int) -> Scripted:
        took = seconds(at) if callable(seconds) else seconds
        return took if isinstance(took, Scripted) else Scripted("a", took)

    provider: Any = ScriptedProvider(script, caches_from=None if keeps else 1024)
    if keeps:
        provider.keeps_from = 1024
    return stage(flow, script, {"book": BOOK, "xs": [f"x{at}" for at in range(number)]}, provider=provider, limit=limit)


def left(run: Run) -> list[float]:
    """Return the times at which the requests left."""
    return [at for event, at in zip(run.events, run.at, strict=True) if isinstance(event, e.RequestStarted)]


def cuts(run: Run) -> list[bool]:
    return [any(message.cuts for message in request.messages) for request in run.provider.calls]


@pytest.mark.parametrize("keeps", [False, True])
def test_one_element_goes_ahead(keeps: bool) -> None:
    run = ran(1.0, keeps=keeps)
    assert left(run) == [0.0, *[1.0] * 5]
    assert run.seconds == 2.0
    assert all(cuts(run))


@pytest.mark.parametrize(("keeps", "most"), [(False, prompt_cache.QUICK), (True, prompt_cache.PATIENCE)])
def test_a_slow_first_request_stalls_the_others_for_a_while_alone(keeps: bool, most: float) -> None:
    run = ran(lambda at: 60.0 if at == 0 else 1.0, keeps=keeps)
    assert left(run) == [0.0, *[most] * 5]
    assert run.seconds == 60.0
    # A server that has to be asked may not have kept the head yet: it would write it once more for each request.
    assert cuts(run) == [True, *[not keeps] * 5]


def test_two_failed_first_requests_are_enough() -> None:
    def seconds(at: int) -> Scripted:
        return Scripted(RefusedError("no", status=503), 1.0) if at < 2 else Scripted("a", 1.0)

    run = ran(seconds)
    assert run.outcome.complete
    assert left(run)[:2] == [0.0, 1.0]
    # The limiter waits for the server, but no request waits for another one.
    assert run.seconds < 10


def test_a_narrow_map_marks_the_head_for_the_elements_to_come() -> None:
    flow = MAP.replace("reduce collect", "reduce collect with concurrency: 1")
    run = ran(1.0, keeps=True, flow=flow)
    assert cuts(run) == [True] * 6
    assert run.seconds == 6.0
    run = ran(1.0, keeps=True, flow=flow, number=1)
    assert cuts(run) == [False]


def test_elements_that_may_not_come_do_not_count() -> None:
    flow = MAP.replace('}}" }', '}}" when x == "x0" }').replace("collect", "collect with concurrency: 1")
    assert cuts(ran(1.0, keeps=True, flow=flow)) == [False]


def test_a_head_is_forgotten_after_some_minutes() -> None:
    """The second map begins when the head has not been read for long: one request goes ahead again."""
    flow = """flow f(book: text, xs: [text]) {
      one = map x in xs { ask "{{ book }} {{ x }}" } reduce collect
      wait = ask "wait {{ one }}"
      two = map x in xs { ask "{{ book }} {{ x }} {{ wait }}" } reduce collect
      return two
    }"""
    for pause, ahead in ((1.0, 6), (prompt_cache.KEPT + 1, 1)):
        run = ran(lambda at, pause=pause: pause if at == 6 else 1.0, keeps=True, flow=flow)
        begun = [at for at in left(run) if at > 2.0]
        assert begun.count(min(begun)) == ahead
        assert cuts(run) == [True] * 6 + [False] + [True] * 6


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_places_are_used_while_others_wait(limit: int) -> None:
    assert ran(1.0, limit=limit, number=9).seconds <= 1 + -(-8 // limit)


def test_the_keys_of_answers_do_not_depend_on_heads() -> None:
    from flowrun.runtime.engine.decisions import Call
    from flowrun.runtime.engine.keys import key_of
    from flowrun.runtime.vocabulary.call import Message

    plain, marked = Message("user", "a b"), Message("user", "a b", heads=(2,), cuts=(2,))
    assert plain == marked and hash(plain) == hash(marked)
    keys = {key_of(Call(1, "a", "m", Request((one,))), "http://x") for one in (plain, marked)}
    assert len(keys) == 1
