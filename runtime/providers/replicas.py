"""The provider of one model at several addresses. A request goes to the address that has read the longest beginning of
its prompt.

It goes to the address that has the fewest open ones if no address has read enough, or if the one that has read it has
more than its share of the requests that are usually open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import field, replace

from flowrun.dsl import dataclass

from ..vocabulary.call import Reply, Request
from ..vocabulary.errors import InDoubtError, RefusedError
from . import open_provider
from .affinity import Affinity, keys_of
from .named_endpoints import NamedEndpoint
from .protocol import Provider, Surroundings

FADES = 0.99
"""The share of the usual number of open requests that counts when the next one is sent."""
REST = 10.0
"""The seconds for which an address that refused a request, or lost one, gets no other while there is a better one."""


@dataclass(eq=False, slots=True)
class _Replica:
    provider: Provider
    open: int = 0
    sent: int = 0
    rests_until: float = field(default=0.0)


class Replicas:
    """A provider over the providers of several addresses. Its ``endpoint`` is the first of ``addresses``.

    So answers are kept under the first address, and all models of the endpoint share one limiter.
    """

    def __init__(self, providers: Sequence[Provider], clock: Callable[[], float] | None = None) -> None:
        self._replicas = [_Replica(one) for one in providers]
        self._affinity = Affinity()
        self._usual = 0.0
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self.model = providers[0].model
        self.endpoint = providers[0].endpoint
        self.identity: str = getattr(providers[0], "identity", "")
        self.addresses = tuple(one.endpoint for one in providers)
        self.samples = min(one.samples for one in providers)
        self.concurrency = sum(one.concurrency for one in providers)
        self.keeps_prompts = True
        self.caches_from: int | None = getattr(providers[0], "caches_from", None)

    @property
    def first(self) -> Provider:
        """The provider of the first address. Its batch API is asked, because a submission is known there alone."""
        return self._replicas[0].provider

    async def start(self) -> None:
        await asyncio.gather(*(one.provider.start() for one in self._replicas))

    async def complete(self, request: Request, samples: int = 1, idempotency_key: str = "") -> Reply:
        chosen = self._choose(request)
        chosen.open += 1
        chosen.sent += 1
        try:
            return await chosen.provider.complete(request, samples, idempotency_key)
        except (RefusedError, InDoubtError):
            chosen.rests_until = self._clock() + REST
            raise
        finally:
            chosen.open -= 1
            self.samples = min(one.provider.samples for one in self._replicas)

    def _choose(self, request: Request) -> _Replica:
        """Choose the address for a request. An address that rests gets it only if all rest."""
        now = self._clock()
        ready = [one for one in self._replicas if one.rests_until <= now] or self._replicas
        chosen = least = min(ready, key=lambda one: (one.open, one.sent))
        keys, length = keys_of(request)
        self._usual = max(sum(one.open for one in self._replicas) + 1, FADES * self._usual)
        known = self._affinity.choose(keys, length)
        if known is not None and (near := self._replicas[known]) in ready:
            fair = max(self._usual / len(ready), least.open + 1)
            chosen = near if near.open < fair else least
        self._affinity.note(keys, self._replicas.index(chosen))
        return chosen

    async def close(self) -> None:
        await asyncio.gather(*(one.provider.close() for one in self._replicas))


def open_replicas(model: str, named: NamedEndpoint, surroundings: Surroundings) -> Provider:
    """Open a model at each address of an endpoint. Raises what ``open_provider`` raises."""

    def at(address: str) -> Provider:
        one = replace(named, base_url=address, others=())
        return open_provider(model, replace(surroundings, endpoints={**surroundings.endpoints, named.name: one}))

    return Replicas([at(address) for address in (named.base_url, *named.others)])
