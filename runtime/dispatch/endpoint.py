"""An endpoint as requests use it: the provider of a model, its limiter, and the error that closed it, if any."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from flowrun.dsl import dataclass

from ..engine.decisions import Call
from ..engine.strands import MOST_STRANDS
from ..limits import Limiter
from ..limits.retry import RetryPolicy
from ..providers.protocol import Provider
from ..vocabulary.errors import CallError

_LEAST_WINDOW = 64
_USUAL = 512
"""The requests in flight that an endpoint without a limit is expected to take, until it has taken more."""


@dataclass(eq=False, slots=True)
class Endpoint:
    """The endpoint of one model. Models at the same endpoint share its limiter.

    ``up`` is True when its provider has started. ``closed`` is the error after which no request can succeed there.
    ``failed`` is the last failure that tells something about the server. ``batch`` asks the same model through the
    batch API, None if no call does. ``live`` is set in the endpoint of a batch API: it is that of the live API.
    ``follows``: the provider knows its number of requests at once when it has started, and the limiter keeps to it.
    """

    provider: Provider
    limiter: Limiter
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    closed: CallError | None = None
    failed: CallError | None = None
    up: bool = False
    batch: Endpoint | None = None
    live: Endpoint | None = None
    follows: bool = False
    _starting: asyncio.Task[None] | None = None

    async def ready(self) -> bool:
        """Start the provider before its first request.

        Return True to the first caller; other callers wait for that start.
        """
        first = self._starting is None
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_task(self.provider.start())
        await asyncio.shield(self._starting)
        self.up = True
        if first and self.follows:
            self.limiter.hold_to(self.provider.concurrency)
        return first

    def for_call(self, call: Call) -> Endpoint:
        """Return the endpoint that a call is sent to: this one, or that of the batch API."""
        return self if self.batch is None or not call.policy.batch else self.batch

    async def close(self) -> None:
        if self.batch is not None:
            await self.batch.close()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        self.limiter.close()
        await self.provider.close()


def with_batches(endpoints: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """Yield endpoints, and those of their batch APIs."""
    for one in endpoints:
        yield one
        if one.batch is not None:
            yield one.batch


def identities_of(endpoints: Mapping[str, Endpoint]) -> dict[str, str]:
    """Return the names of models in the keys of answers, by address, of those models whose name there is another."""
    found = {address: getattr(one.provider, "identity", "") for address, one in endpoints.items()}
    return {address: name for address, name in found.items() if isinstance(name, str) and name and name != address}


def window_of(endpoints: Iterable[Endpoint]) -> int:
    """Return the bodies that a block may have open at once, so that requests wait for all places at its endpoints."""
    places = sum(one.limit or _USUAL for one in {one.limiter for one in with_batches(endpoints)})
    return max(_LEAST_WINDOW, 2 * places)


def grown_window(endpoints: Iterable[Endpoint], window: int) -> int:
    """Return the window for the requests that endpoints without a limit take by now, at least ``window``."""
    return max(window, 2 * sum(one.reach for one in {one.limiter for one in endpoints} if one.limit is None))


def has_limits(endpoint: Endpoint) -> bool:
    """Tell whether a flow or a provider sets limits of an endpoint."""
    limiter = endpoint.limiter
    return limiter.limit is not None or limiter.quota.rates != (None, None)


def places_of(endpoints: Mapping[str, Endpoint], model: str) -> int | None:
    """Return the requests that the endpoint of a model takes at once. None if the model has a batch API."""
    endpoint = endpoints.get(model)
    return None if endpoint is None or endpoint.batch is not None else endpoint.limiter.reach


def keeps_prompts(provider: Provider) -> bool:
    """Tell whether the server of a provider keeps the beginnings of prompts that it has read."""
    names = ("caches_from", "keeps_from", "keeps_prompts")
    return any(getattr(provider, name, None) not in (None, False) for name in names)


def asks_to_keep(provider: Provider) -> bool:
    """Tell whether the server of a provider keeps a beginning only where a request asks for it."""
    return getattr(provider, "keeps_from", None) is not None


def strands_of(endpoints: Mapping[str, Endpoint]) -> dict[str, int]:
    """Return the strands in which maps open their elements, for each model whose server keeps prompts, by address."""
    found: dict[str, int] = {}
    for address, one in endpoints.items():
        if keeps_prompts(one.provider):
            most = MOST_STRANDS * len(getattr(one.provider, "addresses", " "))
            found[address] = min(one.limiter.limit or most, most)
    return found
