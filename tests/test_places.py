"""The places at an endpoint, from the options of a flow, and the bodies that a map opens for them."""

from __future__ import annotations

from typing import Any

import pytest

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.endpoint import Endpoint, grown_window, window_of
from flowrun.runtime.engine.decisions import Launch
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.limits import EndpointTerms, Limiter
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.plans.models import declared_models
from flowrun.runtime.providers.addresses import is_nearby
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.records import Record
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.session.endpoints import open_endpoints
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.call import Answer
from flowrun.runtime.vocabulary.pace import Pace
from support.harness import functions
from support.recording import RecordedState, replay

FLOW = """model m = "openai:m"{options}
flow f(xs: [int]) {{
  r = map x in xs {{ ask m "{{{{ x }}}}" }} reduce collect
  return r
}}
"""
UNKNOWN = Pace()
NEARBY, HOSTED = "http://127.0.0.1:8000", "https://api.example.com/v1"


def opened(endpoint: str, options: str = "", usual: int = 64, pace: Pace = UNKNOWN) -> Limiter:
    plan = make_plan(check_flow(Source(FLOW.format(options=options)), catalog()), "f")

    def provider(address: str, surroundings: Surroundings) -> Any:
        made = ScriptedProvider(["x"], model=address, concurrency=usual)
        made.endpoint = endpoint
        vars(made)["record"] = Record(pace=pace)
        return made

    declared = declared_models(plan)
    surroundings = Surroundings({}, lambda line: None)
    (one,) = open_endpoints(plan, {}, declared, declared["m"], surroundings, provider, RetryPolicy()).values()
    return one.limiter


@pytest.mark.parametrize(
    ("endpoint", "options", "usual", "limit", "start"),
    [
        (HOSTED, "", 64, None, 64),
        (NEARBY, "", 64, None, 128),
        (NEARBY, "", 1, 1, 1),
        (HOSTED, " with concurrency: 1000", 64, 1000, 1000),
        (NEARBY, " with concurrency: 4", 64, 4, 4),
        (NEARBY, " with concurrency: 4", 1, 4, 4),
        ("", "", 8, None, 8),
    ],
)
def test_concurrency_is_the_ceiling_and_without_it_there_is_none(
    endpoint: str, options: str, usual: int, limit: int | None, start: int
) -> None:
    limiter = opened(endpoint, options, usual)
    assert (limiter.limit, limiter.width) == (limit, start)


@pytest.mark.parametrize(("options", "start", "width"), [("", 500, 1000), (" with concurrency: 600", 600, 600)])
def test_a_run_goes_on_from_a_width_that_still_grew(options: str, start: int, width: int) -> None:
    limiter = opened(NEARBY, options, pace=Pace(500, rising=True))
    assert (limiter.start, limiter.width) == (start, width)


@pytest.mark.parametrize(
    ("address", "nearby"),
    [
        ("http://localhost:11434/v1", True),
        ("http://10.1.2.3", True),
        ("http://192.168.0.7:8080", True),
        ("http://[::1]:8000", True),
        ("https://8.8.8.8", False),
        ("https://api.example.com", False),
        ("scripted", False),
    ],
)
def test_private_networks_are_nearby(address: str, nearby: bool) -> None:
    assert is_nearby(address) is nearby


def test_the_window_of_a_map_follows_the_places_that_are_in_use() -> None:
    def endpoint(limiter: Limiter) -> Endpoint:
        return Endpoint(ScriptedProvider(["x"]), limiter)

    assert window_of([endpoint(Limiter(4))]) == 64
    assert window_of([endpoint(Limiter(1000))]) == 2000
    assert window_of([endpoint(Limiter(None, EndpointTerms(start=64)))]) == 1024
    shared = Limiter(None, EndpointTerms(start=5000))
    assert grown_window([endpoint(shared), endpoint(shared)], 1024) == 10_000
    assert grown_window([endpoint(Limiter(5000))], 40) == 40


def test_a_wider_window_opens_more_bodies_and_is_part_of_the_recording() -> None:
    plan = make_plan(check_flow(Source(FLOW.format(options="")), catalog()), "f")
    context = Context(declared_models(plan), ModelValue("m", "openai:m"), functions)
    state = RecordedState(plan, {"xs": list(range(1000))}, context, 10)
    calls = [one.call for one in state.begin() if isinstance(one, Launch)]
    assert len(calls) == 10
    state.widened(100)
    more = [one.call for one in state.answered(calls[0].number, Answer("y")) if isinstance(one, Launch)]
    assert len(more) == 91
    state.widened(50)
    again = [one.call for one in state.answered(more[0].number, Answer("y")) if isinstance(one, Launch)]
    assert len(again) == 1
    replay(state.recording, context)
