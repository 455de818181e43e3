"""Runs in virtual time in which each call takes a second, for comparison with the bounds that `plan` gives."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import looptime

from flowrun.dsl import MESSAGE_TOKENS, Bounds
from flowrun.runtime.dispatch.scheduler import Scheduler
from flowrun.runtime.engine.decisions import Outcome
from flowrun.runtime.engine.scopes import Context
from flowrun.runtime.engine.state import State
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.limits.retry import RetryPolicy
from flowrun.runtime.plans.models import declared_models
from flowrun.runtime.providers import places_of
from flowrun.runtime.providers.protocol import Provider, Surroundings
from flowrun.runtime.session.endpoints import open_endpoints
from flowrun.runtime.values.expressions import ModelValue
from flowrun.runtime.vocabulary.call import Answer, Reply, Request
from flowrun.runtime.vocabulary.tokens import estimate
from flowrun.runtime.vocabulary.usage import Usage

from .harness import functions, planned

Json = Any
HERE = Files(Path(__file__).parent)
LETTERS = "abcdefg"


class Server:
    """A server that answers each call after a second, and counts calls and tokens.

    ``bad`` tells whether the answer to a prompt is malformed.
    """

    def __init__(self, bad: Callable[[str], bool], seed: int = 0, samples: int = 1) -> None:
        self.rng = random.Random(seed)
        self.bad = bad
        self.samples = samples
        self.calls = self.tokens_in = self.tokens_out = 0

    def opened(self, address: str, surroundings: Surroundings) -> Provider:
        return _Model(self, address)


class _Model:
    def __init__(self, server: Server, address: str) -> None:
        self.server = server
        self.model = address
        self.endpoint = address.partition(":")[0]
        self.samples = server.samples
        self.concurrency = places_of(address, {}) or 10**6

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        server = self.server
        server.calls += samples
        server.tokens_in += sum(estimate(message.text) + MESSAGE_TOKENS for message in request.messages)
        await asyncio.sleep(1)
        texts = [self._text(request) for _ in range(samples)]
        server.tokens_out += sum(map(estimate, texts))
        return Reply(tuple(Answer(text) for text in texts), Usage(1, 1))

    def _text(self, request: Request) -> str:
        rng = self.server.rng
        if request.choices or request.schema is not None:
            if self.server.bad(request.messages[-1].text):
                return "zzz"
            if request.schema is not None:
                return _number(request.schema, rng)
            return rng.choices(request.choices, [4, 2, 1][: len(request.choices)])[0]
        return " ".join(rng.choices(LETTERS, k=rng.randint(1, min(4, request.max_tokens or 4))))


def _number(schema: Mapping[str, Any], rng: random.Random) -> str:
    if schema.get("type") == "array":
        items = schema.get("items", {})
        high = int(items.get("maximum", 3))
        if items.get("type") == "integer" and "maximum" in items:
            order = list(range(1, high + 1))
            rng.shuffle(order)
            return str(order)
        return '["a", "b"]'
    return str(rng.randint(int(schema.get("minimum", 1)), int(schema.get("maximum", 1))))


def bounds(text: str, **inputs: Json) -> Bounds:
    return estimate_plan(planned(text), inputs, HERE, model="m", environ={})


def run(text: str, inputs: Mapping[str, Json], server: Server) -> tuple[Outcome, int]:
    """Run a flow; return its outcome and the seconds that it took."""
    flow = planned(text)
    declared = declared_models(flow)
    default = ModelValue("m", "m")

    async def whole() -> tuple[Outcome, float]:
        silent = Surroundings({}, lambda line: None)
        endpoints = open_endpoints(flow, inputs, declared, default, silent, server.opened, RetryPolicy())
        context = Context(declared, default, functions, calls_limit=flow.calls_limit, money_limit=flow.money_limit)
        outcome = await Scheduler(State(flow, inputs, context, window=10**6), endpoints, lambda event: None).run()
        return outcome, asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        outcome, seconds = runner.run(whole())
    return outcome, round(seconds)


def hold(found: Bounds, outcome: Outcome, seconds: int, server: Server) -> bool:
    """Check a run against its bounds: always the most, and the least if it completed. Return True if it completed."""
    completed = outcome.complete and not outcome.failures
    for name, bound, real in (
        ("calls", found.calls, server.calls),
        ("rounds", found.rounds, seconds),
        ("tokens in", found.tokens_in, server.tokens_in),
        ("tokens out", found.tokens_out, server.tokens_out),
    ):
        assert bound.most is None or real <= bound.most, f"{name}: {real} are more than {bound.most}"
        assert not completed or bound.least <= real, f"{name}: {real} are less than {bound.least}"
    return completed
