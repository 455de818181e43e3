"""Runs in virtual time for the accounts of waiting, by the function that users call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from flowrun.dsl import Source
from flowrun.runtime import Result, RunOptions, load, run_async
from flowrun.runtime.providers.protocol import Surroundings
from flowrun.runtime.providers.scripted import Scripted, ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.errors import CallError
from flowrun.runtime.vocabulary.waits import BlockWaits, Cause, EndpointWaits
from flowrun.testing import VirtualLoop

Answer = Callable[[str, float], "Scripted | CallError | float | str"]
"""A function of the prompt and the time: a reply, a failure after a second, the seconds of a good answer, or a text."""


@dataclass
class Waited:
    """A run in virtual time. ``sent`` has the times at which prompts came in. ``places`` is the usual width.

    ``base`` is the address of the endpoints, with the name of the provider in place of `{}`.
    """

    answer: Answer
    places: int = 64
    base: str = ""
    sent: list[tuple[float, str]] = field(default_factory=list)
    result: Result | None = None

    def run(self, text: str, inputs: dict[str, Any] | None = None, **options: Any) -> Waited:
        loop = VirtualLoop()

        def script(request: Request, number: int) -> Scripted:
            prompt = request.messages[-1].text
            self.sent.append((loop.now, prompt))
            reply = self.answer(prompt, loop.now)
            if isinstance(reply, CallError):
                return Scripted(reply, 1.0)
            return Scripted("fine", float(reply)) if isinstance(reply, int | float) else _scripted(reply)

        def opened(address: str, surroundings: Surroundings) -> ScriptedProvider:
            provider = ScriptedProvider(script, model=address, concurrency=self.places)
            name = address.partition(":")[0]
            provider.endpoint = self.base.format(name) or name
            return provider

        settings = RunOptions(**{"model": "openai:m", "environ": {}, "opener": opened, **options})

        async def whole() -> Result:
            return await run_async(load(Source(text)), inputs or {}, options=settings)

        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            self.result = runner.run(whole())
        return self

    @property
    def seconds(self) -> float:
        assert self.result is not None
        return self.result.summary.seconds

    @property
    def endpoints(self) -> tuple[EndpointWaits, ...]:
        assert self.result is not None
        return self.result.summary.waits.endpoints

    @property
    def blocks(self) -> list[BlockWaits]:
        """The waiting of the blocks, in thousandths of a second."""
        assert self.result is not None
        return [replace(one, seconds=round(one.seconds, 3)) for one in self.result.summary.waits.blocks]

    def causes(self, place: int = 0) -> dict[str, float]:
        """The seconds of each cause at an endpoint, without those of no time."""
        return {cause.value: round(one, 4) for cause, one in self.endpoints[place].seconds.items() if one > 1e-5}

    def total(self, place: int = 0) -> float:
        return sum(self.endpoints[place].seconds.values())

    def of(self, cause: Cause) -> float:
        return self.endpoints[0].seconds[cause]


def _scripted(reply: Scripted | str) -> Scripted:
    return Scripted(reply) if isinstance(reply, str) else reply
