"""Runs against a model that fails, under a virtual clock, on a call stack that must stay shallow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flowrun.dsl import Source, check_flow, make_plan
from flowrun.runtime.catalog import catalog
from flowrun.runtime.dispatch.scheduler import Endpoint, Scheduler
from flowrun.runtime.engine.decisions import NOTHING, Call, Known, Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.limits import EndpointTerms, Limiter
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.plans.models import declared_models
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import CallError, FlowrunError
from flowrun.runtime.vocabulary.usage import Price
from flowrun.testing import VirtualLoop

from .harness import functions

Json = Any
DEPTH = 150
"""The most nested function calls of a run, counted from the test."""


@contextmanager
def shallow() -> Iterator[None]:
    frame, depth, before = sys._getframe(), 0, sys.getrecursionlimit()
    while (back := frame.f_back) is not None:
        frame, depth = back, depth + 1
    sys.setrecursionlimit(depth + DEPTH)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Staged:
    """A run of a flow with the models ``openai:m`` and ``openai:spare``, which share one endpoint.

    ``says`` gets each request and the virtual time at which it came; a call takes ``seconds``. ``times`` are the times
    of the requests, and ``asked`` their prompts. With ``money``, a budget in dollars, each token of an answer costs a
    dollar.
    """

    def __init__(
        self,
        text: str,
        says: Callable[[Request, float], CallError | str],
        *,
        known: Callable[[Call], Known] = lambda call: NOTHING,
        limit: int = 20,
        start: int | None = None,
        seconds: float = 0.01,
        window: int = 40,
        policy: RetryPolicy | None = None,
        money: float | None = None,
        **inputs: Json,
    ) -> None:
        plan = make_plan(check_flow(Source(text), catalog()), "main")

        async def extern(name: str, args: Mapping[str, Json]) -> Json:
            raise FlowrunError("it raised at once")

        declared = declared_models(plan)
        default = declared.get("m", ModelValue("m", "openai:m"))
        price = Price(0.0, 1.0)
        context = Context(declared, default, functions, money_limit=money, price=lambda address: price, known=known)
        policy = policy or RetryPolicy()
        self.limiter = limiter = Limiter(limit, EndpointTerms(start=start, patience=policy.total))
        self.times: list[float] = []
        self.asked: list[tuple[str, str]] = []
        loop = VirtualLoop()

        def provider(model: str) -> ScriptedProvider:
            def script(request: Request, number: int) -> Scripted:
                self.times.append(loop.now)
                self.asked.append((model, request.messages[-1].text))
                return Scripted(says(request, loop.now), seconds)

            return ScriptedProvider(script, model=model)

        endpoints = {name: Endpoint(provider(name), limiter, policy) for name in ("openai:m", "openai:spare")}
        self.state = State(plan, inputs, context, window)
        scheduler = Scheduler(self.state, endpoints, lambda event: None, extern)
        try:
            with shallow():
                self.outcome: Outcome = loop.run_until_complete(scheduler.run())
        finally:
            self.seconds = loop.now
            loop.close()
        assert not scheduler.busy
        assert limiter.active == 0

    @property
    def calls(self) -> int:
        return len(self.times)


def in_a_map(body: str, options: str = "with errors: skip", head: str = "") -> str:
    return f"""{head}
model m = "openai:m"
flow main(xs: [int]) {{
  all = map x in xs {{ {body} }} reduce collect {options}
  return length(all)
}}
"""
